// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <errno.h>

#include "acl/ct_accounts.h"
#include "tests/unit/acl/conntrack_fixture.h"

static int setup(void **state)
{
    *state = make_table(16384, 2);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(*state);
    return 0;
}

static uint32_t open_account(struct conntrack *ct, uint32_t max, uint32_t half_open)
{
    uint32_t account = conntrack_account_open(ct, &(struct ct_limits){.max = max, .half_open = half_open});

    assert_int_not_equal(account, 0);
    return account;
}

static struct ct_usage usage_of(const struct conntrack *ct, uint32_t account)
{
    struct ct_usage usage;

    conntrack_account_usage(ct, account, &usage);
    return usage;
}

static int charge(struct conntrack *ct, uint32_t account, const struct packet *packet, struct ct_match *match)
{
    struct ct_new new_session = {
        .tuple = tuple_of(packet, ZONE), .packet = packet, .account = account, .verdict = {.allowed = true}};

    return conntrack_open(ct, 0, &new_session, START_TICK, match);
}

static uint32_t charge_ok(struct conntrack *ct, uint32_t account, const struct packet *packet)
{
    struct ct_match match;

    assert_int_equal(charge(ct, account, packet, &match), 0);
    return match.session;
}

static uint32_t charge_udp(struct conntrack *ct, uint32_t account, uint16_t port)
{
    struct packet packet = make_udp(port, 9);

    return charge_ok(ct, account, &packet);
}

static uint32_t charge_syn(struct conntrack *ct, uint32_t account, uint16_t port)
{
    struct packet packet = make_tcp(port, 80, SYN);

    return charge_ok(ct, account, &packet);
}

static bool syn_is_there(struct conntrack *ct, uint16_t port)
{
    struct packet packet = make_tcp(port, 80, SYN);

    return finds(ct, &packet, ZONE);
}

static void establish(struct conntrack *ct, uint32_t session)
{
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, SYN_ACK, START_TICK), CT_TRACK);
    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, ACK, START_TICK), CT_SETTLED);
}

static void session_is_charged_until_it_ends(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 10, 10);
    uint32_t session = charge_udp(ct, account, 1);

    assert_int_equal(charge_udp(ct, account, 1), session); /* exists: not charged twice */
    assert_int_equal(usage_of(ct, account).sessions, 1);
    conntrack_close(ct, session);
    assert_int_equal(usage_of(ct, account).sessions, 0);
    charge_udp(ct, account, 2);
    run_until(ct, 0, START_TICK, START_TICK + 30);
    assert_int_equal(usage_of(ct, account).sessions, 0);
}

static void sessions_beyond_the_quota_are_refused(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 3, 10);
    uint32_t neighbour = open_account(ct, 3, 10);
    struct packet packet = make_udp(4, 9);
    struct packet known = make_udp(3, 9);
    struct ct_match match;

    for (uint16_t port = 1; port <= 3; port++)
        charge_udp(ct, account, port);
    assert_int_equal(charge(ct, account, &packet, &match), -EDQUOT);
    assert_int_equal(match.session, 0);
    assert_int_equal(charge(ct, account, &known, &match), 0);
    assert_int_equal(usage_of(ct, account).refused, 1);
    assert_int_equal(charge(ct, neighbour, &packet, &match), 0);
    assert_int_equal(usage_of(ct, account).sessions, 3);
}

static void account_0_has_no_limits(void **state)
{
    for (uint16_t port = 1; port <= 5000; port++)
        charge_syn(*state, 0, port);
    assert_int_equal(usage_of(*state, 0).sessions, 0);
    assert_int_equal(usage_of(*state, 0).half_open, 0);
}

static void defaults_leave_the_table_to_others(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 0, 0);

    assert_int_equal(ct->accounts[account].max, 16384 / 8);
    assert_int_equal(ct->accounts[account].half_open_max, CT_HALF_OPEN_DEFAULT);
    assert_int_equal(conntrack_account_change(ct, account, &(struct ct_limits){.half_open = UINT32_MAX}), 0);
    assert_int_equal(ct->accounts[account].half_open_max, CT_HALF_OPEN_MAX);
}

static void oldest_half_open_session_makes_way(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 100, 4);

    for (uint16_t port = 1; port <= 6; port++)
        charge_syn(ct, account, port);
    for (uint16_t port = 1; port <= 6; port++)
        assert_int_equal(syn_is_there(ct, port), port > 2);
    assert_int_equal(usage_of(ct, account).half_open, 4);
    assert_int_equal(usage_of(ct, account).sessions, 4);
    assert_int_equal(usage_of(ct, account).early_drops, 2);
}

static void finished_handshakes_do_not_make_way(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 100, 4);

    establish(ct, charge_syn(ct, account, 1));
    assert_int_equal(usage_of(ct, account).half_open, 0);
    for (uint16_t port = 2; port <= 60; port++)
        charge_syn(ct, account, port);
    assert_true(syn_is_there(ct, 1));
    assert_int_equal(usage_of(ct, account).half_open, 4);
    assert_int_equal(usage_of(ct, account).sessions, 5);
}

/* Handshakes that take long stay half-open in any order while others come and finish. */
static void half_open_sessions_leave_from_the_middle(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 100, 4);
    uint32_t sessions[5];

    for (uint16_t port = 1; port <= 4; port++)
        sessions[port] = charge_syn(ct, account, port);
    establish(ct, sessions[2]);
    conntrack_close(ct, sessions[4]);
    assert_int_equal(usage_of(ct, account).half_open, 2);
    charge_syn(ct, account, 5);
    charge_syn(ct, account, 6);
    assert_int_equal(usage_of(ct, account).early_drops, 0);
    charge_syn(ct, account, 7);
    assert_false(syn_is_there(ct, 1));
    assert_true(syn_is_there(ct, 3));
}

static void half_open_session_makes_way_at_the_quota(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 3, 10);
    struct packet packet = make_udp(5, 9);
    struct ct_match match;

    charge_udp(ct, account, 1);
    charge_syn(ct, account, 2);
    charge_udp(ct, account, 3);
    charge_udp(ct, account, 4);
    assert_false(syn_is_there(ct, 2));
    assert_int_equal(usage_of(ct, account).sessions, 3);
    assert_int_equal(charge(ct, account, &packet, &match), -EDQUOT);
}

static void refused_handshake_is_not_half_open(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 100, 4);
    uint32_t session = charge_syn(ct, account, 1);

    assert_int_equal(conntrack_track(ct, session, CT_REPLY, RST | ACK, START_TICK), CT_TRACK);
    assert_int_equal(usage_of(ct, account).half_open, 0);
    /* It was not refused after all. */
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, SYN_ACK, START_TICK), CT_TRACK);
    assert_int_equal(usage_of(ct, account).half_open, 1);
    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, ACK, START_TICK), CT_SETTLED);
    assert_int_equal(usage_of(ct, account).half_open, 0);
}

static void half_open_session_expires_off_the_list(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 100, 4);

    charge_syn(ct, account, 1);
    run_until(ct, 0, START_TICK, START_TICK + 120);
    assert_int_equal(usage_of(ct, account).half_open, 0);
    assert_int_equal(usage_of(ct, account).sessions, 0);
}

/* Early-dropped sessions keep their places for some seconds: a flood must not fill the table with them. */
static void flood_takes_a_bounded_part_of_the_table(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 500, 100);
    uint32_t neighbour = open_account(ct, 1000, 100);
    struct ct_match match;

    for (uint32_t i = 0; i < 60000; i++) {
        struct packet packet = make_tcp((uint16_t)i, 81, SYN);
        int ret = charge(ct, account, &packet, &match);

        assert_true(ret == 0 || ret == -EDQUOT);
        conntrack_run(ct, 0, START_TICK);
    }
    assert_true(ct->n_free + ct->workers[0].n_cached >= 16384 - 500 - 1024 - 2);
    assert_int_equal(usage_of(ct, account).half_open, 100);
    for (uint16_t port = 1; port <= 1000; port++)
        charge_udp(ct, neighbour, port);
    run_fully(ct, 0, START_TICK + SESSION_CACHE_IDLE + 1);
    charge_syn(ct, account, 1);
}

static void changed_limits_count_for_sessions_to_come(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 10, 10);
    struct packet packet = make_udp(9, 9);
    struct ct_match match;

    for (uint16_t port = 1; port <= 5; port++)
        charge_udp(ct, account, port);
    assert_int_equal(conntrack_account_change(ct, account, &(struct ct_limits){.max = 2, .half_open = 1}), 0);
    assert_int_equal(usage_of(ct, account).sessions, 5);
    assert_int_equal(charge(ct, account, &packet, &match), -EDQUOT);
    assert_int_equal(conntrack_account_change(ct, account, &(struct ct_limits){.max = 6, .half_open = 1}), 0);
    assert_int_equal(charge(ct, account, &packet, &match), 0);
}

static void number_is_used_again_when_its_account_is_empty(void **state)
{
    struct conntrack *ct = *state;
    uint32_t account = open_account(ct, 10, 10);
    uint32_t session = charge_udp(ct, account, 1);

    conntrack_account_close(ct, account);
    assert_int_not_equal(open_account(ct, 10, 10), account);
    conntrack_close(ct, session);
    assert_int_not_equal(open_account(ct, 10, 10), account); /* its place is not free yet */
    run_until(ct, 0, START_TICK, START_TICK + SESSION_CACHE_IDLE + 1);
    assert_int_equal(open_account(ct, 10, 10), account);
    assert_int_equal(usage_of(ct, account).sessions, 0);
}

/* A worker that still has the old snapshot may charge it. */
static void number_is_not_used_again_within_a_grace_period(void **state)
{
    uint32_t account = open_account(*state, 10, 10);

    qsbr_reader_register(3);
    conntrack_account_close(*state, account);
    assert_int_not_equal(open_account(*state, 10, 10), account);
    qsbr_reader_quiescent(3);
    assert_int_equal(open_account(*state, 10, 10), account);
    qsbr_reader_unregister(3);
}

static void numbers_run_out(void **state)
{
    for (uint32_t account = 1; account < CT_ACCOUNTS_MAX; account++)
        assert_int_equal(open_account(*state, 1, 1), account);
    assert_int_equal(conntrack_account_open(*state, &(struct ct_limits){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(session_is_charged_until_it_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(sessions_beyond_the_quota_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(account_0_has_no_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(defaults_leave_the_table_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(oldest_half_open_session_makes_way, setup, teardown),
        cmocka_unit_test_setup_teardown(finished_handshakes_do_not_make_way, setup, teardown),
        cmocka_unit_test_setup_teardown(half_open_sessions_leave_from_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(half_open_session_makes_way_at_the_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_handshake_is_not_half_open, setup, teardown),
        cmocka_unit_test_setup_teardown(half_open_session_expires_off_the_list, setup, teardown),
        cmocka_unit_test_setup_teardown(flood_takes_a_bounded_part_of_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_limits_count_for_sessions_to_come, setup, teardown),
        cmocka_unit_test_setup_teardown(number_is_used_again_when_its_account_is_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(number_is_not_used_again_within_a_grace_period, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_run_out, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
