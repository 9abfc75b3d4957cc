// SPDX-License-Identifier: Apache-2.0
#include "acl/shadow_private.h"

#include <string.h>

#include "acl/prefix_table.h"

/* A prefix is of one family, whether the rule says so or not. */
static enum rule_family family_of(const struct rule *rule)
{
    const struct inet_prefix *prefix = &rule->prefix;

    if (rule->remote != RULE_REMOTE_PREFIX)
        prefix = rule->conditions & RULE_IF_LOCAL ? &rule->local : NULL;
    if (rule->family != RULE_ANY_FAMILY || prefix == NULL)
        return rule->family;
    return prefix->len >= 96 && inet_addr_is_v4(&prefix->addr) ? RULE_IPV4 : RULE_IPV6;
}

/* The prefix that is a family's all says nothing but the family. */
static enum rule_remote remote_of(const struct rule *rule, enum rule_family family)
{
    uint8_t all = family == RULE_IPV4 ? 96 : 0;

    return rule->remote == RULE_REMOTE_PREFIX && rule->prefix.len == all ? RULE_REMOTE_ANY : rule->remote;
}

struct shape shape_of(const struct rule *rule)
{
    enum rule_family family = family_of(rule);
    enum rule_remote remote = remote_of(rule, family);

    return (struct shape){.conditions = rule->conditions,
                          .family = family,
                          .remote = remote,
                          .has_protocol = rule->protocol != RULE_PROTOCOL_ANY,
                          .remote_len = remote == RULE_REMOTE_PREFIX ? rule->prefix.len : 0,
                          .local_len = rule->conditions & RULE_IF_LOCAL ? rule->local.len : 0};
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    return a->conditions == b->conditions && a->family == b->family && a->remote == b->remote &&
           a->has_protocol == b->has_protocol && a->remote_len == b->remote_len && a->local_len == b->local_len;
}

bool shape_may_cover(const struct shape *a, const struct shape *b)
{
    bool remote = a->remote == RULE_REMOTE_ANY || (a->remote == b->remote && a->remote_len <= b->remote_len);

    /* Frames that are not IP are asked about by their Ethernet type alone, and only they. */
    if ((a->conditions ^ b->conditions) & RULE_IF_ETHERTYPE)
        return false;
    return remote && (a->family == RULE_ANY_FAMILY || a->family == b->family) &&
           (!a->has_protocol || b->has_protocol) && (a->conditions & ~b->conditions) == 0 &&
           a->local_len <= b->local_len;
}

struct bucket_key shape_key(const struct shape *shape, uint32_t number, const struct rule *rule)
{
    struct bucket_key key;

    memset(&key, 0, sizeof key);
    key.shape = number;
    key.protocol = shape->has_protocol ? rule->protocol : RULE_PROTOCOL_ANY;
    if (shape->remote == RULE_REMOTE_PREFIX)
        key.remote = inet_addr_masked(&rule->prefix.addr, shape->remote_len);
    else if (shape->remote == RULE_REMOTE_SET)
        key.set = rule->set;
    if (shape->conditions & RULE_IF_LOCAL)
        key.local = inet_addr_masked(&rule->local.addr, shape->local_len);
    if (shape->conditions & RULE_IF_SRC_MAC)
        key.src_mac = rule->src_mac;
    if (shape->conditions & RULE_IF_DST_MAC)
        key.dst_mac = rule->dst_mac;
    if (shape->conditions & RULE_IF_ETHERTYPE)
        key.ethertype = rule->ethertype;
    if (shape->conditions & RULE_IF_VLAN)
        key.vlan = rule->vlan;
    if (shape->conditions & RULE_IF_DSCP)
        key.dscp = rule->dscp;
    return key;
}
