// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <stdlib.h>

#include "acl/policy.h"

/* The naive model of a policy (every rule in turn), and random rules, sets and queries from ranges so small that they meet.
 * The test includes cmocka.h. */

#define MODEL_SETS 6

static unsigned int below(unsigned int n)
{
    return (unsigned int)random() % n;
}

static bool model_prefix_contains(const struct inet_prefix *prefix, const struct inet_addr *addr)
{
    return inet_addr_is_v4(&prefix->addr) == inet_addr_is_v4(addr) && inet_prefix_contains(prefix, addr);
}

static bool model_l4_matches(const struct rule *rule, const struct rule_query *query)
{
    if (rule->protocol != RULE_PROTOCOL_ANY && rule->protocol != query->protocol)
        return false;
    if (rule->protocol != RULE_PROTOCOL_ANY && packet_protocol_has_ports((uint8_t)rule->protocol)) {
        bool all = rule->port_min == 0 && rule->port_max == 65535;

        if (!all && (!query->has_ports || query->dst_port < rule->port_min || query->dst_port > rule->port_max))
            return false;
    }
    return (rule->icmp_type == RULE_ICMP_ANY || query->icmp_type == rule->icmp_type) &&
           (rule->icmp_code == RULE_ICMP_ANY || query->icmp_code == rule->icmp_code);
}

static bool model_conditions_match(const struct rule *rule, const struct rule_query *query)
{
    uint32_t c = rule->conditions;

    if ((c & RULE_IF_LOCAL) != 0 && !model_prefix_contains(&rule->local, &query->local))
        return false;
    if ((c & RULE_IF_SRC_PORT) != 0 &&
        (!query->has_ports || query->src_port < rule->src_port_min || query->src_port > rule->src_port_max))
        return false;
    if ((c & RULE_IF_TCP_FLAGS) != 0 && (!query->has_ports || (query->tcp_flags & rule->tcp_mask) != rule->tcp_flags))
        return false;
    return ((c & RULE_IF_SRC_MAC) == 0 || mac_addr_equal(&rule->src_mac, &query->src_mac)) &&
           ((c & RULE_IF_DST_MAC) == 0 || mac_addr_equal(&rule->dst_mac, &query->dst_mac)) &&
           ((c & RULE_IF_VLAN) == 0 || rule->vlan == query->vlan) &&
           ((c & RULE_IF_DSCP) == 0 || rule->dscp == query->dscp);
}

static bool model_rule_matches(const struct rule *rule, const struct addr_sets *sets, const struct rule_query *query)
{
    if (((rule->conditions & RULE_IF_ETHERTYPE) != 0) != (query->family == RULE_ANY_FAMILY))
        return false;
    if (query->family == RULE_ANY_FAMILY)
        return rule->ethertype == query->ethertype && model_conditions_match(rule, query);
    if (rule->family != RULE_ANY_FAMILY && rule->family != query->family)
        return false;
    if (!model_l4_matches(rule, query) || !model_conditions_match(rule, query))
        return false;
    switch (rule->remote) {
    case RULE_REMOTE_ANY:
        return true;
    case RULE_REMOTE_PREFIX:
        return model_prefix_contains(&rule->prefix, &query->remote);
    case RULE_REMOTE_SET:
        return sets->sets[rule->set] != NULL && addr_set_contains(sets->sets[rule->set], &query->remote);
    }
    return false;
}

/* The id of the rule that answers, 0: none. */
static uint32_t model_match(const struct rule *rules, size_t n, const struct addr_sets *sets,
                            const struct rule_query *query)
{
    for (size_t i = 0; i < n; i++) {
        if (model_rule_matches(&rules[i], sets, query))
            return rules[i].id;
    }
    return 0;
}

static struct inet_addr random_addr(enum rule_family family)
{
    struct inet_addr addr = inet_addr_from_v4(htonl(0x0a000000u | below(4) << 8 | below(8)));

    if (family == RULE_IPV6) {
        memset(&addr, 0, sizeof addr);
        addr.bytes[0] = 0x20;
        addr.bytes[7] = (uint8_t)below(4);
        addr.bytes[15] = (uint8_t)below(8);
    }
    return addr;
}

static struct inet_prefix random_prefix(enum rule_family family)
{
    struct inet_prefix prefix = {.addr = random_addr(family)};

    prefix.len = (uint8_t)(family == RULE_IPV6 ? below(4) == 0 ? 0 : 48 + below(81) : 96 + below(33));
    for (unsigned int bit = prefix.len; bit < 128; bit++)
        prefix.addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return prefix;
}

static enum rule_family random_family(void)
{
    return below(2) ? RULE_IPV4 : RULE_IPV6;
}

static uint8_t random_protocol(void)
{
    static const uint8_t protocols[] = {6, 6, 17, 132, 1, 58, 47};

    return protocols[below(7)];
}

static uint16_t random_port(void)
{
    return (uint16_t)(below(8) == 0 ? 65530 + below(6) : below(40));
}

static void random_l4(struct rule *rule)
{
    if (packet_protocol_has_ports((uint8_t)rule->protocol) && below(4) != 0) {
        uint16_t a = random_port(), b = random_port();

        rule->port_min = a < b ? a : b;
        rule->port_max = a < b ? b : a;
    } else if ((rule->protocol == 1 || rule->protocol == 58) && below(3) != 0) {
        rule->icmp_type = (int16_t)(below(4) * 85);
        if (below(2))
            rule->icmp_code = (int16_t)(below(4) * 85);
    }
}

static struct rule random_rule(uint32_t id)
{
    struct rule rule = {.id = id, .port_max = 65535, .icmp_type = RULE_ICMP_ANY, .icmp_code = RULE_ICMP_ANY};

    rule.protocol = below(6) == 0 ? RULE_PROTOCOL_ANY : random_protocol();
    if (rule.protocol != RULE_PROTOCOL_ANY)
        random_l4(&rule);
    rule.family = below(3) == 0 ? RULE_ANY_FAMILY : random_family();
    switch (below(6)) {
    case 0:
        rule.remote = RULE_REMOTE_ANY;
        break;
    case 1:
    case 2:
        rule.remote = RULE_REMOTE_SET;
        rule.set = below(MODEL_SETS);
        break;
    default:
        rule.remote = RULE_REMOTE_PREFIX;
        rule.prefix = random_prefix(rule.family == RULE_ANY_FAMILY ? random_family() : rule.family);
    }
    return rule;
}

static struct rule_query random_query(void)
{
    struct rule_query query = {.family = random_family(), .protocol = random_protocol(), .icmp_type = RULE_ICMP_ANY};

    query.remote = random_addr(query.family);
    query.local = random_addr(query.family);
    query.src_mac.bytes[5] = (uint8_t)below(3);
    query.dst_mac.bytes[5] = (uint8_t)below(3);
    query.vlan = (uint16_t)below(3);
    query.dscp = (uint8_t)below(3);
    if (below(8) == 0)
        return query; /* a later fragment */
    query.has_ports = packet_protocol_has_ports(query.protocol);
    if (query.has_ports) {
        query.dst_port = random_port();
        query.src_port = random_port();
    }
    if (query.protocol == 6)
        query.tcp_flags = (uint8_t)below(32);
    query.icmp_type = (int16_t)(below(4) * 85);
    query.icmp_code = (uint8_t)(below(4) * 85);
    return query;
}

static struct addr_set *random_set(void)
{
    struct inet_prefix prefixes[8];
    size_t n = below(8);

    for (size_t i = 0; i < n; i++)
        prefixes[i] = random_prefix(random_family());
    return n == 0 ? NULL : addr_set_create(prefixes, n);
}
