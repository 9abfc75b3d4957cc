// SPDX-License-Identifier: Apache-2.0
#include "tests/model/random_policy.h"

#include <netinet/in.h>

#define EVERY_GUEST ((2u << MODEL_GUESTS) - 2)

uint32_t random_pick(struct random *random, uint32_t n)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 17;
    random->state ^= random->state << 5;
    return random->state % n;
}

bool random_chance(struct random *random, uint32_t one_in)
{
    return random_pick(random, one_in) == 0;
}

static uint32_t pick(struct random_policy *g, uint32_t n)
{
    return random_pick(g->random, n);
}

/* A host, a few hosts or all of them. */
static struct inet_prefix random_prefix(struct random_policy *g, bool v6)
{
    static const uint8_t lengths[] = {128, 128, 126, 120, 96};
    struct inet_prefix prefix = {model_address(1 + pick(g, MODEL_GUESTS), v6), lengths[pick(g, 4 + v6)]};

    if (prefix.len < 128)
        prefix.addr.bytes[15] = (uint8_t)(prefix.len == 126 ? prefix.addr.bytes[15] & 0xfc : 0);
    return prefix;
}

/* 0..65535 when it names none. */
static void random_ports(struct random_policy *g, uint16_t *min, uint16_t *max)
{
    static const uint16_t firsts[] = {80, 81, 443, 5000, 5001};

    *min = firsts[pick(g, 5)];
    *max = (uint16_t)(*min + (pick(g, 2) ? 0 : pick(g, 4)));
    if (pick(g, 6) == 0)
        *max = 65535;
}

static void random_protocol(struct random_policy *g, struct rule *rule)
{
    static const int16_t protocols[] = {IPPROTO_TCP,    IPPROTO_TCP,  IPPROTO_UDP, IPPROTO_ICMP,
                                        IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_GRE, RULE_PROTOCOL_ANY};
    static const uint8_t types[] = {8, 0, 3, 13}, types6[] = {128, 129, 1, 128};

    rule->protocol = protocols[pick(g, 8)];
    if (rule->protocol == RULE_PROTOCOL_ANY)
        return;
    if (model_has_ports((uint8_t)rule->protocol) && pick(g, 3) != 0)
        random_ports(g, &rule->port_min, &rule->port_max);
    if (rule->protocol != IPPROTO_ICMP && rule->protocol != IPPROTO_ICMPV6)
        return;
    rule->family = rule->protocol == IPPROTO_ICMP ? RULE_IPV4 : RULE_IPV6;
    if (pick(g, 2) == 0)
        return;
    rule->icmp_type = rule->protocol == IPPROTO_ICMP ? types[pick(g, 4)] : types6[pick(g, 4)];
    if (pick(g, 3) == 0)
        rule->icmp_code = (int16_t)pick(g, 2);
}

static void random_remote(struct random_policy *g, struct rule *rule)
{
    bool v6 = rule->family == RULE_IPV6 || (rule->family == RULE_ANY_FAMILY && pick(g, 3) == 0);

    switch (pick(g, 4)) {
    case 0:
        rule->remote = RULE_REMOTE_PREFIX;
        rule->family = v6 ? RULE_IPV6 : RULE_IPV4;
        rule->prefix = random_prefix(g, v6);
        break;
    case 1:
        rule->remote = RULE_REMOTE_SET;
        rule->set = pick(g, MODEL_SETS);
        break;
    default:
        break;
    }
}

static struct rule random_rule(struct random_policy *g)
{
    struct rule rule = {.id = ++g->last_id,
                        .direction = pick(g, 2) ? RULE_INGRESS : RULE_EGRESS,
                        .protocol = RULE_PROTOCOL_ANY,
                        .port_max = 65535,
                        .icmp_type = RULE_ICMP_ANY,
                        .icmp_code = RULE_ICMP_ANY};

    if (pick(g, 6) == 0)
        return rule; /* everything */
    rule.family = (enum rule_family[]){RULE_ANY_FAMILY, RULE_ANY_FAMILY, RULE_IPV4, RULE_IPV6}[pick(g, 4)];
    random_protocol(g, &rule);
    random_remote(g, &rule);
    return rule;
}

static void random_flags(struct random_policy *g, struct rule *rule)
{
    static const uint8_t flags[][2] = {{0x02, 0x12}, {0x10, 0x10}, {0x00, 0x01}, {0x12, 0x12}, {0x02, 0x02}};
    uint32_t i = pick(g, 5);

    rule->protocol = IPPROTO_TCP;
    rule->icmp_type = rule->icmp_code = RULE_ICMP_ANY;
    rule->conditions |= RULE_IF_TCP_FLAGS;
    rule->tcp_flags = flags[i][0];
    rule->tcp_mask = flags[i][1];
}

static void random_condition(struct random_policy *g, struct rule *rule)
{
    bool v6 = rule->family == RULE_IPV6 || (rule->family == RULE_ANY_FAMILY && pick(g, 3) == 0);

    switch (pick(g, 10)) {
    case 0:
        rule->conditions |= RULE_IF_LOCAL;
        rule->family = v6 ? RULE_IPV6 : RULE_IPV4;
        rule->local = random_prefix(g, v6);
        break;
    case 1:
        if (rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP) {
            rule->conditions |= RULE_IF_SRC_PORT;
            random_ports(g, &rule->src_port_min, &rule->src_port_max);
        }
        break;
    case 2:
        rule->conditions |= RULE_IF_SRC_MAC;
        rule->src_mac = model_mac(1 + pick(g, MODEL_GUESTS));
        break;
    case 3:
        rule->conditions |= RULE_IF_DST_MAC;
        rule->dst_mac = model_mac(pick(g, 4) == 0 ? MODEL_EVERYBODY : 1 + pick(g, MODEL_GUESTS));
        break;
    case 4:
        rule->conditions |= RULE_IF_VLAN;
        rule->vlan = pick(g, 2) ? MODEL_VLAN : 0;
        break;
    case 5:
        if (rule->protocol == IPPROTO_TCP || rule->protocol == RULE_PROTOCOL_ANY)
            random_flags(g, rule);
        break;
    case 6:
        rule->conditions |= RULE_IF_DSCP;
        rule->dscp = pick(g, 2) ? 46 : 0;
        break;
    default:
        break;
    }
}

static void make_ethertype_rule(struct random_policy *g, struct rule *rule)
{
    static const uint16_t types[] = {0x0806, 0x88b5, 0x8847};

    *rule = (struct rule){.id = rule->id,
                          .direction = rule->direction,
                          .protocol = RULE_PROTOCOL_ANY,
                          .port_max = 65535,
                          .icmp_type = RULE_ICMP_ANY,
                          .icmp_code = RULE_ICMP_ANY,
                          .conditions = RULE_IF_ETHERTYPE,
                          .ethertype = types[pick(g, 3)]};
    if (pick(g, 4) == 0) {
        rule->conditions |= RULE_IF_SRC_MAC;
        rule->src_mac = model_mac(1 + pick(g, MODEL_GUESTS));
    }
}

static struct model_acl random_acl(struct random_policy *g)
{
    static const enum rule_action actions[] = {
        RULE_ALLOW, RULE_ALLOW, RULE_ALLOW_STATELESS, RULE_ALLOW_STATELESS, RULE_DENY, RULE_REJECT,
        RULE_PASS,  RULE_PASS};
    struct model_acl acl = {.rule = random_rule(g),
                            .tier = pick(g, 5) == 0 ? 7 : pick(g, 2),
                            .priority = pick(g, 3),
                            .audit = pick(g, 6) == 0,
                            .uuid = pick(g, 1u << 30)};

    acl.rule.action = actions[pick(g, 8)];
    if (pick(g, 8) == 0) {
        make_ethertype_rule(g, &acl.rule);
        acl.rule.action = actions[pick(g, 8)];
    } else {
        random_condition(g, &acl.rule);
        random_condition(g, &acl.rule);
    }
    return acl;
}

static void random_acls(struct random_policy *g, struct model_acls *acls, uint32_t most)
{
    acls->n = pick(g, most + 1);
    for (size_t i = 0; i < acls->n; i++)
        acls->rows[i] = random_acl(g);
}

static struct rule random_group_rule(struct random_policy *g, const struct model_group *group)
{
    struct rule rule = random_rule(g);

    rule.action = group->stateful ? RULE_ALLOW : RULE_ALLOW_STATELESS;
    rule.on_change = group->on_change;
    return rule;
}

static void random_group(struct random_policy *g, struct model_group *group)
{
    *group = (struct model_group){.stateful = pick(g, 4) != 0,
                                  .audit = pick(g, 8) == 0,
                                  .on_change = (enum rule_on_change)pick(g, 3),
                                  .default_rule = ++g->last_id,
                                  .n = 1 + pick(g, MODEL_RULES)};
    for (size_t i = 0; i < group->n; i++)
        group->rules[i] = random_group_rule(g, group);
}

static void random_port(struct random_policy *g, struct model_port *port)
{
    uint32_t families = pick(g, 6);

    *port = (struct model_port){.has_row = pick(g, 5) != 0,
                                .disabled = pick(g, 40) == 0,
                                .broken = pick(g, 60) == 0,
                                .security = pick(g, 3) == 0,
                                .security_v4 = families != 0 && families != 1,
                                .security_v6 = families != 0 && families != 2,
                                .groups = pick(g, 3) == 0 ? 0 : pick(g, 1u << MODEL_GROUPS),
                                .pick_up = pick(g, 3) == 0,
                                .short_times = pick(g, 3) == 0};
    if (pick(g, 2) == 0)
        random_acls(g, &port->acls, 4);
    if (g->limits) {
        port->max = 4 + pick(g, 12);
        port->half_open = 1 + pick(g, 3);
    }
}

void random_policy_make(struct random_policy *g, struct model_policies *policies)
{
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++)
        random_port(g, &policies->ports[guest]);
    for (uint32_t i = 0; i < MODEL_GROUPS; i++)
        random_group(g, &policies->groups[i]);
    for (uint32_t i = 0; i < MODEL_SETS; i++)
        policies->sets[i] = pick(g, EVERY_GUEST + 1) & EVERY_GUEST;
    if (pick(g, 2) == 0)
        random_acls(g, &policies->networks[0], 2);
    if (pick(g, 2) == 0)
        random_acls(g, &policies->networks[1], 2);
}

/* One row more, one less, or another one. */
static void change_acls(struct random_policy *g, struct model_acls *acls)
{
    uint32_t what = pick(g, 3);

    if (acls->n > 0 && what == 0)
        acls->rows[pick(g, (uint32_t)acls->n)] = acls->rows[acls->n - 1], acls->n--;
    else if (acls->n < MODEL_ACLS && what == 1)
        acls->rows[acls->n++] = random_acl(g);
    else if (acls->n > 0)
        acls->rows[pick(g, (uint32_t)acls->n)] = random_acl(g);
}

static void change_group(struct random_policy *g, struct model_group *group)
{
    uint32_t what = pick(g, 4);

    if (what == 0)
        random_group(g, group);
    else if (what == 1 && group->n > 0)
        group->rules[pick(g, (uint32_t)group->n)] = group->rules[group->n - 1], group->n--;
    else if (what == 2 && group->n < MODEL_RULES)
        group->rules[group->n++] = random_group_rule(g, group);
    else if (group->n > 0)
        group->rules[pick(g, (uint32_t)group->n)] = random_group_rule(g, group);
}

static uint32_t members_of(const struct model_policies *policies, uint32_t group)
{
    uint32_t guests = 0;

    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++)
        guests |= (policies->ports[guest].groups >> group & 1) << guest;
    return guests;
}

static bool has_rule(const struct model_policies *policies, uint32_t id)
{
    for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
        for (size_t i = 0; i < policies->groups[g].n; i++) {
            if (policies->groups[g].rules[i].id == id)
                return true;
        }
    }
    return false;
}

static void add_sorted(struct policy_change *change, uint32_t id)
{
    size_t i = change->n_flushed++;

    for (; i > 0 && change->flushed[i - 1] > id; i--)
        change->flushed[i] = change->flushed[i - 1];
    change->flushed[i] = id;
}

static void find_flushed(const struct model_policies *before, const struct model_policies *after,
                         struct policy_change *change)
{
    for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
        for (size_t i = 0; i < before->groups[g].n; i++) {
            const struct rule *rule = &before->groups[g].rules[i];

            if (rule->on_change == RULE_FLUSH && !has_rule(after, rule->id))
                add_sorted(change, rule->id);
        }
    }
}

void random_policy_change(struct random_policy *g, struct model_policies *policies, struct policy_change *change)
{
    struct model_policies before = *policies;
    uint32_t guest = 1 + pick(g, MODEL_GUESTS);
    uint32_t group = pick(g, MODEL_GROUPS);
    uint32_t network = pick(g, 2);

    *change = (struct policy_change){0};
    switch (pick(g, 8)) {
    case 0:
    case 1:
        random_port(g, &policies->ports[guest]);
        change->guests = 1u << guest;
        break;
    case 2:
        policies->ports[guest].groups ^= 1u << group;
        change->guests = 1u << guest;
        break;
    case 3:
    case 4:
        change_group(g, &policies->groups[group]);
        change->guests = members_of(policies, group);
        break;
    case 5:
        change_acls(g, &policies->ports[guest].acls);
        change->guests = 1u << guest;
        break;
    case 6:
        if (pick(g, 3) == 0)
            random_acls(g, &policies->networks[network], 2);
        else
            change_acls(g, &policies->networks[network]);
        if (pick(g, 3) == 0)
            policies->networks[network].n = 0;
        change->networks = 1u << network;
        break;
    default:
        change->sets = 1u << pick(g, MODEL_SETS);
        policies->sets[__builtin_ctz(change->sets)] ^= 1u << guest;
        change->guests = EVERY_GUEST;
        change->networks = 3;
        break;
    }
    find_flushed(&before, policies, change);
}
