// SPDX-License-Identifier: Apache-2.0
/* What packets count for rules and drops: guests 1 and 2, whose chains have rule 99 (all egress) and a rule by their own
 * number (ingress). */
#include "tests/unit/dataplane/station_fixture.h"

static struct station s;

static int start(void **state)
{
    station_start(&s, 1024, 64);
    station_guests(&s, 2);
    world_police(&s.w, 1, IPPROTO_TCP, 80);
    world_police(&s.w, 2, IPPROTO_TCP, 80);
    station_settle(&s);
    rule_counters_begin(2);
    rule_counters_begin(99);
    return 0;
}

static int stop(void **state)
{
    station_stop(&s);
    return 0;
}

static uint64_t packets_of(uint32_t rule)
{
    struct rule_counter sum;

    flow_tally_harvest_all(s.worker);
    rule_counters_sum(rule, &sum);
    return sum.packets;
}

static void packet_that_its_session_refuses_counts_for_no_rule(void **state)
{
    station_tcp(&s, 1, 2, 5000, 80, SYN);
    station_tcp(&s, 2, 1, 80, 5000, SYN | ACK);
    station_tcp(&s, 1, 2, 5000, 80, ACK);
    assert_int_equal(packets_of(2), 3);
    station_tcp(&s, 1, 2, 5000, 80, SYN | FIN);
    assert_int_equal(station_drops(&s, 1, DROP_CT_INVALID), 1);
    assert_int_equal(packets_of(2), 3);
    /* Likewise when the flow is not cached. */
    station_tcp(&s, 1, 2, 5001, 80, ACK);
    assert_int_equal(station_drops(&s, 1, DROP_CT_INVALID), 2);
    assert_int_equal(packets_of(2), 3);
}

static void see_drop(void *n, const struct rule_drops *drops)
{
    if (drops->rule == 99)
        *(uint64_t *)n += drops->packets;
}

static void flood_that_all_receivers_refuse_is_not_charged_to_its_source(void **state)
{
    struct packet_spec spec = {.src = 1, .dst = 0xff, .protocol = IPPROTO_UDP, .src_port = 5000, .dst_port = 54};
    uint64_t n = 0;

    station_send(&s, 1, spec);
    station_send(&s, 1, spec);
    assert_int_equal(station_drops(&s, 1, DROP_POLICY_INGRESS), 2);
    assert_int_equal(packets_of(99), 0);
    rule_drops_visit(1, see_drop, &n);
    assert_int_equal(n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packet_that_its_session_refuses_counts_for_no_rule),
        TEST(flood_that_all_receivers_refuse_is_not_charged_to_its_source),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
