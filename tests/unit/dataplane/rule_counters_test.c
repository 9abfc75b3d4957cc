// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

#include "acl/rule.h"
#include "dataplane/verdict_log.h"

static struct station s;

static int start(void **state)
{
    station_start(&s, 1024, 64);
    station_guests(&s, 3);
    return 0;
}

static int stop(void **state)
{
    station_stop(&s);
    return 0;
}

static struct rule_counter count_of(uint32_t rule)
{
    struct rule_counter sum;

    rule_counters_sum(rule, &sum);
    return sum;
}

static void harvest_all(void)
{
    flow_tally_harvest_all(s.worker);
}

/* Guest 2 lets in UDP to port 53 by rule 'id'. */
static void police(uint32_t id)
{
    struct rule rule = world_rule(id, IPPROTO_UDP, 53);

    rule_counters_begin(id);
    rule_counters_begin(99); /* all egress */
    world_attach(&s.w, 2, (struct attachment){.has_policy = true, .policy = world_policy(&rule, 1)});
    station_settle(&s);
}

static void packets_of_a_flow_count_once_for_its_rule(void **state)
{
    police(1000);
    for (int i = 0; i < 5; i++)
        station_udp(&s, 1, 2, 5, 53);
    assert_int_equal(count_of(1000).hits, 1);
    assert_int_equal(count_of(1000).packets, 0);
    harvest_all();
    harvest_all();
    assert_int_equal(count_of(1000).packets, 5);
    assert_int_equal(count_of(1000).bytes, 5 * (14 + 20 + 12));
    assert_int_equal(count_of(1000).last_hit, s.tick);
    station_udp(&s, 2, 1, 53, 5);
    harvest_all();
    assert_int_equal(count_of(1000).hits, 1);
    assert_int_equal(count_of(1000).packets, 6);
}

static void last_hit_is_when_the_packet_came(void **state)
{
    police(1007);
    station_udp(&s, 1, 2, 5, 53);
    station_udp(&s, 1, 2, 5, 53);
    s.tick += 5;
    station_look_around(&s);
    harvest_all();
    assert_int_equal(count_of(1007).packets, 2);
    assert_int_equal(count_of(1007).last_hit, s.tick - 5);
    rule_counters_add(0, 1007, 1, 60, s.tick);
    rule_counters_add(0, 1007, 1, 60, s.tick - 1); /* counted late */
    assert_int_equal(count_of(1007).last_hit, s.tick);
}

static void removal_and_replacement_lose_nothing(void **state)
{
    police(1001);
    for (int i = 0; i < 3; i++)
        station_udp(&s, 1, 2, 5, 53);
    police(1002); /* the entry is decided anew in place */
    for (int i = 0; i < 4; i++)
        station_udp(&s, 1, 2, 5, 53);
    assert_int_equal(count_of(1001).packets, 3);
    flow_cache_sweep(&s.worker->cache, flow_cache_line_count(&s.worker->cache), station_remove_all, &s);
    assert_int_equal(count_of(1002).packets, 4);
    assert_int_equal(count_of(1001).packets, 3);
}

struct seen {
    uint64_t packets;
    unsigned int n;
    struct rule_drops last;
};

static void see(void *aux, const struct rule_drops *drops)
{
    struct seen *seen = aux;

    seen->n++;
    seen->packets += drops->packets;
    seen->last = *drops;
}

static void drops_are_told_by_port_reason_and_rule(void **state)
{
    struct rule deny = world_rule(1003, IPPROTO_UDP, 54);
    struct policy *tier;
    struct seen seen = {0}, none = {0};

    deny.action = RULE_DENY;
    tier = policy_compile(&deny, 1);
    rule_counters_begin(1003);
    world_attach(
        &s.w, 2,
        (struct attachment){.has_policy = true, .policy = {.ingress = policy_chain_create(&tier, 1, NULL, NULL)}});
    policy_unref(tier);
    station_settle(&s);
    for (int i = 0; i < 4; i++)
        station_udp(&s, 3, 2, 5, 54);
    harvest_all();
    rule_drops_visit(3, see, &seen);
    rule_drops_visit(1, see, &none);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.packets, 4);
    assert_int_equal(seen.last.port, 3);
    assert_int_equal(seen.last.reason, DROP_POLICY_INGRESS);
    assert_int_equal(seen.last.rule, 1003);
    assert_int_equal(none.n, 0);
    assert_int_equal(count_of(1003).packets, 4);
    assert_int_equal(station_drops(&s, 3, DROP_POLICY_INGRESS), 4);
}

static void id_that_begins_anew_forgets_what_it_was(void **state)
{
    rule_counters_begin(1004);
    rule_counters_hit(0, 1004, 7);
    rule_counters_add(0, 1004, 10, 1000, 7);
    assert_int_equal(count_of(1004).last_hit, 7);
    rule_counters_begin(1004);
    assert_int_equal(count_of(1004).hits + count_of(1004).packets + count_of(1004).bytes, 0);
    assert_int_equal(count_of(1004).last_hit, 0);
    rule_counters_add(0, 1004, 1, 60, 9);
    assert_int_equal(count_of(1004).packets, 1);
    assert_int_equal(count_of(1004).last_hit, 9);
}

static void workers_add_up(void **state)
{
    struct seen seen = {0};

    assert_int_equal(rule_counters_prepare(1), 0);
    rule_counters_begin(1005);
    rule_counters_add(0, 1005, 2, 100, 50);
    rule_counters_add(1, 1005, 3, 200, 40);
    rule_counters_add(2, 1005, 1, 1, 1); /* never ran */
    assert_int_equal(count_of(1005).packets, 5);
    assert_int_equal(count_of(1005).last_hit, 50);
    rule_drops_add(0, 7, DROP_POLICY_CUT, 1005, 4);
    rule_drops_add(1, 7, DROP_POLICY_CUT, 1005, 5);
    rule_drops_visit(7, see, &seen);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.packets, 9);
}

static void too_many_kinds_of_drops_have_a_place_together(void **state)
{
    struct seen seen = {0};

    for (uint32_t i = 0; i < 40000; i++)
        rule_drops_add(0, 9, DROP_POLICY_INGRESS, 2000 + i, 1);
    rule_drops_visit(9, see, &seen);
    assert_int_equal(seen.packets, 40000);
}

static bool is_old_rule(void *aux, uint16_t port, uint32_t rule)
{
    return port == 11 && rule < *(uint32_t *)aux;
}

static void rules_that_are_gone_make_room_for_others(void **state)
{
    struct seen seen = {0};
    uint32_t kept = 0;

    assert_int_equal(rule_counters_prepare(3), 0);
    rule_drops_add(3, 12, DROP_POLICY_INGRESS, 1, 5);
    /* Rules come and go, eight thousand at a time: many more than there are places. */
    for (uint32_t rule = 1000; rule < 200000; rule++) {
        rule_drops_add(3, 11, DROP_POLICY_INGRESS, rule, 1);
        if (rule % 8000 != 7999)
            continue;
        kept = rule - 8;
        rule_drops_forget(is_old_rule, &kept);
    }
    for (uint32_t rule = 300000; rule < 300050; rule++) {
        seen = (struct seen){0};
        rule_drops_add(3, 13, DROP_POLICY_CUT, rule, 2);
        rule_drops_add(3, 13, DROP_POLICY_CUT, rule, 1);
        rule_drops_visit(13, see, &seen);
        assert_int_equal(seen.packets, 3 * (rule - 299999));
        assert_int_equal(seen.n, rule - 299999);
    }
    seen = (struct seen){0};
    rule_drops_visit(12, see, &seen);
    assert_int_equal(seen.packets, 5);
}

static void log_keeps_to_its_rate_and_says_what_it_left_out(void **state)
{
    struct verdict_event event = {.rule = 1006, .attachment = 2, .verdict = VERDICT_DENY}, taken;
    unsigned int n = 0;

    rule_counters_begin(1006);
    while (verdict_log_take(&taken))
        continue;
    for (unsigned int i = 0; i < VERDICT_LOG_RATE + 12; i++)
        verdict_log_post(0, &event, 100);
    while (verdict_log_take(&taken)) {
        assert_int_equal(taken.left_out, 0);
        n++;
    }
    assert_int_equal(n, VERDICT_LOG_RATE);
    verdict_log_post(0, &event, 101);
    assert_true(verdict_log_take(&taken));
    assert_int_equal(taken.rule, 1006);
    assert_int_equal(taken.left_out, 12);
    assert_false(verdict_log_take(&taken));
}

static void log_that_nobody_reads_stays_bounded(void **state)
{
    struct verdict_event taken;
    uint32_t left_out = 0, n = 0;

    for (uint32_t rule = 3000; rule < 4000; rule++) {
        struct verdict_event event = {.rule = rule};

        rule_counters_begin(rule);
        verdict_log_post(0, &event, 200);
    }
    while (verdict_log_take(&taken))
        n++;
    assert_in_range(n, 1, 999);
    for (uint32_t rule = 3000; rule < 4000; rule++) {
        struct verdict_event event = {.rule = rule};

        verdict_log_post(0, &event, 201);
        assert_true(verdict_log_take(&taken));
        left_out += taken.left_out;
    }
    assert_int_equal(n + left_out, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packets_of_a_flow_count_once_for_its_rule),
        TEST(last_hit_is_when_the_packet_came),
        TEST(removal_and_replacement_lose_nothing),
        TEST(drops_are_told_by_port_reason_and_rule),
        TEST(id_that_begins_anew_forgets_what_it_was),
        TEST(workers_add_up),
        TEST(too_many_kinds_of_drops_have_a_place_together),
        TEST(rules_that_are_gone_make_room_for_others),
        TEST(log_keeps_to_its_rate_and_says_what_it_left_out),
        TEST(log_that_nobody_reads_stays_bounded),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
