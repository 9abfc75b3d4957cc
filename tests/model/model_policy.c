// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_policy.h"

#include <netinet/in.h>

static bool prefix_has(const struct inet_prefix *prefix, const struct inet_addr *addr)
{
    for (unsigned int bit = 0; bit < prefix->len; bit++) {
        unsigned int mask = 0x80u >> bit % 8;

        if ((prefix->addr.bytes[bit / 8] & mask) != (addr->bytes[bit / 8] & mask))
            return false;
    }
    return true;
}

static bool set_has(uint32_t members, const struct inet_addr *addr)
{
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        struct inet_addr v4 = model_address(guest, false);
        struct inet_addr v6 = model_address(guest, true);

        if ((members >> guest & 1) != 0 && (inet_addr_equal(addr, &v4) || inet_addr_equal(addr, &v6)))
            return true;
    }
    return false;
}

static bool addresses_match(const struct model_policies *policies, const struct rule *rule,
                            const struct model_packet *packet)
{
    bool ingress = rule->direction == RULE_INGRESS;
    const struct inet_addr *remote = ingress ? &packet->src : &packet->dst;
    const struct inet_addr *local = ingress ? &packet->dst : &packet->src;

    if (rule->remote == RULE_REMOTE_PREFIX && !prefix_has(&rule->prefix, remote))
        return false;
    if (rule->remote == RULE_REMOTE_SET && !set_has(policies->sets[rule->set], remote))
        return false;
    return (rule->conditions & RULE_IF_LOCAL) == 0 || prefix_has(&rule->local, local);
}

static bool l4_matches(const struct rule *rule, const struct model_packet *packet)
{
    bool has_ports = model_has_ports(packet->protocol);
    bool names_ports = rule->port_min != 0 || rule->port_max != 65535;

    if (rule->protocol != RULE_PROTOCOL_ANY && rule->protocol != packet->protocol)
        return false;
    if (names_ports && (!has_ports || packet->dst_port < rule->port_min || packet->dst_port > rule->port_max))
        return false;
    if (rule->icmp_type != RULE_ICMP_ANY && (!model_is_icmp(packet) || rule->icmp_type != packet->icmp_type))
        return false;
    if (rule->icmp_code != RULE_ICMP_ANY && rule->icmp_code != packet->icmp_code)
        return false;
    if ((rule->conditions & RULE_IF_SRC_PORT) != 0 &&
        (!has_ports || packet->src_port < rule->src_port_min || packet->src_port > rule->src_port_max))
        return false;
    return (rule->conditions & RULE_IF_TCP_FLAGS) == 0 || (packet->tcp_flags & rule->tcp_mask) == rule->tcp_flags;
}

static bool rule_matches(const struct model_policies *policies, const struct rule *rule,
                         const struct model_packet *packet)
{
    bool is_ip = packet->kind == MODEL_IPV4 || packet->kind == MODEL_IPV6;

    if ((rule->conditions & RULE_IF_SRC_MAC) != 0 && !mac_addr_equal(&rule->src_mac, &packet->src_mac))
        return false;
    if ((rule->conditions & RULE_IF_DST_MAC) != 0 && !mac_addr_equal(&rule->dst_mac, &packet->dst_mac))
        return false;
    if ((rule->conditions & RULE_IF_VLAN) != 0 && rule->vlan != packet->vlan)
        return false;
    if ((rule->conditions & RULE_IF_ETHERTYPE) != 0)
        return !is_ip && rule->ethertype == packet->ethertype;
    if (!is_ip)
        return false;
    if (rule->family == RULE_IPV4 && packet->kind != MODEL_IPV4)
        return false;
    if (rule->family == RULE_IPV6 && packet->kind != MODEL_IPV6)
        return false;
    if ((rule->conditions & RULE_IF_DSCP) != 0 && rule->dscp != packet->dscp)
        return false;
    return addresses_match(policies, rule, packet) && l4_matches(rule, packet);
}

/* Deny and reject before pass before allow-stateless before allow. */
static int rank(enum rule_action action)
{
    switch (action) {
    case RULE_DENY:
    case RULE_REJECT:
        return 0;
    case RULE_PASS:
        return 1;
    case RULE_ALLOW_STATELESS:
        return 2;
    case RULE_ALLOW:
        break;
    }
    return 3;
}

int model_acl_compare(const struct model_acl *a, const struct model_acl *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (rank(a->rule.action) != rank(b->rule.action))
        return rank(a->rule.action) - rank(b->rule.action);
    return a->uuid < b->uuid ? -1 : 1;
}

static const struct rule *tier_decides(const struct model_policies *policies, const struct model_acls *acls,
                                       unsigned int tier, enum rule_direction direction, bool audit,
                                       const struct model_packet *packet)
{
    const struct model_acl *best = NULL;

    for (size_t i = 0; i < acls->n; i++) {
        const struct model_acl *row = &acls->rows[i];

        if (row->tier == tier && row->rule.direction == direction && (audit || !row->audit) &&
            rule_matches(policies, &row->rule, packet) && (best == NULL || model_acl_compare(row, best) < 0))
            best = row;
    }
    return best != NULL && best->rule.action != RULE_PASS ? &best->rule : NULL;
}

static const struct rule *acls_decide(const struct model_policies *policies, const struct model_acls *acls,
                                      enum rule_direction direction, bool audit, const struct model_packet *packet)
{
    for (unsigned int tier = 0; tier < 8; tier++) {
        const struct rule *rule = tier_decides(policies, acls, tier, direction, audit, packet);

        if (rule != NULL)
            return rule;
    }
    return NULL;
}

/* The rule of the groups that allows it: those of stateful groups first. */
static const struct rule *groups_allow(const struct model_policies *policies, uint32_t groups,
                                       enum rule_direction direction, bool stateful, const struct model_packet *packet)
{
    for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
        const struct model_group *group = &policies->groups[g];

        if ((groups >> g & 1) == 0 || group->stateful != stateful)
            continue;
        for (size_t i = 0; i < group->n; i++) {
            if (group->rules[i].direction == direction && rule_matches(policies, &group->rules[i], packet))
                return &group->rules[i];
        }
    }
    return NULL;
}

/* The groups of the port that count. */
static uint32_t groups_in_force(const struct model_policies *policies, const struct model_port *port, bool audit)
{
    uint32_t groups = 0;

    for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
        if ((port->groups >> g & 1) != 0 && (audit || !policies->groups[g].audit))
            groups |= 1u << g;
    }
    return groups;
}

static struct model_answer answer_of(const struct rule *rule)
{
    return (struct model_answer){
        .decided = true, .action = rule->action, .rule = rule->id, .on_change = rule->on_change};
}

/* Without and with what is only audited. */
static struct model_answer decide(const struct model_policies *policies, uint32_t guest, enum rule_direction direction,
                                  bool audit, const struct model_packet *packet)
{
    const struct model_port *port = &policies->ports[guest];
    uint32_t groups = groups_in_force(policies, port, audit);
    const struct rule *rule;

    rule = acls_decide(policies, &policies->networks[packet->vlan != 0], direction, audit, packet);
    if (rule == NULL)
        rule = acls_decide(policies, &port->acls, direction, audit, packet);
    if (rule != NULL)
        return answer_of(rule);
    if (groups == 0 || packet->kind == MODEL_ARP)
        return (struct model_answer){.action = RULE_ALLOW};
    rule = groups_allow(policies, groups, direction, true, packet);
    if (rule == NULL)
        rule = groups_allow(policies, groups, direction, false, packet);
    if (rule != NULL)
        return answer_of(rule);
    return (struct model_answer){.decided = true,
                                 .action = RULE_DENY,
                                 .by_default = true,
                                 .rule = policies->groups[__builtin_ctz(groups)].default_rule};
}

struct model_answer model_ask(const struct model_policies *policies, uint32_t guest, enum rule_direction direction,
                              const struct model_packet *packet)
{
    struct model_answer answer = decide(policies, guest, direction, false, packet);

    if (model_answer_allows(&answer)) {
        struct model_answer audited = decide(policies, guest, direction, true, packet);

        if (!model_answer_allows(&audited))
            answer.audit_rule = audited.rule;
    }
    return answer;
}

bool model_is_policed(const struct model_policies *policies, uint32_t guest, uint16_t vlan)
{
    const struct model_port *port = &policies->ports[guest];

    return port->has_row && (port->acls.n > 0 || port->groups != 0 || policies->networks[vlan != 0].n > 0);
}

bool model_is_exempt(const struct model_packet *packet, enum rule_direction direction)
{
    bool v6 = packet->kind == MODEL_IPV6;
    uint16_t client = v6 ? 546 : 68;
    uint16_t server = v6 ? 547 : 67;

    if (packet->fragment != MODEL_WHOLE || (!v6 && packet->kind != MODEL_IPV4))
        return false;
    if (packet->protocol == IPPROTO_UDP)
        return direction == RULE_EGRESS ? packet->src_port == client && packet->dst_port == server
                                        : packet->src_port == server && packet->dst_port == client;
    /* Neighbour and router solicitation, advertisement, redirect; all frames of the model have hop limit 255. */
    return v6 && packet->protocol == IPPROTO_ICMPV6 && packet->icmp_type >= 133 && packet->icmp_type <= 137;
}
