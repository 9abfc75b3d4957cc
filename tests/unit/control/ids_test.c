// SPDX-License-Identifier: Apache-2.0
#include "control/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED  20260u
#define FIRST 3u
#define LAST  202u
#define N     (LAST - FIRST + 1)

static void ids_all_taken_answers_zero(void **state)
{
    struct ids *ids = ids_create(5, 7);

    assert_int_equal(ids_take(ids), 5);
    assert_int_equal(ids_take(ids), 6);
    assert_int_equal(ids_take(ids), 7);
    assert_int_equal(ids_take(ids), 0);
    ids_give(ids, 6);
    assert_int_equal(ids_take(ids), 6);
    ids_destroy(ids);
}

static void ids_given_back_is_not_next(void **state)
{
    struct ids *ids = ids_create(1, 4);

    assert_int_equal(ids_take(ids), 1);
    ids_give(ids, 1);
    assert_int_equal(ids_take(ids), 2);
    assert_int_equal(ids_take(ids), 3);
    assert_int_equal(ids_take(ids), 4);
    assert_int_equal(ids_take(ids), 1);
    ids_destroy(ids);
}

static void ids_lowest_fills_the_gap(void **state)
{
    struct ids *ids = ids_create(1, 100);

    for (int i = 0; i < 10; i++)
        ids_take_lowest(ids);
    ids_give(ids, 4);
    assert_int_equal(ids_take_lowest(ids), 4);
    assert_int_equal(ids_take_lowest(ids), 11);
    ids_destroy(ids);
}

static void ids_foreign_number_given_is_ignored(void **state)
{
    struct ids *ids = ids_create(5, 6);

    ids_give(ids, 4);
    ids_give(ids, 7);
    ids_give(ids, 5);
    assert_int_equal(ids_take(ids), 5);
    assert_int_equal(ids_take(ids), 6);
    assert_int_equal(ids_take(ids), 0);
    ids_destroy(ids);
}

static void ids_random_use_never_hands_out_twice(void **state)
{
    struct ids *ids = ids_create(FIRST, LAST);
    bool taken[LAST + 1] = {false};
    unsigned int n_taken = 0;

    printf("seed %u\n", SEED);
    srandom(SEED);
    for (int i = 0; i < 20000; i++) {
        if (random() % 5 < 3) {
            uint32_t id = random() % 2 ? ids_take(ids) : ids_take_lowest(ids);

            assert_true(id == 0 ? n_taken == N : id >= FIRST && id <= LAST && !taken[id]);
            n_taken += id != 0;
            taken[id] = id != 0;
        } else {
            uint32_t id = FIRST + (uint32_t)(random() % N);

            n_taken -= taken[id];
            taken[id] = false;
            ids_give(ids, id);
        }
    }
    ids_destroy(ids);
}

static void ids_of_the_process_start_at_one(void **state)
{
    assert_int_equal(ids_take(attachment_ids()), 1);
    assert_int_equal(ids_take(port_ids()), 1);
    assert_int_equal(ids_take(bridge_ids()), 1);
    assert_int_equal(ids_take(next_hop_ids()), 1);
    assert_int_equal(ids_take(port_ids()), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_all_taken_answers_zero),
        cmocka_unit_test(ids_given_back_is_not_next),
        cmocka_unit_test(ids_lowest_fills_the_gap),
        cmocka_unit_test(ids_foreign_number_given_is_ignored),
        cmocka_unit_test(ids_random_use_never_hands_out_twice),
        cmocka_unit_test(ids_of_the_process_start_at_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
