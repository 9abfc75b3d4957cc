// SPDX-License-Identifier: Apache-2.0
#include "acl/shadow.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED     2204u
#define MANY     10000u
#define N_LIST   24
#define N_ROUNDS 3000

static struct inet_prefix prefix_of(const char *text)
{
    struct inet_prefix prefix;

    assert_int_equal(inet_prefix_parse(text, &prefix), 0);
    return prefix;
}

static struct rule any_rule(void)
{
    return (struct rule){.protocol = RULE_PROTOCOL_ANY,
                         .port_max = UINT16_MAX,
                         .icmp_type = RULE_ICMP_ANY,
                         .icmp_code = RULE_ICMP_ANY,
                         .src_port_max = UINT16_MAX};
}

static struct rule tcp_rule(uint16_t port_min, uint16_t port_max)
{
    struct rule rule = any_rule();

    rule.protocol = IPPROTO_TCP;
    rule.port_min = port_min;
    rule.port_max = port_max;
    return rule;
}

static struct rule from_prefix(struct rule rule, const char *text)
{
    rule.remote = RULE_REMOTE_PREFIX;
    rule.prefix = prefix_of(text);
    rule.family = inet_addr_is_v4(&rule.prefix.addr) ? RULE_IPV4 : RULE_IPV6;
    return rule;
}

static struct rule from_set(struct rule rule, uint32_t set)
{
    rule.remote = RULE_REMOTE_SET;
    rule.set = set;
    return rule;
}

static int find_shadows(const struct rule *rules, size_t n, uint32_t *covered_by)
{
    uint32_t steps = SHADOW_STEPS;

    return shadow_find(rules, n, covered_by, &steps);
}

/* What covers the second of two rules: 0 when the first does. */
static uint32_t cover_of_second(struct rule first, struct rule second)
{
    struct rule rules[] = {first, second};
    uint32_t covered_by[2];

    assert_int_equal(find_shadows(rules, 2, covered_by), 0);
    assert_int_equal(covered_by[0], SHADOW_NONE);
    return covered_by[1];
}

static void empty_list_has_no_shadows(void **state)
{
    assert_int_equal(find_shadows(NULL, 0, NULL), 0);
}

static void equal_rule_is_covered_by_the_earlier(void **state)
{
    assert_int_equal(cover_of_second(any_rule(), any_rule()), 0);
    assert_int_equal(cover_of_second(tcp_rule(22, 22), tcp_rule(22, 22)), 0);
    assert_int_equal(cover_of_second(from_set(any_rule(), 3), from_set(any_rule(), 3)), 0);
}

static void ports_are_covered_by_a_range_around_them(void **state)
{
    assert_int_equal(cover_of_second(tcp_rule(80, 90), tcp_rule(85, 90)), 0);
    assert_int_equal(cover_of_second(any_rule(), tcp_rule(85, 90)), 0);
    assert_int_equal(cover_of_second(tcp_rule(80, 90), tcp_rule(85, 91)), SHADOW_NONE);
    assert_int_equal(cover_of_second(tcp_rule(80, 90), any_rule()), SHADOW_NONE);
}

static void prefix_is_covered_by_a_shorter_one(void **state)
{
    struct rule wide = from_prefix(any_rule(), "10.0.0.0/8");

    assert_int_equal(cover_of_second(wide, from_prefix(tcp_rule(1, 1), "10.1.0.0/16")), 0);
    assert_int_equal(cover_of_second(wide, from_prefix(any_rule(), "11.0.0.0/16")), SHADOW_NONE);
    assert_int_equal(cover_of_second(from_prefix(any_rule(), "10.1.0.0/16"), wide), SHADOW_NONE);
    assert_int_equal(cover_of_second(wide, from_set(any_rule(), 1)), SHADOW_NONE);
}

static void prefix_of_all_covers_its_family_alone(void **state)
{
    struct rule v4 = from_prefix(any_rule(), "0.0.0.0/0");
    struct rule v6 = from_prefix(any_rule(), "::/0");
    struct rule set = from_set(any_rule(), 1);

    assert_int_equal(cover_of_second(v6, v4), SHADOW_NONE);
    assert_int_equal(cover_of_second(v4, v6), SHADOW_NONE);
    assert_int_equal(cover_of_second(v4, set), SHADOW_NONE);
    set.family = RULE_IPV4;
    assert_int_equal(cover_of_second(v4, set), 0);
    assert_int_equal(cover_of_second(v6, set), SHADOW_NONE);
    v6.family = RULE_ANY_FAMILY;
    assert_int_equal(cover_of_second(v6, v4), SHADOW_NONE);
}

static void icmp_type_covers_its_codes(void **state)
{
    struct rule type = any_rule();
    struct rule code;

    type.family = RULE_IPV4;
    type.protocol = IPPROTO_ICMP;
    type.icmp_type = 3;
    code = type;
    code.icmp_code = 4;
    assert_int_equal(cover_of_second(type, code), 0);
    assert_int_equal(cover_of_second(code, type), SHADOW_NONE);
    code.icmp_type = 4;
    assert_int_equal(cover_of_second(type, code), SHADOW_NONE);
}

static void frame_of_another_ethertype_is_not_covered_by_rules_for_ip(void **state)
{
    struct rule arp = any_rule();

    arp.conditions = RULE_IF_ETHERTYPE;
    arp.ethertype = 0x0806;
    assert_int_equal(cover_of_second(any_rule(), arp), SHADOW_NONE);
    assert_int_equal(cover_of_second(arp, any_rule()), SHADOW_NONE);
    assert_int_equal(cover_of_second(arp, arp), 0);
}

static void conditions_are_covered_by_fewer_and_wider_ones(void **state)
{
    struct rule syn = tcp_rule(22, 22), synack;

    syn.conditions = RULE_IF_TCP_FLAGS | RULE_IF_SRC_PORT;
    syn.tcp_mask = syn.tcp_flags = 0x02;
    syn.src_port_min = 1024;
    synack = syn;
    synack.tcp_mask = 0x12;
    synack.src_port_min = 2000;
    assert_int_equal(cover_of_second(syn, synack), 0);
    assert_int_equal(cover_of_second(synack, syn), SHADOW_NONE);
    assert_int_equal(cover_of_second(tcp_rule(22, 22), syn), 0);
    assert_int_equal(cover_of_second(syn, tcp_rule(22, 22)), SHADOW_NONE);
}

/* Random lists against every pair, column by column. */

static uint32_t draw(uint32_t below)
{
    return (uint32_t)rand() % below;
}

static struct inet_prefix random_prefix(enum rule_family family)
{
    static const char *const v4[] = {"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/31", "10.0.0.1/32", "128.0.0.0/1"};
    static const char *const v6[] = {"::/0", "fd00::/8", "fd00::/127", "fd00::1/128", "8000::/1"};

    return prefix_of(family == RULE_IPV4 ? v4[draw(5)] : v6[draw(5)]);
}

static void add_conditions(struct rule *rule)
{
    rule->conditions = draw(3) == 0 ? (draw(256) & draw(256)) & ~(RULE_IF_LOCAL | RULE_IF_ETHERTYPE) : 0;
    rule->src_mac.bytes[5] = (uint8_t)draw(2);
    rule->dst_mac.bytes[5] = (uint8_t)draw(2);
    rule->vlan = (uint16_t)draw(2);
    rule->dscp = (uint8_t)draw(2);
    rule->src_port_min = (uint16_t)draw(3);
    rule->src_port_max = (uint16_t)(rule->src_port_min + draw(3));
    rule->tcp_mask = (uint8_t)draw(4);
    rule->tcp_flags = (uint8_t)draw(4) & rule->tcp_mask;
    if (rule->family != RULE_ANY_FAMILY && draw(4) == 0) {
        rule->conditions |= RULE_IF_LOCAL;
        rule->local = random_prefix(rule->family);
    } else if (rule->family == RULE_ANY_FAMILY && rule->remote == RULE_REMOTE_ANY && draw(8) == 0) {
        rule->conditions = RULE_IF_ETHERTYPE;
        rule->protocol = RULE_PROTOCOL_ANY;
        rule->port_min = 0;
        rule->port_max = UINT16_MAX;
        rule->icmp_type = rule->icmp_code = RULE_ICMP_ANY;
        rule->ethertype = (uint16_t)(0x0806 + draw(2));
    }
}

static struct rule random_rule(void)
{
    static const enum rule_family families[] = {RULE_ANY_FAMILY, RULE_IPV4, RULE_IPV6};
    static const int16_t protocols[] = {RULE_PROTOCOL_ANY, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    struct rule rule = any_rule();

    rule.family = families[draw(3)];
    rule.protocol = protocols[draw(4)];
    if (rule.protocol == IPPROTO_ICMP) {
        rule.icmp_type = (int16_t)draw(3) - 1;
        rule.icmp_code = rule.icmp_type == RULE_ICMP_ANY ? RULE_ICMP_ANY : (int16_t)draw(3) - 1;
    } else if (rule.protocol != RULE_PROTOCOL_ANY && draw(3) > 0) {
        rule.port_min = (uint16_t)draw(4);
        rule.port_max = (uint16_t)(rule.port_min + draw(4));
    }
    if (draw(3) == 0)
        rule = from_set(rule, draw(2));
    else if (rule.family != RULE_ANY_FAMILY && draw(2) == 0) {
        rule.remote = RULE_REMOTE_PREFIX;
        rule.prefix = random_prefix(rule.family);
    }
    add_conditions(&rule);
    return rule;
}

static bool is_whole(const struct rule *rule)
{
    return rule->remote == RULE_REMOTE_ANY ||
           (rule->remote == RULE_REMOTE_PREFIX && rule->prefix.len == (rule->family == RULE_IPV4 ? 96 : 0));
}

static bool prefix_covers(const struct inet_prefix *a, const struct inet_prefix *b)
{
    return a->len <= b->len && inet_prefix_contains(a, &b->addr);
}

static bool remote_covers(const struct rule *a, const struct rule *b)
{
    if (is_whole(a))
        return true;
    if (is_whole(b) || a->remote != b->remote)
        return false;
    return a->remote == RULE_REMOTE_SET ? a->set == b->set : prefix_covers(&a->prefix, &b->prefix);
}

static bool conditions_cover(const struct rule *a, const struct rule *b)
{
    uint32_t has = a->conditions;

    if ((has & ~b->conditions) != 0 || ((has ^ b->conditions) & RULE_IF_ETHERTYPE) != 0)
        return false;
    return (!(has & RULE_IF_LOCAL) || prefix_covers(&a->local, &b->local)) &&
           (!(has & RULE_IF_SRC_PORT) || (a->src_port_min <= b->src_port_min && a->src_port_max >= b->src_port_max)) &&
           (!(has & RULE_IF_SRC_MAC) || mac_addr_equal(&a->src_mac, &b->src_mac)) &&
           (!(has & RULE_IF_DST_MAC) || mac_addr_equal(&a->dst_mac, &b->dst_mac)) &&
           (!(has & RULE_IF_ETHERTYPE) || a->ethertype == b->ethertype) &&
           (!(has & RULE_IF_VLAN) || a->vlan == b->vlan) && (!(has & RULE_IF_DSCP) || a->dscp == b->dscp) &&
           (!(has & RULE_IF_TCP_FLAGS) ||
            ((a->tcp_mask & ~b->tcp_mask) == 0 && (b->tcp_flags & a->tcp_mask) == a->tcp_flags));
}

static bool covers(const struct rule *a, const struct rule *b)
{
    return (a->family == RULE_ANY_FAMILY || a->family == b->family) &&
           (a->protocol == RULE_PROTOCOL_ANY || a->protocol == b->protocol) && a->port_min <= b->port_min &&
           a->port_max >= b->port_max && (a->icmp_type == RULE_ICMP_ANY || a->icmp_type == b->icmp_type) &&
           (a->icmp_code == RULE_ICMP_ANY || a->icmp_code == b->icmp_code) && remote_covers(a, b) &&
           conditions_cover(a, b);
}

static bool is_covered(const struct rule *rules, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++) {
        if (covers(&rules[j], &rules[i]))
            return true;
    }
    return false;
}

static void random_lists_have_the_shadows_that_pairs_have(void **state)
{
    struct rule rules[N_LIST];
    uint32_t covered_by[N_LIST];
    size_t n_covered = 0;

    srand(SEED);
    for (int round = 0; round < N_ROUNDS; round++) {
        for (size_t i = 0; i < N_LIST; i++)
            rules[i] = random_rule();
        assert_int_equal(find_shadows(rules, N_LIST, covered_by), 0);
        for (uint32_t i = 0; i < N_LIST; i++) {
            assert_int_equal(covered_by[i] != SHADOW_NONE, is_covered(rules, i));
            if (covered_by[i] == SHADOW_NONE)
                continue;
            assert_true(covered_by[i] < i);
            assert_true(covers(&rules[covered_by[i]], &rules[i]));
            n_covered++;
        }
    }
    assert_in_range(n_covered, N_ROUNDS, N_ROUNDS * N_LIST / 2);
}

/* Does a rule match a packet? The packet is a rule that leaves nothing open. */
static bool matches(const struct rule *rule, const struct rule *packet, bool in_set)
{
    struct rule asked = *rule;

    if (asked.remote == RULE_REMOTE_SET) {
        if (!in_set)
            return false;
        asked.remote = RULE_REMOTE_ANY;
    }
    return covers(&asked, packet);
}

static struct rule random_packet(void)
{
    struct rule packet = any_rule();
    bool v4 = draw(2) == 0;
    bool is_icmp = draw(3) == 0;

    packet = from_prefix(packet, v4 ? (draw(2) ? "10.0.0.1/32" : "10.0.0.0/32") : (draw(2) ? "fd00::1" : "9000::1"));
    packet.local = prefix_of(v4 ? "10.0.0.1/32" : "fd00::1");
    packet.protocol = is_icmp ? IPPROTO_ICMP : draw(2) ? IPPROTO_TCP : IPPROTO_UDP;
    packet.icmp_type = is_icmp ? (int16_t)draw(2) : RULE_ICMP_ANY;
    packet.icmp_code = is_icmp ? (int16_t)draw(2) : RULE_ICMP_ANY;
    if (!is_icmp)
        packet.port_min = packet.port_max = (uint16_t)draw(8);
    packet.conditions = UINT8_MAX & ~RULE_IF_ETHERTYPE;
    packet.src_mac.bytes[5] = (uint8_t)draw(2);
    packet.dst_mac.bytes[5] = (uint8_t)draw(2);
    packet.vlan = (uint16_t)draw(2);
    packet.dscp = (uint8_t)draw(2);
    packet.src_port_min = packet.src_port_max = (uint16_t)draw(6);
    packet.tcp_mask = UINT8_MAX;
    packet.tcp_flags = (uint8_t)draw(4);
    return packet;
}

static void shadowed_rule_never_decides_about_a_packet(void **state)
{
    struct rule rules[N_LIST];
    uint32_t covered_by[N_LIST];

    srand(SEED + 1);
    for (int round = 0; round < N_ROUNDS; round++) {
        for (size_t i = 0; i < N_LIST; i++)
            rules[i] = random_rule();
        assert_int_equal(find_shadows(rules, N_LIST, covered_by), 0);
        for (int i = 0; i < 100; i++) {
            struct rule packet = random_packet();
            bool in_sets[] = {draw(2) == 0, draw(2) == 0};
            size_t first = 0;

            while (first < N_LIST && !matches(&rules[first], &packet, in_sets[rules[first].set]))
                first++;
            assert_true(first == N_LIST || covered_by[first] == SHADOW_NONE);
        }
    }
}

/* A list as large as they come is looked at to its end, whatever its rules differ in. */
static void long_list_is_looked_at_to_its_end(void **state)
{
    struct rule *rules = calloc(MANY, sizeof *rules);
    uint32_t *covered_by = calloc(MANY, sizeof *covered_by);

    assert_non_null(rules);
    assert_non_null(covered_by);
    for (uint32_t i = 0; i < MANY; i++) {
        rules[i] = tcp_rule((uint16_t)(2 * i), (uint16_t)(2 * i + 1));
        if (i % 2 == 0) {
            rules[i] = from_prefix(rules[i], "10.0.0.0/8");
            rules[i].prefix.addr.words[3] = htonl(0x0a000000 + i);
            rules[i].prefix.len = (uint8_t)(104 + i % 24);
        }
    }
    rules[MANY - 1] = rules[1];
    assert_int_equal(find_shadows(rules, MANY, covered_by), 0);
    for (uint32_t i = 0; i + 1 < MANY; i++)
        assert_int_equal(covered_by[i], SHADOW_NONE);
    assert_int_equal(covered_by[MANY - 1], 1);
    free(rules);
    free(covered_by);
}

/* Source ports are looked through one by one, but not without end. */
static void list_without_order_ends_unknown(void **state)
{
    struct rule *rules = calloc(MANY, sizeof *rules);
    uint32_t *covered_by = calloc(MANY, sizeof *covered_by);

    assert_non_null(rules);
    assert_non_null(covered_by);
    for (uint32_t i = 0; i < MANY; i++) {
        rules[i] = tcp_rule(0, UINT16_MAX);
        rules[i].conditions = RULE_IF_SRC_PORT;
        rules[i].src_port_min = rules[i].src_port_max = (uint16_t)i;
    }
    assert_int_equal(find_shadows(rules, MANY, covered_by), 0);
    assert_int_equal(covered_by[1000], SHADOW_NONE);
    assert_int_equal(covered_by[MANY - 1], SHADOW_UNKNOWN);
    free(rules);
    free(covered_by);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_list_has_no_shadows),
        cmocka_unit_test(equal_rule_is_covered_by_the_earlier),
        cmocka_unit_test(ports_are_covered_by_a_range_around_them),
        cmocka_unit_test(prefix_is_covered_by_a_shorter_one),
        cmocka_unit_test(prefix_of_all_covers_its_family_alone),
        cmocka_unit_test(icmp_type_covers_its_codes),
        cmocka_unit_test(frame_of_another_ethertype_is_not_covered_by_rules_for_ip),
        cmocka_unit_test(conditions_are_covered_by_fewer_and_wider_ones),
        cmocka_unit_test(random_lists_have_the_shadows_that_pairs_have),
        cmocka_unit_test(shadowed_rule_never_decides_about_a_packet),
        cmocka_unit_test(long_list_is_looked_at_to_its_end),
        cmocka_unit_test(list_without_order_ends_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
