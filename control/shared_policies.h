// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmapx.h>
#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "acl/policy.h"

struct address_set;
struct policy_work;
struct security_group;
struct security_rule;

/* One compiled policy for every distinct set of groups, or tier of a set of ACLs, and direction, whatever the number of
 * chains that have it. It is compiled again only when the rules that its sources have in force differ. Control thread. */

#define SHARED_POLICY_GROUPS (-1) /* instead of a tier */

/* What a policy is made of. Sources are in an order of their own and each there once. */
struct shared_policy_key {
    enum rule_direction direction;
    int tier;                             /* 0.., or SHARED_POLICY_GROUPS */
    bool with_audit;                      /* tiers: ACLs in audit mode count */
    struct security_rule *const *acls;    /* tiers: those of all tiers */
    struct security_group *const *groups; /* else */
    size_t n;
};

struct shared_policy {
    struct hmap_node node;
    struct shared_policy_key key; /* holds a copy of the sources */
    struct rule *rules;           /* what 'policy' was compiled from, in order of precedence */
    bool *audits;                 /* for each: of an ACL or group in audit mode */
    size_t n_rules;
    struct policy *policy;     /* NULL: out of memory */
    struct address_set **sets; /* that the rules name */
    size_t n_sets;
    uint64_t looked_at;     /* pass */
    struct hmapx chains;    /* of struct shared_chain: that have it */
    struct ovs_list unused; /* in policy_work.unused_policies */
};

/* The policy of 'key', up to date for this pass. Lives while a chain has it, and till the next sweep. */
struct shared_policy *shared_policies_get(struct hmap *policies, const struct shared_policy_key *key,
                                          struct policy_work *work);
void shared_policies_sweep(struct hmap *policies, struct policy_work *work);
/* Empties and destroys the map. */
void shared_policies_destroy(struct hmap *policies);
