// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <errno.h>

#include "acl/conntrack_private.h"
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

static void find_in_empty_table_misses(void **state)
{
    struct packet packet = make_tcp(1000, 80, SYN);

    assert_false(finds(*state, &packet, ZONE));
    assert_int_equal(conntrack_count(*state), 0);
}

static void open_is_found_in_both_directions(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_tcp(1000, 80, SYN);
    struct ct_tuple original = tuple_of(&packet, ZONE);
    struct ct_tuple reply = ct_tuple_reverse(&original);
    uint32_t session = open_ok(ct, &packet, START_TICK);
    struct ct_match match;

    assert_true(conntrack_find(ct, &original, &match));
    assert_int_equal(match.session, session);
    assert_int_equal(match.direction, CT_ORIGINAL);
    assert_true(conntrack_find(ct, &reply, &match));
    assert_int_equal(match.session, session);
    assert_int_equal(match.direction, CT_REPLY);
    assert_int_equal(conntrack_count(ct), 1);
}

static void open_twice_gives_the_same_session(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1000, 53);
    uint32_t session = open_ok(ct, &packet, START_TICK);
    struct ct_match match;

    assert_int_equal(open_in(ct, 1, &packet, ZONE, START_TICK, &match), 0);
    assert_int_equal(match.session, session);
    assert_int_equal(match.direction, CT_ORIGINAL);
    assert_int_equal(conntrack_count(ct), 1);
}

static void open_from_the_other_side_gives_the_same_session(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1000, 53);
    struct packet answer = make_packet("10.0.0.2", "10.0.0.1", UDP);
    uint32_t session = open_ok(ct, &packet, START_TICK);
    struct ct_match match;

    answer.src_port = htons(53);
    answer.dst_port = htons(1000);
    assert_int_equal(open_in(ct, 1, &answer, ZONE, START_TICK, &match), 0);
    assert_int_equal(match.session, session);
    assert_int_equal(match.direction, CT_REPLY);
}

static void zones_keep_the_same_addresses_apart(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1000, 53);
    struct ct_match one;
    struct ct_match two;

    assert_int_equal(open_in(ct, 0, &packet, 1, START_TICK, &one), 0);
    assert_false(finds(ct, &packet, 2));
    assert_int_equal(open_in(ct, 0, &packet, 2, START_TICK, &two), 0);
    assert_int_not_equal(one.session, two.session);
}

static void protocols_and_ports_tell_sessions_apart(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_tcp(1000, 80, SYN);
    struct packet other_port = make_tcp(1000, 81, SYN);
    struct packet other_protocol = make_udp(1000, 80);

    open_ok(ct, &packet, START_TICK);
    assert_false(finds(ct, &other_port, ZONE));
    assert_false(finds(ct, &other_protocol, ZONE));
}

static void echo_request_does_not_pass_for_a_reply(void **state)
{
    struct conntrack *ct = *state;
    struct packet request = make_echo("10.0.0.1", "10.0.0.2", 8, 77);
    struct packet reply = make_echo("10.0.0.2", "10.0.0.1", 0, 77);
    struct packet crossing = make_echo("10.0.0.2", "10.0.0.1", 8, 77);

    open_ok(ct, &request, START_TICK);
    assert_true(finds(ct, &reply, ZONE));
    assert_false(finds(ct, &crossing, ZONE));
}

static void echo_v6_reply_is_found_by_identifier(void **state)
{
    struct conntrack *ct = *state;
    struct packet request = make_echo("fd00::1", "fd00::2", 128, 77);
    struct packet reply = make_echo("fd00::2", "fd00::1", 129, 77);
    struct packet stranger = make_echo("fd00::2", "fd00::1", 129, 78);

    open_ok(ct, &request, START_TICK);
    assert_true(finds(ct, &reply, ZONE));
    assert_false(finds(ct, &stranger, ZONE));
}

static void tuple_of_unfit_packets_is_refused(void **state)
{
    struct packet error = make_echo("10.0.0.1", "10.0.0.2", 3, 0);
    struct packet nd = make_echo("fd00::1", "fd00::2", 135, 0);
    struct packet fragment = make_udp(0, 0);
    struct packet l2 = {.kind = PACKET_L2};
    struct packet arp = {.kind = PACKET_ARP};
    struct ct_tuple tuple;

    fragment.fragment = PACKET_LATER_FRAGMENT;
    assert_false(ct_tuple_from_packet(&error, ZONE, &tuple));
    assert_false(ct_tuple_from_packet(&nd, ZONE, &tuple));
    assert_false(ct_tuple_from_packet(&fragment, ZONE, &tuple));
    assert_false(ct_tuple_from_packet(&l2, ZONE, &tuple));
    assert_false(ct_tuple_from_packet(&arp, ZONE, &tuple));
}

static void other_protocols_go_by_address_pair(void **state)
{
    struct conntrack *ct = *state;
    struct packet gre = make_packet("10.0.0.1", "10.0.0.2", GRE);
    struct packet back = make_packet("10.0.0.2", "10.0.0.1", GRE);
    uint32_t session = open_ok(ct, &gre, START_TICK);

    assert_true(finds(ct, &back, ZONE));
    assert_int_equal(conntrack_track(ct, session, CT_ORIGINAL, 0, START_TICK), CT_SETTLED);
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, 0, START_TICK), CT_SETTLED);
}

static void admission_refuses_what_cannot_start_a_session(void **state)
{
    static const uint8_t bad_flags[] = {0, SYN_ACK, ACK, FIN_ACK, RST, SYN | RST, SYN | TCP_FLAG_FIN, 0xff};
    struct packet syn = make_tcp(1, 2, SYN);
    struct packet reply = make_echo("10.0.0.1", "10.0.0.2", 0, 1);
    struct packet error = make_echo("fd00::1", "fd00::2", 1, 0);
    struct ct_match match;

    for (size_t i = 0; i < sizeof bad_flags; i++) {
        struct packet packet = make_tcp(1, 2, bad_flags[i]);

        assert_int_equal(conntrack_admission(&packet), bad_flags[i] == ACK ? CT_PICK_UP : CT_REFUSE);
        assert_int_equal(open_in(*state, 0, &packet, ZONE, START_TICK, &match), -EINVAL);
    }
    assert_int_equal(conntrack_admission(&syn), CT_ADMIT);
    assert_int_equal(conntrack_admission(&reply), CT_REFUSE);
    assert_int_equal(conntrack_admission(&error), CT_REFUSE);
}

static void mid_stream_is_picked_up_where_that_is_wanted(void **state)
{
    struct packet packet = make_tcp(1, 2, ACK);
    struct packet reset = make_tcp(3, 4, RST | ACK);
    struct ct_new new_session = {.tuple = tuple_of(&packet, ZONE), .packet = &packet, .pick_up = true};
    struct ct_match match;

    assert_int_equal(conntrack_open(*state, 0, &new_session, START_TICK, &match), 0);
    assert_int_equal(conntrack_track(*state, match.session, CT_ORIGINAL, ACK, START_TICK), CT_SETTLED);
    assert_int_equal(conntrack_track(*state, match.session, CT_REPLY, ACK, START_TICK), CT_SETTLED);
    new_session.tuple = tuple_of(&reset, ZONE);
    new_session.packet = &reset;
    assert_int_equal(conntrack_open(*state, 0, &new_session, START_TICK, &match), -EINVAL);
}

static void full_table_refuses_and_reuses_after_close(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1, 9);
    struct ct_match match;

    for (uint16_t port = 1; port <= conntrack_capacity(ct); port++) {
        packet = make_udp(port, 9);
        open_ok(ct, &packet, START_TICK);
    }
    assert_int_equal(open_in(ct, 0, &packet, ZONE, START_TICK, &match), 0); /* exists */
    packet = make_udp(60000, 9);
    assert_int_equal(open_in(ct, 0, &packet, ZONE, START_TICK, &match), -ENOSPC);

    conntrack_close(ct, 1);
    run_until(ct, 0, START_TICK, START_TICK + SESSION_CACHE_IDLE);
    assert_int_equal(open_in(ct, 0, &packet, ZONE, START_TICK, &match), -ENOSPC);
    run_fully(ct, 0, START_TICK + SESSION_CACHE_IDLE + 1);
    assert_int_equal(open_in(ct, 0, &packet, ZONE, START_TICK, &match), 0);
    assert_int_equal(match.session, 1);
}

static void closed_session_is_gone_at_once(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_tcp(1000, 80, SYN);
    uint32_t session = open_ok(ct, &packet, START_TICK);

    conntrack_close(ct, session);
    conntrack_close(ct, session);
    assert_false(finds(ct, &packet, ZONE));
    assert_int_equal(conntrack_track(ct, session, CT_REPLY, SYN_ACK, START_TICK), CT_GONE);
    assert_int_equal(conntrack_count(ct), 0);
    assert_int_not_equal(open_ok(ct, &packet, START_TICK), session);
}

static void reuse_waits_for_the_grace_period(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1, 2);

    qsbr_reader_register(3);
    conntrack_close(ct, open_ok(ct, &packet, START_TICK));
    run_until(ct, 0, START_TICK, START_TICK + 50);
    assert_int_equal(ct->n_free + ct->workers[0].n_cached, conntrack_capacity(ct) - 1);
    qsbr_reader_quiescent(3);
    run_fully(ct, 0, START_TICK + 50);
    assert_int_equal(ct->n_free + ct->workers[0].n_cached, conntrack_capacity(ct));
    qsbr_reader_unregister(3);
}

static void verdict_keeps_the_newest_sequence(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1, 2);
    uint32_t session = open_ok(ct, &packet, START_TICK);
    struct session_verdict newer = {.sequence = 9, .egress_rule = 3, .ingress_rule = 4, .allowed = false};
    struct session_verdict older = {.sequence = 8, .allowed = true};

    assert_int_equal(conntrack_verdict(ct, session).sequence, 5);
    assert_true(conntrack_verdict(ct, session).allowed);
    conntrack_set_verdict(ct, session, &newer);
    conntrack_set_verdict(ct, session, &older);
    assert_int_equal(conntrack_verdict(ct, session).sequence, 9);
    assert_int_equal(conntrack_verdict(ct, session).ingress_rule, 4);
    assert_false(conntrack_verdict(ct, session).allowed);
}

static void crowded_group_overflows_and_drains(void **state)
{
    struct conntrack *ct = make_table(4096, 1);
    struct packet packet;

    for (uint32_t i = 0; i < conntrack_capacity(ct); i++) {
        packet = make_udp((uint16_t)i, (uint16_t)(i * 7));
        open_ok(ct, &packet, START_TICK);
    }
    for (uint32_t i = 0; i < conntrack_capacity(ct); i++) {
        packet = make_udp((uint16_t)i, (uint16_t)(i * 7));
        assert_true(finds(ct, &packet, ZONE));
    }
    conntrack_flush(ct, 0, true);
    for (uint32_t i = 0; i <= ct->bucket_mask; i++)
        assert_int_equal(ct->buckets[i].passed, 0);
    conntrack_destroy(ct);
}

static void handed_over_sessions_expire_with_the_heir(void **state)
{
    struct conntrack *ct = *state;
    struct packet first = make_udp(1, 2);
    struct packet second = make_udp(3, 4);
    struct ct_match match;
    uint32_t now = START_TICK;

    open_ok(ct, &first, now);
    conntrack_run(ct, 1, now);
    assert_int_equal(open_in(ct, 0, &second, ZONE, now, &match), 0);
    assert_true(conntrack_worker_handover(ct, 0, 1, UINT32_MAX));
    conntrack_close(ct, match.session);
    run_until(ct, 1, now, now + session_timeout(UDP, SESSION_ONE_WAY) + SESSION_CACHE_IDLE);
    assert_int_equal(conntrack_count(ct), 0);
    assert_int_equal(ct->n_free + ct->workers[1].n_cached, conntrack_capacity(ct));
}

static void late_mail_to_a_stopped_worker_reaches_the_heir(void **state)
{
    struct conntrack *ct = *state;
    struct packet packet = make_udp(1, 2);
    uint32_t session = open_ok(ct, &packet, START_TICK);

    assert_true(conntrack_worker_handover(ct, 0, 1, UINT32_MAX));
    /* As if the closer had read the owner before the handover. */
    ct_session(ct, session)->owner = 0;
    conntrack_close(ct, session);
    ct_session(ct, session)->owner = 1;
    run_until(ct, 1, START_TICK, START_TICK + SESSION_CACHE_IDLE + 1);
    assert_int_equal(ct->n_free + ct->workers[1].n_cached, conntrack_capacity(ct));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(find_in_empty_table_misses, setup, teardown),
        cmocka_unit_test_setup_teardown(open_is_found_in_both_directions, setup, teardown),
        cmocka_unit_test_setup_teardown(open_twice_gives_the_same_session, setup, teardown),
        cmocka_unit_test_setup_teardown(open_from_the_other_side_gives_the_same_session, setup, teardown),
        cmocka_unit_test_setup_teardown(zones_keep_the_same_addresses_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(protocols_and_ports_tell_sessions_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(echo_request_does_not_pass_for_a_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(echo_v6_reply_is_found_by_identifier, setup, teardown),
        cmocka_unit_test_setup_teardown(tuple_of_unfit_packets_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(other_protocols_go_by_address_pair, setup, teardown),
        cmocka_unit_test_setup_teardown(admission_refuses_what_cannot_start_a_session, setup, teardown),
        cmocka_unit_test_setup_teardown(mid_stream_is_picked_up_where_that_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(full_table_refuses_and_reuses_after_close, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_session_is_gone_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(reuse_waits_for_the_grace_period, setup, teardown),
        cmocka_unit_test_setup_teardown(verdict_keeps_the_newest_sequence, setup, teardown),
        cmocka_unit_test(crowded_group_overflows_and_drains),
        cmocka_unit_test_setup_teardown(handed_over_sessions_expire_with_the_heir, setup, teardown),
        cmocka_unit_test_setup_teardown(late_mail_to_a_stopped_worker_reaches_the_heir, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
