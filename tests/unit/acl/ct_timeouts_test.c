// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <errno.h>

#include "tests/unit/acl/conntrack_fixture.h"

static int setup(void **state)
{
    *state = make_table(64, 1);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(*state);
    return 0;
}

static uint32_t open_with(struct conntrack *ct, const struct packet *packet, uint16_t number)
{
    struct ct_new new_session = {
        .tuple = tuple_of(packet, ZONE), .packet = packet, .timeouts = number, .verdict = {.allowed = true}};
    struct ct_match match;

    assert_int_equal(conntrack_open(ct, 0, &new_session, START_TICK, &match), 0);
    return match.session;
}

static void set_times(struct conntrack *ct, uint16_t number, const char *key, uint32_t seconds)
{
    struct session_timeouts set = {0};

    assert_int_equal(session_timeouts_set(&set, key, seconds), 0);
    conntrack_set_timeouts(ct, number, &set);
}

/* Alive just before 'seconds' of silence, gone after. */
static void expect_lifetime(struct conntrack *ct, uint32_t seconds)
{
    run_until(ct, 0, START_TICK, START_TICK + seconds - 1);
    assert_int_equal(conntrack_count(ct), 1);
    run_fully(ct, 0, START_TICK + seconds);
    assert_int_equal(conntrack_count(ct), 0);
}

static void sessions_expire_by_their_set(void **state)
{
    struct packet packet = make_udp(1, 2);

    set_times(*state, 3, "udp_single", 50);
    open_with(*state, &packet, 3);
    expect_lifetime(*state, 50);
}

static void cells_left_out_are_the_defaults(void **state)
{
    struct packet packet = make_udp(1, 2);

    set_times(*state, 3, "udp_stream", 50);
    open_with(*state, &packet, 3);
    expect_lifetime(*state, 30);
}

static void a_set_never_made_is_the_default(void **state)
{
    struct packet packet = make_udp(1, 2);

    open_with(*state, &packet, CT_TIMEOUT_SETS_MAX - 1);
    expect_lifetime(*state, 30);
}

static void set_0_cannot_be_changed(void **state)
{
    struct packet packet = make_udp(1, 2);

    set_times(*state, 0, "udp_single", 50);
    set_times(*state, CT_TIMEOUT_SETS_MAX, "udp_single", 50);
    open_with(*state, &packet, 0);
    expect_lifetime(*state, 30);
}

static void no_time_is_shorter_than_flow_caches_need(void **state)
{
    struct packet packet = make_udp(1, 2);

    set_times(*state, 4, "udp_single", 1);
    open_with(*state, &packet, 4);
    expect_lifetime(*state, SESSION_CACHE_IDLE + 2);
}

static void times_not_set_by_key_are_raised_too(void **state)
{
    struct session_timeouts set = {0};
    struct packet packet = make_udp(1, 2);

    set.seconds[TIMEOUT_UDP][SESSION_ONE_WAY] = 2;
    conntrack_set_timeouts(*state, 5, &set);
    open_with(*state, &packet, 5);
    expect_lifetime(*state, SESSION_CACHE_IDLE + 2);
}

static void sessions_follow_a_change_of_their_set(void **state)
{
    struct packet packet = make_udp(1, 2);

    open_with(*state, &packet, 9);
    set_times(*state, 9, "udp_single", 60);
    expect_lifetime(*state, 60);
}

static void dump_tells_the_sets_expiry(void **state)
{
    struct packet packet = make_udp(1, 2);
    struct session_copy copy;
    uint32_t cursor = 0;

    set_times(*state, 3, "udp_single", 77);
    open_with(*state, &packet, 3);
    assert_int_equal(conntrack_dump(*state, &cursor, &copy, 1), 1);
    assert_int_equal(copy.expires, START_TICK + 77);
}

static void every_key_sets_its_states(void **state)
{
    static const char *const keys[] = {"tcp_syn_sent",
                                       "tcp_syn_recv",
                                       "tcp_established",
                                       "tcp_fin_wait",
                                       "tcp_close_wait",
                                       "tcp_last_ack",
                                       "tcp_time_wait",
                                       "tcp_close",
                                       "udp_single",
                                       "udp_stream",
                                       "icmp",
                                       "generic",
                                       "sctp_cookie_wait",
                                       "sctp_cookie_echoed",
                                       "sctp_established",
                                       "sctp_shutdown_sent",
                                       "sctp_shutdown_recd",
                                       "sctp_shutdown_ack_sent",
                                       "sctp_closed"};
    struct session_timeouts all = {0};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct session_timeouts set = {0};

        assert_int_equal(session_timeouts_set(&set, keys[i], 100 + i), 0);
        assert_memory_not_equal(&set, &(struct session_timeouts){0}, sizeof set);
        assert_int_equal(session_timeouts_set(&all, keys[i], 100 + i), 0);
    }
    assert_int_equal(all.seconds[TIMEOUT_TCP][SESSION_SYN_SENT2], 100);
    assert_int_equal(all.seconds[TIMEOUT_TCP][SESSION_RESET_REPLY], 107);
    assert_int_equal(all.seconds[TIMEOUT_ICMP][SESSION_TWO_WAY], 110);
    assert_int_equal(all.seconds[TIMEOUT_SCTP][SESSION_ABORTED], 118);
    for (enum session_state s = SESSION_SYN_SENT; s <= SESSION_RESET_REPLY; s++)
        assert_int_not_equal(all.seconds[TIMEOUT_TCP][s], 0);
    for (enum session_state s = SESSION_COOKIE_WAIT; s <= SESSION_ABORTED; s++)
        assert_int_not_equal(all.seconds[TIMEOUT_SCTP][s], 0);
}

static void unknown_keys_are_refused(void **state)
{
    struct session_timeouts set = {0};

    assert_int_equal(session_timeouts_set(&set, "tcp_open", 5), -EINVAL);
    assert_int_equal(session_timeouts_set(&set, "", 5), -EINVAL);
    assert_memory_equal(&set, &(struct session_timeouts){0}, sizeof set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sessions_expire_by_their_set, setup, teardown),
        cmocka_unit_test_setup_teardown(cells_left_out_are_the_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(a_set_never_made_is_the_default, setup, teardown),
        cmocka_unit_test_setup_teardown(set_0_cannot_be_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(no_time_is_shorter_than_flow_caches_need, setup, teardown),
        cmocka_unit_test_setup_teardown(times_not_set_by_key_are_raised_too, setup, teardown),
        cmocka_unit_test_setup_teardown(sessions_follow_a_change_of_their_set, setup, teardown),
        cmocka_unit_test_setup_teardown(dump_tells_the_sets_expiry, setup, teardown),
        cmocka_unit_test(every_key_sets_its_states),
        cmocka_unit_test(unknown_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
