// SPDX-License-Identifier: Apache-2.0
#include "dataplane/cycles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct cycles cycles;
static struct rxq_account queues[2];

static int setup(void **state)
{
    cycles_clear(&cycles);
    queues[0] = queues[1] = (struct rxq_account){0};
    cycles_start(&cycles, 1000);
    cycles_turn(&cycles, 1000, false);
    return 0;
}

static uint64_t count(enum cycle_count c)
{
    return atomic_load(&cycles.counts[c]);
}

static void turn_without_packets_is_idle(void **state)
{
    cycles_poll(&cycles, &queues[0], 1010, 0);
    cycles_poll(&cycles, &queues[1], 1030, 0);
    cycles_turn(&cycles, 1050, false);
    assert_int_equal(count(COUNT_IDLE_CLOCKS), 50);
    assert_int_equal(count(COUNT_BUSY_CLOCKS), 0);
    assert_int_equal(count(COUNT_TURNS), 2);
    assert_int_equal(count(COUNT_BUSY_TURNS), 0);
    assert_int_equal(queues[0].clocks + queues[1].clocks, 0);
}

static void turn_with_packets_charges_their_queue(void **state)
{
    cycles_poll(&cycles, &queues[0], 1010, 0);
    cycles_poll(&cycles, &queues[1], 1210, 7);
    cycles_turn(&cycles, 1250, false);
    assert_int_equal(count(COUNT_IDLE_CLOCKS), 10);
    assert_int_equal(count(COUNT_BUSY_CLOCKS), 240); /* what follows the polls is work too */
    assert_int_equal(count(COUNT_RX_BURSTS), 1);
    assert_int_equal(count(COUNT_RX_PACKETS), 7);
    assert_int_equal(queues[0].clocks, 0);
    assert_int_equal(queues[1].clocks, 200);
    assert_int_equal(queues[1].packets, 7);
}

static void turn_after_a_busy_one_starts_from_nothing(void **state)
{
    cycles_poll(&cycles, &queues[0], 1100, 3);
    cycles_turn(&cycles, 1100, false);
    cycles_poll(&cycles, &queues[0], 1120, 0);
    cycles_turn(&cycles, 1130, false);
    assert_int_equal(count(COUNT_BUSY_CLOCKS), 100);
    assert_int_equal(count(COUNT_IDLE_CLOCKS), 30);
    assert_int_equal(count(COUNT_RX_PACKETS), 3);
    assert_int_equal(count(COUNT_BUSY_TURNS), 1);
}

static void sleep_is_counted_until_the_next_turn(void **state)
{
    cycles_poll(&cycles, &queues[0], 1010, 0);
    cycles_sleep(&cycles);
    cycles_turn(&cycles, 6010, false);
    cycles_turn(&cycles, 6020, false);
    assert_int_equal(count(COUNT_SLEEPS), 1);
    assert_int_equal(count(COUNT_SLEPT_CLOCKS), 5000);
    assert_int_equal(count(COUNT_IDLE_CLOCKS), 5020);
}

static void stage_account_follows_the_switch(void **state)
{
    assert_false(cycles.by_stage);
    cycles_turn(&cycles, 1100, true);
    assert_true(cycles.by_stage);
    cycles_stage(&cycles, CYCLES_KEYS, 40, 8);
    cycles_stage(&cycles, CYCLES_KEYS, 2, 1);
    assert_int_equal(cycles.stages[CYCLES_KEYS].clocks, 42);
    assert_int_equal(cycles.stages[CYCLES_KEYS].packets, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(turn_without_packets_is_idle, setup),
        cmocka_unit_test_setup(turn_with_packets_charges_their_queue, setup),
        cmocka_unit_test_setup(turn_after_a_busy_one_starts_from_nothing, setup),
        cmocka_unit_test_setup(sleep_is_counted_until_the_next_turn, setup),
        cmocka_unit_test_setup(stage_account_follows_the_switch, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
