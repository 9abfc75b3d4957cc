// SPDX-License-Identifier: Apache-2.0
/* Tiers, networks, statelessness, audit, and what a change does to connections: guests 1 to 4 on bridge 1. */
#include "tests/unit/dataplane/world_fixture.h"

static struct world w;
static const struct rule no_rules[1]; /* a group without rules */

static int start(void **state)
{
    world_start(&w);
    world_guests(&w, 4);
    world_learn(&w, 4);
    return 0;
}

static int stop(void **state)
{
    world_stop(&w);
    return 0;
}

/* A rule about TCP to 'port' (0: any). */
static struct rule tcp_rule(uint32_t id, enum rule_action action, uint16_t port)
{
    struct rule rule = world_rule(id, IPPROTO_TCP, port);

    rule.action = action;
    return rule;
}

/* A chain of at most two tiers of one rule each, and groups unless NULL; nameless default with id 99. */
static struct policy_chain *chain_of(const struct rule *tier0, const struct rule *tier1, const struct rule *group,
                                     size_t n_group)
{
    const struct policy_rule refusal = {.id = 99, .action = RULE_DENY};
    struct policy *tiers[2], *groups = group != NULL ? policy_compile(group, n_group) : NULL;
    struct policy_chain *chain;
    size_t n = 0;

    if (tier0 != NULL)
        tiers[n++] = policy_compile(tier0, 1);
    if (tier1 != NULL)
        tiers[n++] = policy_compile(tier1, 1);
    chain = policy_chain_create(tiers, n, groups, &refusal);
    while (n > 0)
        policy_unref(tiers[--n]);
    policy_unref(groups);
    assert_non_null(chain);
    return chain;
}

static void attach(uint32_t id, struct port_policy policy)
{
    world_attach(&w, id, (struct attachment){.has_policy = true, .policy = policy});
    world_publish(&w);
}

static void attach_ingress(uint32_t id, const struct rule *tier0, const struct rule *tier1, const struct rule *group,
                           size_t n_group)
{
    attach(id, (struct port_policy){.ingress = chain_of(tier0, tier1, group, n_group)});
}

static void tier_decides_before_groups(void **state)
{
    struct rule deny = tcp_rule(1, RULE_DENY, 80), allow = tcp_rule(2, RULE_ALLOW, 0);

    attach_ingress(2, &deny, NULL, &allow, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 1);
    assert_false(w.resolution.reject);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 81, SYN), DROP_NONE);
    assert_int_equal(w.resolution.rules.ingress, 2);
}

static void pass_goes_on_to_the_next_tier(void **state)
{
    struct rule pass = tcp_rule(1, RULE_PASS, 80), deny = tcp_rule(2, RULE_DENY, 0), allow = tcp_rule(3, RULE_ALLOW, 0);

    attach_ingress(2, &pass, &deny, &allow, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 2);
    attach_ingress(2, &pass, NULL, &allow, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5001, 80, SYN), DROP_NONE);
    assert_int_equal(w.resolution.rules.ingress, 3);
}

static void what_no_tier_decides_is_open_without_groups(void **state)
{
    struct rule deny = tcp_rule(1, RULE_DENY, 22);

    attach_ingress(2, &deny, NULL, NULL, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 22, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_not_equal(w.resolution.session, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 6000, 80, ACK), DROP_CT_INVALID);
}

static void refusal_by_default_names_the_default_rule(void **state)
{
    attach_ingress(2, NULL, NULL, no_rules, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 22, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 99);
    assert_int_equal(w.resolution.rules.egress, 0);
}

static void reject_asks_for_an_answer_to_the_sender(void **state)
{
    struct rule reject = tcp_rule(1, RULE_REJECT, 80);

    attach_ingress(2, &reject, NULL, NULL, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_POLICY_INGRESS);
    assert_true(w.resolution.reject);
    assert_true(w.resolution.cacheable);
}

static void stateless_side_is_asked_about_replies(void **state)
{
    struct rule in = tcp_rule(1, RULE_ALLOW_STATELESS, 80), out = tcp_rule(2, RULE_ALLOW_STATELESS, 5000);

    attach(2, (struct port_policy){.ingress = chain_of(&in, NULL, no_rules, 0),
                                   .egress = chain_of(NULL, NULL, no_rules, 0)});
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_equal(w.resolution.session, 0);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_POLICY_EGRESS);
    assert_int_equal(w.resolution.rules.egress, 99);
    attach(2, (struct port_policy){.ingress = chain_of(&in, NULL, no_rules, 0),
                                   .egress = chain_of(&out, NULL, no_rules, 0)});
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
    /* Without state, flags play no role. */
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
    assert_int_equal(conntrack_count(w.ct), 0);
}

static void stateless_and_stateful_side_each_have_their_way(void **state)
{
    struct rule out = tcp_rule(1, RULE_ALLOW_STATELESS, 0), in = tcp_rule(2, RULE_ALLOW, 80);

    attach(1, (struct port_policy){.ingress = chain_of(NULL, NULL, no_rules, 0),
                                   .egress = chain_of(&out, NULL, no_rules, 0)});
    attach_ingress(2, NULL, NULL, &in, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_not_equal(w.resolution.session, 0);
    /* 2's side lets the reply out by the session, 1's has no rule for it. */
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 0);
    assert_int_equal(w.resolution.rules.egress, 99);
    assert_false(w.resolution.cacheable);
}

static void flags_of_a_packet_are_not_cached_without_state(void **state)
{
    struct rule rule = tcp_rule(1, RULE_ALLOW_STATELESS, 80);

    rule.conditions = RULE_IF_TCP_FLAGS;
    rule.tcp_flags = rule.tcp_mask = SYN;
    attach_ingress(2, &rule, NULL, no_rules, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_false(w.resolution.cacheable);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_INGRESS);
    assert_false(w.resolution.cacheable);
}

static void flow_without_state_makes_way_for_a_session_of_other_flags(void **state)
{
    struct rule in = tcp_rule(1, RULE_ALLOW_STATELESS, 0), out = tcp_rule(2, RULE_ALLOW, 0);

    out.conditions = RULE_IF_TCP_FLAGS;
    out.tcp_flags = out.tcp_mask = SYN;
    attach(2, (struct port_policy){.ingress = chain_of(&in, NULL, no_rules, 0),
                                   .egress = chain_of(&out, NULL, no_rules, 0)});
    assert_int_equal(world_tcp(&w, 1, 2, 80, 5000, ACK), DROP_NONE);
    assert_true(w.resolution.cacheable && w.resolution.if_no_session);
    assert_int_equal(world_tcp(&w, 2, 1, 5000, 80, SYN), DROP_NONE);
    assert_int_not_equal(w.resolution.session, 0);
}

static void audit_counts_and_lets_pass(void **state)
{
    struct rule deny = tcp_rule(7, RULE_DENY, 80);

    attach(2, (struct port_policy){.ingress_audit = chain_of(&deny, NULL, NULL, 0)});
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_equal(w.resolution.rules.audit, 7);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
    assert_int_equal(w.resolution.rules.audit, 7);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 81, SYN), DROP_NONE);
    assert_int_equal(w.resolution.rules.audit, 0);
}

static void set_zone(const struct rule *ingress)
{
    struct zone_policy policy = {.ingress = ingress != NULL ? chain_of(ingress, NULL, NULL, 0) : NULL};

    assert_int_equal(snapshot_set_zone_policy(world_edit(&w), zone_of(1, 0), ingress != NULL ? &policy : NULL), 0);
    world_publish(&w);
}

static void network_comes_before_the_port(void **state)
{
    struct rule deny = tcp_rule(1, RULE_DENY, 80), allow = tcp_rule(2, RULE_ALLOW, 0),
                open = tcp_rule(3, RULE_ALLOW, 81);

    attach_ingress(2, &allow, NULL, NULL, 0);
    set_zone(&deny);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 1);
    attach_ingress(2, NULL, NULL, no_rules, 0);
    set_zone(&open);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 81, SYN), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 99);
    /* Port 3 has no policy of its own: it is not asked. */
    set_zone(&deny);
    assert_int_equal(world_tcp(&w, 1, 3, 5000, 80, SYN), DROP_NONE);
}

static void change_of_the_network_reaches_connections(void **state)
{
    struct rule deny = tcp_rule(1, RULE_DENY, 80), allow = tcp_rule(2, RULE_ALLOW, 0);

    attach_ingress(2, NULL, NULL, &allow, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    set_zone(&deny);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_POLICY_CUT);
    assert_int_equal(w.resolution.rules.ingress, 1);
    set_zone(NULL);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
}

static void open_to_80(enum rule_on_change on_change)
{
    struct rule allow = tcp_rule(5, RULE_ALLOW, 80);

    allow.on_change = on_change;
    attach_ingress(2, NULL, NULL, &allow, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, SYN), DROP_NONE);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, SYN | ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
}

static void kept_connection_outlives_its_rule_but_not_a_denial(void **state)
{
    struct rule deny = tcp_rule(1, RULE_DENY, 80);

    open_to_80(RULE_KEEP);
    attach_ingress(2, NULL, NULL, no_rules, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
    assert_int_equal(w.resolution.rules.ingress, 5);
    attach_ingress(2, NULL, NULL, no_rules, 0); /* and the next change */
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5001, 80, SYN), DROP_POLICY_INGRESS);
    attach_ingress(2, &deny, NULL, no_rules, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
}

static void flushed_connection_is_forgotten(void **state)
{
    open_to_80(RULE_FLUSH);
    attach_ingress(2, NULL, NULL, no_rules, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_INGRESS);
    assert_int_equal(conntrack_count(w.ct), 0);
}

/* Workers judge it anew before control comes to end it. */
static void flushed_connection_ends_when_another_rule_allows_it(void **state)
{
    struct rule other = tcp_rule(6, RULE_ALLOW, 0);
    const uint32_t gone = 5;
    uint32_t cursor = 0;

    open_to_80(RULE_FLUSH);
    attach_ingress(2, NULL, NULL, &other, 1);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
    assert_int_equal(conntrack_count(w.ct), 1);
    assert_true(conntrack_flush_rules(w.ct, &gone, 1, &cursor, UINT32_MAX));
    assert_int_equal(conntrack_count(w.ct), 0);
}

static void cut_by_a_rejecting_rule_tells_the_sender(void **state)
{
    struct rule reject = tcp_rule(1, RULE_REJECT, 80);

    open_to_80(RULE_REEVALUATE);
    attach_ingress(2, &reject, NULL, NULL, 0);
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_POLICY_CUT);
    assert_true(w.resolution.reject);
}

static void connection_is_picked_up_where_the_port_says_so(void **state)
{
    struct rule allow = tcp_rule(1, RULE_ALLOW, 80);

    attach(2, (struct port_policy){.ingress = chain_of(NULL, NULL, &allow, 1), .limits = {.pick_up = true}});
    assert_int_equal(world_tcp(&w, 1, 2, 5000, 80, ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 2, 1, 80, 5000, ACK), DROP_NONE);
    assert_int_equal(world_tcp(&w, 1, 2, 5001, 80, FIN | ACK), DROP_CT_INVALID);
    assert_int_equal(world_tcp(&w, 1, 2, 5001, 81, ACK), DROP_POLICY_INGRESS);
}

static void quota_refuses_new_and_leaves_others_alone(void **state)
{
    struct ct_limits limits = {.max = 1};
    struct rule allow = tcp_rule(1, RULE_ALLOW, 0);
    struct port_policy policy = {.ingress = chain_of(NULL, NULL, &allow, 1)};
    uint32_t account = conntrack_account_open(w.ct, &limits);

    allow = world_rule(2, IPPROTO_UDP, 0);
    policy.egress = chain_of(NULL, NULL, &allow, 1);
    world_attach(&w, 1, (struct attachment){.has_policy = true, .policy = policy, .account = account});
    world_publish(&w);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_NONE);
    assert_int_equal(world_udp(&w, 1, 2, 5001, 53), DROP_CT_QUOTA);
    assert_false(w.resolution.cacheable);
    assert_int_equal(world_udp(&w, 2, 1, 53, 5000), DROP_NONE);
    assert_int_equal(world_udp(&w, 1, 2, 5000, 53), DROP_NONE);
}

static void ipv4_address_in_ipv6_form_is_refused_where_all_else_is_open(void **state)
{
    struct rule deny = tcp_rule(1, RULE_DENY, 22);
    struct frame frame = {.len = 0};

    frame_put_mac(&frame, "02:00:00:00:00:02");
    frame_put_mac(&frame, "02:00:00:00:00:01");
    frame_put_ipv6(&frame, "::ffff:10.0.0.1", "fd00::2", IPPROTO_UDP, 64);
    frame_put_udp(&frame, 1, 2);
    frame_end(&frame);
    attach_ingress(2, &deny, NULL, NULL, 0);
    assert_int_equal(world_resolve(&w, 1, &frame), DROP_POLICY_INGRESS);
    assert_int_equal(world_udp(&w, 1, 2, 1, 2), DROP_NONE);
}

static void acl_of_arp_is_asked_about_arp(void **state)
{
    struct rule deny = {.id = 3, .action = RULE_DENY, .conditions = RULE_IF_ETHERTYPE, .ethertype = 0x0806};
    struct frame arp = {.len = 0};

    deny.protocol = RULE_PROTOCOL_ANY;
    deny.port_max = 65535;
    deny.icmp_type = deny.icmp_code = RULE_ICMP_ANY;
    frame_put_mac(&arp, "02:00:00:00:00:02");
    frame_put_mac(&arp, "02:00:00:00:00:01");
    frame_put_arp(&arp, 1, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.2");
    attach_ingress(2, NULL, NULL, no_rules, 0);
    assert_int_equal(world_resolve(&w, 1, &arp), DROP_NONE);
    attach_ingress(2, &deny, NULL, no_rules, 0);
    assert_int_equal(world_resolve(&w, 1, &arp), DROP_POLICY_INGRESS);
    assert_int_equal(w.resolution.rules.ingress, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tier_decides_before_groups),
        TEST(pass_goes_on_to_the_next_tier),
        TEST(what_no_tier_decides_is_open_without_groups),
        TEST(refusal_by_default_names_the_default_rule),
        TEST(reject_asks_for_an_answer_to_the_sender),
        TEST(stateless_side_is_asked_about_replies),
        TEST(stateless_and_stateful_side_each_have_their_way),
        TEST(flags_of_a_packet_are_not_cached_without_state),
        TEST(flow_without_state_makes_way_for_a_session_of_other_flags),
        TEST(audit_counts_and_lets_pass),
        TEST(network_comes_before_the_port),
        TEST(change_of_the_network_reaches_connections),
        TEST(kept_connection_outlives_its_rule_but_not_a_denial),
        TEST(flushed_connection_is_forgotten),
        TEST(flushed_connection_ends_when_another_rule_allows_it),
        TEST(cut_by_a_rejecting_rule_tells_the_sender),
        TEST(connection_is_picked_up_where_the_port_says_so),
        TEST(quota_refuses_new_and_leaves_others_alone),
        TEST(ipv4_address_in_ipv6_form_is_refused_where_all_else_is_open),
        TEST(acl_of_arp_is_asked_about_arp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
