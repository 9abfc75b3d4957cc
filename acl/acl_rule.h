// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/rule.h"

/* An ACL row made into a rule, and its place among the others. */

#define ACL_TIER_MAX 7

/* The match columns of an ACL row; NULL, or has_* false: not given. */
struct acl_columns {
    struct rule_columns rule; /* as in a security group rule, but 'ethertype' may be a number as well ("0x0806") */
    const char *action;       /* "allow", "allow-stateless", "deny", "reject", "pass" */
    const char *mode;         /* "enforce", "audit"; NULL: enforce */
    bool has_tier, has_priority;
    int64_t tier, priority; /* not given: 0 */
    const char *local_cidr;
    bool has_src_port_min, has_src_port_max;
    int64_t src_port_min, src_port_max;
    const char *src_mac, *dst_mac;
    bool has_vlan;
    int64_t vlan;          /* id, 0 for untagged */
    const char *tcp_flags; /* "syn,!ack": set, and not set */
    bool has_dscp;
    int64_t dscp;
};

struct acl_rule {
    struct rule rule;
    uint8_t tier;      /* 0..ACL_TIER_MAX */
    uint16_t priority; /* the highest that matches decides in its tier */
    bool audit;        /* counted, not enforced */
};

/* Turns a row into '*acl' (rule.id and rule.log left 0). 0, or -EINVAL with '*error' naming the column and what would be
 * right: what rule_from_columns() refuses, an unknown action, mode or flag, a number out of range, a CIDR or MAC that does not
 * parse, local and remote of two families, source ports or flags with a protocol that has none, and IP columns beside the
 * ethertype of another protocol.
 *
 * A number of IPv4 or IPv6 (0x0800, 0x86dd) is the same as its name. Without ethertype the family is that of remote_cidr
 * or local_cidr, then as in rule_from_columns(); a rule that only names MACs or a VLAN is about IP of both versions. */
int acl_rule_from_columns(const struct acl_columns *columns, struct acl_rule *acl, char **error);

/* Order of precedence inside a tier: below 0 when 'a' comes before 'b'. Higher priorities first; among equal ones deny
 * and reject, then pass, then allow-stateless, then allow. 0: the caller decides (by UUID). */
int acl_rule_compare(const struct acl_rule *a, const struct acl_rule *b);
