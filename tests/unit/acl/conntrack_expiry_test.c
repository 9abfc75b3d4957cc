// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include "tests/unit/acl/conntrack_fixture.h"

/* Tracking and time: what packets do to the state of a session, and how long it lasts without them. */

#define TURN 64u /* seconds of one turn of the wheel */

static int setup(void **state)
{
    *state = make_table(1024, 1);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(*state);
    return 0;
}

static uint32_t open_established(struct conntrack *ct, uint32_t now)
{
    struct packet packet = make_tcp(1000, 80, SYN);
    uint32_t session = open_ok(ct, &packet, now);

    assert_int_equal(conntrack_track(ct, session, CT_REPLY, SYN_ACK, now), CT_TRACK);
    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, ACK, now), CT_SETTLED);
    return session;
}

/* Silent from 'now' on: alive until just before 'timeout', gone at most 'late' seconds after. */
static void expect_expiry(struct conntrack *ct, uint32_t now, uint32_t timeout, uint32_t late)
{
    assert_int_equal(conntrack_count(ct), 1);
    run_until(ct, 0, now, now + timeout - 1);
    assert_int_equal(conntrack_count(ct), 1);
    run_until(ct, 0, now + timeout, now + timeout + late);
    assert_int_equal(conntrack_count(ct), 0);
}

static void udp_one_way_expires_after_30_seconds(void **state)
{
    struct packet packet = make_udp(1, 2);
    uint32_t session = open_ok(*state, &packet, START_TICK);

    assert_int_equal(conntrack_track(*state, session, CT_ORIGINAL, 0, START_TICK), CT_SETTLED);
    expect_expiry(*state, START_TICK, 30, 0);
}

static void udp_two_way_expires_after_two_minutes(void **state)
{
    struct packet packet = make_udp(1, 2);
    uint32_t session = open_ok(*state, &packet, START_TICK);

    assert_int_equal(conntrack_track(*state, session, CT_REPLY, 0, START_TICK), CT_SETTLED);
    assert_int_equal(conntrack_track(*state, session, CT_ORIGINAL, 0, START_TICK), CT_SETTLED);
    expect_expiry(*state, START_TICK, 120, 0);
}

static void packets_push_the_expiry_out(void **state)
{
    struct packet packet = make_udp(1, 2);
    uint32_t session = open_ok(*state, &packet, START_TICK);

    run_until(*state, 0, START_TICK, START_TICK + 25);
    assert_int_equal(conntrack_track(*state, session, CT_ORIGINAL, 0, START_TICK + 25), CT_SETTLED);
    assert_int_equal(conntrack_track(*state, session, CT_ORIGINAL, 0, START_TICK + 20),
                     CT_SETTLED); /* a slower clock */
    expect_expiry(*state, START_TICK + 25, 30, 0);
}

static void icmp_expires_after_30_seconds(void **state)
{
    struct packet packet = make_echo("10.0.0.1", "10.0.0.2", 8, 5);
    uint32_t session = open_ok(*state, &packet, START_TICK);

    assert_int_equal(conntrack_track(*state, session, CT_REPLY, 0, START_TICK), CT_SETTLED);
    expect_expiry(*state, START_TICK, 30, 0);
}

static void tcp_half_open_expires_after_two_minutes(void **state)
{
    struct packet packet = make_tcp(1, 2, SYN);

    open_ok(*state, &packet, START_TICK);
    expect_expiry(*state, START_TICK, 120, 0);
}

static void tcp_syn_received_expires_after_a_minute(void **state)
{
    struct packet packet = make_tcp(1, 2, SYN);
    uint32_t session = open_ok(*state, &packet, START_TICK);

    assert_int_equal(conntrack_track(*state, session, CT_REPLY, SYN_ACK, START_TICK), CT_TRACK);
    expect_expiry(*state, START_TICK, 60, 0);
}

static void tcp_established_lasts_five_days(void **state)
{
    open_established(*state, START_TICK);
    run_fully(*state, 0, START_TICK + 432000 - 1);
    assert_int_equal(conntrack_count(*state), 1);
    run_until(*state, 0, START_TICK + 432000, START_TICK + 432000);
    assert_int_equal(conntrack_count(*state), 0);
}

static void tcp_refused_soon_expires(void **state)
{
    struct packet packet = make_tcp(1, 2, SYN);
    uint32_t session = open_ok(*state, &packet, START_TICK);

    assert_int_equal(conntrack_track(*state, session, CT_REPLY, RST | ACK, START_TICK), CT_TRACK);
    expect_expiry(*state, START_TICK, 10, 0);
}

static void tcp_reset_expires_after_two_minutes(void **state)
{
    uint32_t session = open_established(*state, START_TICK);

    assert_int_equal(conntrack_track(*state, session, CT_REPLY, RST, START_TICK), CT_TRACK);
    expect_expiry(*state, START_TICK, 120, 0);
}

static void tcp_reset_of_an_old_connection_expires_within_a_turn(void **state)
{
    uint32_t session = open_established(*state, START_TICK);
    uint32_t later = START_TICK + 1000;

    run_until(*state, 0, START_TICK, later);
    assert_int_equal(conntrack_track(*state, session, CT_REPLY, RST, later), CT_TRACK);
    expect_expiry(*state, later, 120, TURN);
}

static void tcp_false_reset_shortens_nothing(void **state)
{
    uint32_t session = open_established(*state, START_TICK);
    uint32_t later = START_TICK + 100;

    assert_int_equal(conntrack_track(*state, session, CT_REPLY, RST, START_TICK), CT_TRACK);
    run_until(*state, 0, START_TICK, later);
    assert_int_equal(conntrack_track(*state, session, CT_ORIGINAL, ACK, later), CT_TRACK);
    assert_int_equal(conntrack_track(*state, session, CT_REPLY, ACK, later), CT_SETTLED);
    run_fully(*state, 0, later + 432000 - 1);
    assert_int_equal(conntrack_count(*state), 1);
}

static void tcp_close_expires_by_state(void **state)
{
    struct conntrack *ct = *state;
    uint32_t session = open_established(ct, START_TICK);

    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, FIN_ACK, START_TICK), CT_TRACK);
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, FIN_ACK, START_TICK), CT_TRACK);
    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, ACK, START_TICK), CT_TRACK);
    expect_expiry(ct, START_TICK, 120, 0);
}

static void syn_after_time_wait_makes_way(void **state)
{
    struct conntrack *ct = *state;
    uint32_t session = open_established(ct, START_TICK);
    struct packet syn = make_tcp(1000, 80, SYN);

    conntrack_track(ct, session, CT_ORIGINAL, FIN_ACK, START_TICK);
    conntrack_track(ct, session, CT_REPLY, FIN_ACK, START_TICK);
    conntrack_track(ct, session, CT_ORIGINAL, ACK, START_TICK);
    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, SYN, START_TICK), CT_GONE);
    assert_false(finds(ct, &syn, ZONE));
    assert_int_not_equal(open_ok(ct, &syn, START_TICK), session);
}

static void unfit_segments_change_nothing(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_tcp(1, 2, SYN);
    uint32_t session = open_ok(ct, &packet, START_TICK);

    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, ACK, START_TICK + 20), CT_INVALID);
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, SYN | TCP_FLAG_FIN, START_TICK + 20), CT_INVALID);
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, 0, START_TICK + 20), CT_INVALID);
    expect_expiry(ct, START_TICK, 120, 0);
}

static void long_pause_of_the_worker_loses_nobody(void **state)
{
    struct conntrack *ct = *state;

    for (uint16_t port = 1; port <= 600; port++) {
        struct packet packet = make_udp(port, 9);

        open_ok(ct, &packet, START_TICK + port % 50);
    }
    assert_true(conntrack_run(ct, 0, START_TICK + 5000)); /* there is more to do */
    assert_in_range(conntrack_count(ct), 600 - 256, 599); /* one slice, no more */
    run_fully(ct, 0, START_TICK + 5000);
    assert_int_equal(conntrack_count(ct), 0);
    assert_false(conntrack_run(ct, 0, START_TICK + 5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(udp_one_way_expires_after_30_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(udp_two_way_expires_after_two_minutes, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_push_the_expiry_out, setup, teardown),
        cmocka_unit_test_setup_teardown(icmp_expires_after_30_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_half_open_expires_after_two_minutes, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_syn_received_expires_after_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_established_lasts_five_days, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_refused_soon_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_reset_expires_after_two_minutes, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_reset_of_an_old_connection_expires_within_a_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_false_reset_shortens_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_close_expires_by_state, setup, teardown),
        cmocka_unit_test_setup_teardown(syn_after_time_wait_makes_way, setup, teardown),
        cmocka_unit_test_setup_teardown(unfit_segments_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(long_pause_of_the_worker_loses_nobody, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
