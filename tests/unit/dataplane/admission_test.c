// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/world_fixture.h"

/* Guests 1 and 2 unless said otherwise: 1 is behind a group that lets nothing in, 2 lets in TCP to port 80. */
static struct world w;

static int start(void **state)
{
    world_start(&w);
    world_guests(&w, 4);
    world_police(&w, 1, 0, 0);
    world_police(&w, 2, IPPROTO_TCP, 80);
    world_publish(&w);
    world_learn(&w, 4);
    return 0;
}

static int stop(void **state)
{
    world_stop(&w);
    return 0;
}

static void repolice(uint32_t id, int16_t protocol, uint16_t port)
{
    world_police(&w, id, protocol, port);
    world_publish(&w);
}

static void open_connection(void)
{
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
}

/* UDP instead: guest 2 lets in port 53. */
static void udp_exchange(void)
{
    repolice(2, IPPROTO_UDP, 53);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_NONE);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_NONE);
}

static void ingress_is_denied_by_default(void **state)
{
    assert_int_equal(world_tcp(&w, 3, 1, 5000, 80, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(world_udp(&w, 3, 1, 5000, 80), DROP_POLICY_INGRESS);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 81, SYN), DROP_POLICY_INGRESS);
    assert_true(w.resolution.if_no_session);
}

static void egress_without_a_rule_is_denied(void **state)
{
    struct port_policy none = world_policy(NULL, 0);

    policy_chain_unref(none.egress);
    none.egress = world_chain(NULL, 0);
    world_attach(&w, 1, (struct attachment){.has_policy = true, .policy = none});
    world_publish(&w);
    assert_int_equal(world_tcp(&w, 1, 3, 1, 2, SYN), DROP_POLICY_EGRESS);
    assert_int_equal(world_udp(&w, 1, 0xff, 1, 2), DROP_POLICY_EGRESS);
}

static void replies_pass_without_a_rule(void **state)
{
    open_connection();
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_NONE);
    assert_true(world_goes_only_to(&w, 1));
    assert_int_equal(w.resolution.direction, CT_REPLY);
}

static void middle_of_a_connection_opens_nothing(void **state)
{
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_CT_INVALID);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN | ACK), DROP_CT_INVALID);
    assert_false(w.resolution.cacheable);
}

static void removed_rule_cuts_the_original_direction(void **state)
{
    open_connection();
    repolice(2, 0, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_POLICY_CUT);
}

static void removed_rule_cuts_the_reply_direction_first(void **state)
{
    open_connection();
    repolice(2, 0, 0);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_POLICY_CUT);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
}

static void other_change_keeps_the_connection(void **state)
{
    open_connection();
    repolice(2, IPPROTO_TCP, 0);
    repolice(1, IPPROTO_UDP, 9);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
}

static void rule_added_again_resurrects(void **state)
{
    open_connection();
    repolice(2, 0, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
    repolice(2, IPPROTO_TCP, 80);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
}

static void cut_connection_stays_closed_to_the_other_side(void **state)
{
    open_connection();
    repolice(2, 0, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN), DROP_POLICY_CUT);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, RST), DROP_POLICY_CUT);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_POLICY_CUT);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
}

static void cut_udp_stays_closed_to_the_other_side(void **state)
{
    udp_exchange();
    repolice(2, 0, 0);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_POLICY_CUT);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_POLICY_CUT);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_POLICY_CUT);
    /* When the session has expired, it is a new one to guest 1, which lets nothing in. */
    conntrack_flush(w.ct, 0, true);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_POLICY_INGRESS);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_POLICY_INGRESS);
}

static void syn_after_the_end_opens_at_once(void **state)
{
    open_connection();
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, RST), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_true(w.resolution.cacheable && w.resolution.session != 0);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
}

static void syn_of_the_other_side_after_the_end_is_judged_for_itself(void **state)
{
    open_connection();
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, RST), DROP_NONE);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN), DROP_POLICY_INGRESS);
}

/* Guest 4 is behind a group as well, but may use any address. */
static void forged_reply_of_a_third_port_opens_nothing(void **state)
{
    struct packet_spec forged = {2, 1, NULL, IPPROTO_TCP, false, 80, 5000, SYN | ACK, 0, false, 0};

    repolice(4, 0, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_equal(world_send(&w, 4, forged), DROP_POLICY_INGRESS);
    forged.src = 4;
    assert_int_equal(world_send(&w, 4, forged), DROP_CT_INVALID);
    fdb_learn(w.snapshot->bridges[1]->fdb, 0, &(struct mac_addr){{2, 0, 0, 0, 0, 2}}, 2, w.pipeline.now += 5);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
}

static void zones_keep_equal_addresses_apart(void **state)
{
    open_connection();
    world_bridge(&w, 2, false);
    world_attach(&w, 11, (struct attachment){.bridge = 2, .has_policy = true, .policy = world_policy(NULL, 0)});
    world_attach(&w, 12, (struct attachment){.bridge = 2});
    world_publish(&w);
    world_send(&w, 11, (struct packet_spec){.src = 1, .dst = 0xff, .protocol = 17});
    assert_int_equal(world_send(&w, 12, (struct packet_spec){2, 1, NULL, 6, false, 80, 5000, ACK, 0, false, 0}),
                     DROP_CT_INVALID);
    assert_int_equal(world_send(&w, 12, (struct packet_spec){2, 1, NULL, 6, false, 80, 5000, SYN, 0, false, 0}),
                     DROP_POLICY_INGRESS);
}

static void icmp_echo_is_answered(void **state)
{
    repolice(2, IPPROTO_ICMP, 0);
    assert_int_equal(world_send(&w, 2, (struct packet_spec){2, 1, NULL, 1, false, 0, 77, 0, 0, false, 0}),
                     DROP_CT_INVALID);
    assert_int_equal(world_send(&w, 1, (struct packet_spec){1, 2, NULL, 1, false, 8, 77, 0, 0, false, 0}), DROP_NONE);
    assert_int_equal(world_send(&w, 2, (struct packet_spec){2, 1, NULL, 1, false, 0, 77, 0, 0, false, 0}), DROP_NONE);
    assert_int_equal(world_send(&w, 2, (struct packet_spec){2, 1, NULL, 1, false, 0, 78, 0, 0, false, 0}),
                     DROP_CT_INVALID);
}

/* "Port unreachable" from guest 'from' to guest 'to', about what 1 sent to 2. */
static enum drop_reason unreachable(unsigned int from, unsigned int to, uint16_t src_port)
{
    struct packet_spec quoted = {1, 2, NULL, IPPROTO_TCP, false, src_port, 80, ACK, 0, false, 0};
    struct frame inner = spec_frame(&quoted), f;
    struct packet_spec outer = {2, 1, NULL, 1, false, 3, 0, 0, 0, false, 28};
    char mac[MAC_TEXT_LEN];

    snprintf(mac, sizeof mac, "02:00:00:00:00:%02x", to);
    outer.dst_mac = mac;
    f = spec_frame(&outer);
    memcpy(f.bytes + f.len - 28, inner.bytes + 14, 28);
    return world_resolve(&w, from, &f);
}

static void icmp_error_passes_with_its_connection(void **state)
{
    assert_int_equal(unreachable(2, 1, 5000), DROP_CT_INVALID);
    open_connection();
    assert_int_equal(unreachable(2, 1, 5000), DROP_NONE);
    assert_int_equal(unreachable(3, 1, 5000), DROP_NONE); /* from a router on the way */
    assert_int_equal(unreachable(2, 1, 5001), DROP_CT_INVALID);
    repolice(2, 0, 0);
    assert_int_equal(unreachable(2, 1, 5000), DROP_POLICY_CUT);
}

/* The quoted packet vouches for the way to its sender, not to whoever's MAC is on the frame. */
static void icmp_error_does_not_reach_another_guest(void **state)
{
    open_connection();
    repolice(4, 0, 0);
    assert_int_equal(unreachable(3, 4, 5000), DROP_CT_INVALID);
}

/* A third guest may be a router on the way, or somebody who has heard of the connection. */
static void icmp_error_of_a_third_guest_is_asked_about_on_its_side(void **state)
{
    open_connection();
    world_attach(&w, 3, (struct attachment){.has_policy = true, .policy = {.egress = world_chain(NULL, 0)}});
    world_publish(&w);
    assert_int_equal(unreachable(3, 1, 5000), DROP_POLICY_EGRESS);
    repolice(3, 0, 0);
    assert_int_equal(unreachable(3, 1, 5000), DROP_NONE);
}

/* A side without state is asked about the error, also when its address has to be found by a flood. */
static void icmp_error_to_a_stateless_side_is_asked_about(void **state)
{
    struct rule out = world_rule(7, IPPROTO_TCP, 0);

    out.action = RULE_ALLOW_STATELESS;
    world_attach(&w, 1,
                 (struct attachment){
                     .has_policy = true,
                     .policy = {.egress = world_chain(&out, 1), .ingress = world_chain(NULL, 0)},
                 });
    world_publish(&w);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_not_equal(w.resolution.session, 0);
    assert_int_equal(unreachable(2, 1, 5000), DROP_POLICY_INGRESS);
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    assert_int_equal(unreachable(2, 1, 5000), DROP_POLICY_INGRESS);
}

static void connection_opened_while_flooding_gets_its_replies(void **state)
{
    repolice(2, IPPROTO_UDP, 53);
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_NONE);
    assert_true(w.resolution.flood && world_goes_to(&w, 2));
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_NONE);
    assert_true(world_goes_only_to(&w, 1));
}

static void flooded_reply_goes_to_its_session_only(void **state)
{
    udp_exchange();
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_NONE);
    assert_true(world_goes_only_to(&w, 1));
}

/* Its sender is behind no group, so only the receivers know of the session. Guest 1 must not become an end of it. */
static void flooded_reply_of_a_plain_port_misses_other_policed_ports(void **state)
{
    repolice(2, 0, 0);
    assert_int_equal(world_udp(&w, 1, 3, 5000, 53), DROP_NONE);
    assert_int_equal(world_udp(&w, 2, 3, 5000, 54), DROP_NONE);
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_udp(&w, 3, 2, 54, 5000), DROP_NONE);
        assert_true(world_goes_to(&w, 2) && world_goes_to(&w, 4) && !world_goes_to(&w, 1));
    }
}

static void removed_rule_cuts_a_flooded_reply(void **state)
{
    udp_exchange();
    repolice(2, 0, 0);
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_POLICY_CUT);
}

/* It is for the others to take or leave. */
static void removed_rule_keeps_a_flood_from_its_port(void **state)
{
    udp_exchange();
    repolice(2, 0, 0);
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_NONE);
    assert_true(world_goes_to(&w, 3) && world_goes_to(&w, 4) && !world_goes_to(&w, 2));
}

static void unknown_unicast_enters_no_port_that_denies_it(void **state)
{
    fdb_flush(w.snapshot->bridges[1]->fdb, 0);
    assert_int_equal(world_udp(&w, 3, 2, 5000, 80), DROP_NONE);
    assert_true(world_goes_only_to(&w, 4));
    assert_int_equal(world_tcp(&w, 3, 2, 5000, 80, SYN), DROP_NONE);
    assert_true(world_goes_to(&w, 2) && world_goes_to(&w, 4) && !world_goes_to(&w, 1));
}

static void first_fragment_is_never_cached(void **state)
{
    struct packet_spec udp = {1, 2, NULL, IPPROTO_UDP, false, 5000, 53, 0, 0, false, 0};
    struct frame f;

    repolice(2, IPPROTO_UDP, 53);
    f = spec_frame(&udp);
    f.bytes[14 + 6] = 0x20;
    assert_int_equal(world_resolve(&w, 1, &f), DROP_NONE);
    assert_false(w.resolution.cacheable);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ingress_is_denied_by_default),
        TEST(egress_without_a_rule_is_denied),
        TEST(replies_pass_without_a_rule),
        TEST(middle_of_a_connection_opens_nothing),
        TEST(removed_rule_cuts_the_original_direction),
        TEST(removed_rule_cuts_the_reply_direction_first),
        TEST(other_change_keeps_the_connection),
        TEST(rule_added_again_resurrects),
        TEST(cut_connection_stays_closed_to_the_other_side),
        TEST(cut_udp_stays_closed_to_the_other_side),
        TEST(syn_after_the_end_opens_at_once),
        TEST(syn_of_the_other_side_after_the_end_is_judged_for_itself),
        TEST(forged_reply_of_a_third_port_opens_nothing),
        TEST(zones_keep_equal_addresses_apart),
        TEST(icmp_echo_is_answered),
        TEST(icmp_error_passes_with_its_connection),
        TEST(icmp_error_does_not_reach_another_guest),
        TEST(icmp_error_of_a_third_guest_is_asked_about_on_its_side),
        TEST(icmp_error_to_a_stateless_side_is_asked_about),
        TEST(connection_opened_while_flooding_gets_its_replies),
        TEST(flooded_reply_goes_to_its_session_only),
        TEST(flooded_reply_of_a_plain_port_misses_other_policed_ports),
        TEST(removed_rule_cuts_a_flooded_reply),
        TEST(removed_rule_keeps_a_flood_from_its_port),
        TEST(unknown_unicast_enters_no_port_that_denies_it),
        TEST(first_fragment_is_never_cached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
