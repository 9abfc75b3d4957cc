// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include "tests/unit/acl/conntrack_fixture.h"

static int setup(void **state)
{
    *state = make_table(64, 2);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(*state);
    return 0;
}

static void flush_takes_one_zone_or_all(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1, 2);
    struct ct_match match;

    for (uint32_t zone = 1; zone <= 3; zone++)
        assert_int_equal(open_in(ct, zone % 2, &packet, zone, START_TICK, &match), 0);
    assert_int_equal(conntrack_flush(ct, 2, false), 1);
    assert_false(finds(ct, &packet, 2));
    assert_true(finds(ct, &packet, 3));
    assert_int_equal(conntrack_flush(ct, 0, true), 2);
    assert_int_equal(conntrack_flush(ct, 0, true), 0);
    assert_int_equal(conntrack_count(ct), 0);
}

static void open_by_rules(struct conntrack *ct, uint16_t port, uint32_t egress, uint32_t ingress, bool allowed)
{
    struct packet packet = make_udp(port, 9);
    struct ct_new new_session = {
        .tuple = tuple_of(&packet, ZONE),
        .packet = &packet,
        .verdict = {.egress_rule = egress, .ingress_rule = ingress, .allowed = allowed},
    };
    struct ct_match match;

    assert_int_equal(conntrack_open(ct, 0, &new_session, START_TICK, &match), 0);
}

static bool is_there(struct conntrack *ct, uint16_t port)
{
    struct packet packet = make_udp(port, 9);

    return finds(ct, &packet, ZONE);
}

static void flush_of_rules_takes_what_they_let_in(void **state)
{
    static const uint32_t rules[] = {3, 7, 9};
    struct conntrack *ct = *state;
    uint32_t cursor = 0;

    open_by_rules(ct, 1, 7, 0, true);
    open_by_rules(ct, 2, 1, 9, true);
    open_by_rules(ct, 3, 3, 3, false); /* cut by it, not let in */
    open_by_rules(ct, 4, 4, 8, true);
    open_by_rules(ct, 5, 0, 0, true);
    assert_true(conntrack_flush_rules(ct, rules, 3, &cursor, UINT32_MAX));
    assert_false(is_there(ct, 1));
    assert_false(is_there(ct, 2));
    assert_true(is_there(ct, 3));
    assert_true(is_there(ct, 4));
    assert_true(is_there(ct, 5));
}

static void flush_of_rules_goes_in_slices(void **state)
{
    static const uint32_t rules[] = {1};
    struct conntrack *ct = *state;
    uint32_t cursor = 0;
    unsigned int calls = 1;

    for (uint16_t port = 1; port <= 64; port++)
        open_by_rules(ct, port, 1, 0, true);
    while (!conntrack_flush_rules(ct, rules, 1, &cursor, 10)) {
        calls++;
        assert_int_equal(conntrack_count(ct), 64 - cursor);
    }
    assert_int_equal(calls, 7);
    assert_int_equal(conntrack_count(ct), 0);
}

static void flush_of_no_rules_is_done(void **state)
{
    uint32_t cursor = 0;

    open_by_rules(*state, 1, 0, 0, true);
    assert_true(conntrack_flush_rules(*state, NULL, 0, &cursor, 1));
    assert_int_equal(conntrack_count(*state), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flush_takes_one_zone_or_all, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_of_rules_takes_what_they_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_of_rules_goes_in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_of_no_rules_is_done, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
