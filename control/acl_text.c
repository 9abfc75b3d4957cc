// SPDX-License-Identifier: Apache-2.0
#include "control/acl_text.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stddef.h>

#include <openvswitch/dynamic-string.h>

#include "control/set_names.h"

const char *const acl_text_flags[ACL_TEXT_N_FLAGS] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

static const struct {
    const char *name;
    uint8_t number;
} protocol_names[] = {
    {"tcp", IPPROTO_TCP},   {"udp", IPPROTO_UDP},         {"icmp", IPPROTO_ICMP},
    {"sctp", IPPROTO_SCTP}, {"udplite", IPPROTO_UDPLITE}, {"icmpv6", IPPROTO_ICMPV6},
};

const char *acl_text_protocol(int protocol)
{
    for (size_t i = 0; i < sizeof protocol_names / sizeof protocol_names[0]; i++) {
        if (protocol == protocol_names[i].number)
            return protocol_names[i].name;
    }
    return NULL;
}

const char *acl_text_action(enum rule_action action)
{
    static const char *const names[] = {[RULE_ALLOW] = "allow",
                                        [RULE_ALLOW_STATELESS] = "allow-stateless",
                                        [RULE_DENY] = "deny",
                                        [RULE_REJECT] = "reject",
                                        [RULE_PASS] = "pass"};

    return names[action];
}

const char *acl_text_direction(enum rule_direction direction)
{
    return direction == RULE_INGRESS ? "ingress" : "egress";
}

/* True when the words that follow, or the protocol, tell the family anyway. */
static bool implies_family(const struct rule *rule)
{
    return rule->remote == RULE_REMOTE_PREFIX || (rule->conditions & RULE_IF_LOCAL) != 0 ||
           rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6;
}

static void put_protocol(struct ds *out, const struct rule *rule)
{
    const char *name = acl_text_protocol(rule->protocol);
    const char *family = rule->family == RULE_IPV4 ? "IPv4" : rule->family == RULE_IPV6 ? "IPv6" : "IP";
    bool any = rule->protocol == RULE_PROTOCOL_ANY;

    if (rule->conditions & RULE_IF_ETHERTYPE) {
        ds_put_format(out, "ethertype 0x%04" PRIx16, rule->ethertype);
        return;
    }
    if (any || (rule->family != RULE_ANY_FAMILY && !implies_family(rule)))
        ds_put_format(out, "%s%s", family, any ? "" : " ");
    if (name != NULL)
        ds_put_cstr(out, name);
    else if (!any)
        ds_put_format(out, "protocol %d", rule->protocol);
}

static void put_ports(struct ds *out, const char *word, uint16_t min, uint16_t max)
{
    if (min == 0 && max == UINT16_MAX)
        return;
    ds_put_format(out, " %s %" PRIu16, word, min);
    if (max != min)
        ds_put_format(out, "-%" PRIu16, max);
}

static void put_prefix(struct ds *out, const char *word, const struct inet_prefix *prefix)
{
    char text[INET_TEXT_LEN];

    if (prefix->len == 128)
        ds_put_format(out, " %s %s", word, inet_addr_format(&prefix->addr, text));
    else
        ds_put_format(out, " %s %s", word, inet_prefix_format(prefix, text));
}

static void put_remote(struct ds *out, const struct rule *rule, const struct set_names *names)
{
    const char *word = rule->direction == RULE_INGRESS ? "from" : "to";
    const char *name;

    switch (rule->remote) {
    case RULE_REMOTE_ANY:
        break;
    case RULE_REMOTE_PREFIX:
        put_prefix(out, word, &rule->prefix);
        break;
    case RULE_REMOTE_SET:
        name = set_names_get(names, rule->set);
        if (name != NULL)
            ds_put_format(out, " %s %s", word, name);
        else
            ds_put_format(out, " %s address set %" PRIu32, word, rule->set);
        break;
    }
}

static void put_flags(struct ds *out, const struct rule *rule)
{
    const char *separator = " flags ";

    for (int bit = 0; bit < ACL_TEXT_N_FLAGS; bit++) {
        if ((rule->tcp_mask >> bit & 1) == 0)
            continue;
        ds_put_format(out, "%s%s%s", separator, rule->tcp_flags >> bit & 1 ? "" : "!", acl_text_flags[bit]);
        separator = ",";
    }
}

static void put_conditions(struct ds *out, const struct rule *rule)
{
    char text[MAC_TEXT_LEN];

    if (rule->conditions & RULE_IF_TCP_FLAGS)
        put_flags(out, rule);
    if (rule->conditions & RULE_IF_DSCP)
        ds_put_format(out, " dscp %d", rule->dscp);
    if (rule->conditions & RULE_IF_SRC_MAC)
        ds_put_format(out, " src_mac %s", mac_addr_format(&rule->src_mac, text));
    if (rule->conditions & RULE_IF_DST_MAC)
        ds_put_format(out, " dst_mac %s", mac_addr_format(&rule->dst_mac, text));
    if (rule->conditions & RULE_IF_VLAN)
        ds_put_format(out, " vlan %" PRIu16, rule->vlan);
}

void acl_text_put_match(struct ds *out, const struct rule *rule, const struct set_names *names)
{
    put_protocol(out, rule);
    if (rule->icmp_type != RULE_ICMP_ANY)
        ds_put_format(out, " type %d", rule->icmp_type);
    if (rule->icmp_code != RULE_ICMP_ANY)
        ds_put_format(out, " code %d", rule->icmp_code);
    if (rule->conditions & RULE_IF_SRC_PORT)
        put_ports(out, "sport", rule->src_port_min, rule->src_port_max);
    put_ports(out, "dport", rule->port_min, rule->port_max);
    put_remote(out, rule, names);
    if (rule->conditions & RULE_IF_LOCAL)
        put_prefix(out, rule->direction == RULE_INGRESS ? "to" : "from", &rule->local);
    put_conditions(out, rule);
}
