// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/policy.h"
#include "tests/unit/acl/policy_model.h"

#define SEED 9107u

static const uint16_t ethertypes[] = {0x0806, 0x0806, 0x88cc, 0xffff};

static struct rule any(uint32_t id)
{
    return (struct rule){.id = id,
                         .protocol = RULE_PROTOCOL_ANY,
                         .port_max = 65535,
                         .icmp_type = RULE_ICMP_ANY,
                         .icmp_code = RULE_ICMP_ANY};
}

static uint32_t match(const struct rule *rules, size_t n, const struct rule_query *query)
{
    struct policy *policy = policy_compile(rules, n);
    const struct policy_rule *rule = policy_match(policy, NULL, query);
    uint32_t id = rule != NULL ? rule->id : 0;

    policy_unref(policy);
    return id;
}

static struct rule_query tcp_query(void)
{
    struct rule_query query = {.family = RULE_IPV4, .protocol = 6, .has_ports = true, .icmp_type = RULE_ICMP_ANY};

    assert_int_equal(inet_addr_parse("10.0.0.1", &query.remote), 0);
    assert_int_equal(inet_addr_parse("192.0.2.1", &query.local), 0);
    return query;
}

static void policy_source_ports_include_both_ends(void **state)
{
    struct rule rule = any(1);
    struct rule_query query = tcp_query();

    rule.protocol = 6;
    rule.conditions = RULE_IF_SRC_PORT;
    rule.src_port_min = 10;
    rule.src_port_max = 12;
    for (uint16_t port = 9; port <= 13; port++) {
        query.src_port = port;
        assert_int_equal(match(&rule, 1, &query), port >= 10 && port <= 12);
    }
    query.src_port = 11;
    query.has_ports = false;
    assert_int_equal(match(&rule, 1, &query), 0);
}

static void policy_flags_are_set_or_not(void **state)
{
    struct rule rule = any(1);
    struct rule_query query = tcp_query();

    rule.protocol = 6;
    rule.conditions = RULE_IF_TCP_FLAGS;
    rule.tcp_flags = 0x02;
    rule.tcp_mask = 0x12;
    query.tcp_flags = 0x02;
    assert_int_equal(match(&rule, 1, &query), 1);
    query.tcp_flags = 0xc2;
    assert_int_equal(match(&rule, 1, &query), 1);
    query.tcp_flags = 0x12;
    assert_int_equal(match(&rule, 1, &query), 0);
    query.tcp_flags = 0;
    assert_int_equal(match(&rule, 1, &query), 0);
}

static void policy_local_prefix_is_of_this_side(void **state)
{
    struct rule rules[] = {any(1), any(2)};
    struct rule_query query = tcp_query();

    rules[0].conditions = RULE_IF_LOCAL;
    rules[0].family = RULE_IPV4;
    assert_int_equal(inet_prefix_parse("192.0.2.0/24", &rules[0].local), 0);
    assert_int_equal(match(rules, 2, &query), 1);
    assert_int_equal(inet_addr_parse("192.0.3.1", &query.local), 0);
    assert_int_equal(match(rules, 2, &query), 2);
    assert_int_equal(inet_prefix_parse("0.0.0.0/0", &rules[0].local), 0);
    assert_int_equal(match(rules, 2, &query), 1);
}

static void policy_l2_meets_rules_of_its_ethertype_only(void **state)
{
    struct rule rules[] = {any(1), any(2), any(3)};
    struct rule_query query = {.family = RULE_ANY_FAMILY, .ethertype = 0x0806};

    rules[1].conditions = RULE_IF_ETHERTYPE | RULE_IF_SRC_MAC;
    rules[1].ethertype = 0x0806;
    rules[1].src_mac.bytes[0] = 2;
    rules[2].conditions = RULE_IF_ETHERTYPE;
    rules[2].ethertype = 0x0806;
    assert_int_equal(match(rules, 3, &query), 3);
    query.src_mac.bytes[0] = 2;
    assert_int_equal(match(rules, 3, &query), 2);
    query.ethertype = 0x88cc;
    assert_int_equal(match(rules, 3, &query), 0);
    query = tcp_query();
    query.ethertype = 0x0806;
    assert_int_equal(match(&rules[1], 2, &query), 0);
}

static void policy_looks_at_packet_for_flags_and_dscp(void **state)
{
    static const uint32_t conditions[] = {RULE_IF_TCP_FLAGS, RULE_IF_DSCP, RULE_IF_SRC_PORT, RULE_IF_VLAN};

    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        struct rule rule = any(1);
        struct policy *policy;

        rule.conditions = conditions[i];
        policy = policy_compile(&rule, 1);
        assert_int_equal(policy_looks_at_packet(policy), i < 2);
        policy_unref(policy);
    }
}

static void random_conditions(struct rule *rule)
{
    if (below(3) == 0) {
        rule->conditions |= RULE_IF_LOCAL;
        if (rule->family == RULE_ANY_FAMILY)
            rule->family = rule->remote != RULE_REMOTE_PREFIX    ? random_family()
                           : inet_addr_is_v4(&rule->prefix.addr) ? RULE_IPV4
                                                                 : RULE_IPV6;
        rule->local = random_prefix(rule->family);
    }
    if (packet_protocol_has_ports((uint8_t)rule->protocol) && rule->protocol >= 0 && below(3) == 0) {
        rule->conditions |= RULE_IF_SRC_PORT;
        rule->src_port_min = (uint16_t)below(30);
        rule->src_port_max = (uint16_t)(rule->src_port_min + below(20));
    }
    if (rule->protocol == 6 && below(4) == 0) {
        rule->conditions |= RULE_IF_TCP_FLAGS;
        rule->tcp_mask = (uint8_t)below(32);
        rule->tcp_flags = (uint8_t)below(32) & rule->tcp_mask;
    }
    rule->conditions |= below(5) == 0 ? RULE_IF_DSCP : 0;
    rule->dscp = (uint8_t)below(3);
}

static struct rule random_acl(uint32_t id)
{
    struct rule rule = random_rule(id);

    if (below(8) == 0) {
        rule = any(id);
        rule.conditions = RULE_IF_ETHERTYPE;
        rule.ethertype = ethertypes[below(4)];
    } else {
        random_conditions(&rule);
    }
    rule.conditions |= (below(6) == 0 ? RULE_IF_SRC_MAC : 0) | (below(6) == 0 ? RULE_IF_DST_MAC : 0) |
                       (below(6) == 0 ? RULE_IF_VLAN : 0);
    rule.src_mac.bytes[5] = (uint8_t)below(3);
    rule.dst_mac.bytes[5] = (uint8_t)below(3);
    rule.vlan = (uint16_t)below(3);
    return rule;
}

static struct rule_query random_acl_query(void)
{
    struct rule_query query = random_query();

    if (below(6) == 0) {
        query.family = RULE_ANY_FAMILY;
        query.ethertype = ethertypes[below(4)];
    }
    return query;
}

/* Returns how many queries some rule answered. */
static int check_random_acls(size_t n, int queries)
{
    struct rule *rules = calloc(n + 1, sizeof *rules);
    struct addr_set *members[MODEL_SETS];
    struct addr_sets sets = {.n = MODEL_SETS, .sets = members};
    struct policy *policy;
    int answered = 0;

    for (size_t i = 0; i < MODEL_SETS; i++)
        members[i] = random_set();
    for (size_t i = 0; i < n; i++)
        rules[i] = random_acl((uint32_t)(i + 1));
    policy = policy_compile(rules, n);
    assert_non_null(policy);
    for (int q = 0; q < queries; q++) {
        struct rule_query query = random_acl_query();
        const struct policy_rule *rule = policy_match(policy, &sets, &query);
        uint32_t id = rule != NULL ? rule->id : 0;

        assert_int_equal(id, model_match(rules, n, &sets, &query));
        answered += id != 0;
    }
    for (size_t i = 0; i < MODEL_SETS; i++)
        addr_set_unref(members[i]);
    policy_unref(policy);
    free(rules);
    return answered;
}

static void policy_of_random_acls_agrees_with_naive_model(void **state)
{
    int answered = 0;

    print_message("seed %u\n", SEED);
    srandom(SEED);
    for (int i = 0; i < 1500; i++)
        answered += check_random_acls(below(60), 200);
    /* Both answers must be common, or the test tests nothing. */
    assert_in_range(answered, 60000, 240000);
}

static void policy_of_thousands_of_acls_agrees_with_naive_model(void **state)
{
    srandom(SEED + 1);
    for (int i = 0; i < 3; i++)
        check_random_acls(10000, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_source_ports_include_both_ends),
        cmocka_unit_test(policy_flags_are_set_or_not),
        cmocka_unit_test(policy_local_prefix_is_of_this_side),
        cmocka_unit_test(policy_l2_meets_rules_of_its_ethertype_only),
        cmocka_unit_test(policy_looks_at_packet_for_flags_and_dscp),
        cmocka_unit_test(policy_of_random_acls_agrees_with_naive_model),
        cmocka_unit_test(policy_of_thousands_of_acls_agrees_with_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
