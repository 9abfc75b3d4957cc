// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>
#include <openvswitch/uuid.h>

#include "acl/policy.h"

struct address_set;
struct security_group;

/* One compiled policy for every distinct set of groups and direction, whatever the number of ports that have it. It is
 * compiled again only when the rules that its groups have in force differ. Control thread. */
struct shared_policy {
    struct hmap_node node;
    enum rule_direction direction;
    struct uuid *groups; /* sorted */
    size_t n_groups;
    struct rule *rules; /* what 'policy' was compiled from, by id */
    size_t n_rules;
    struct policy *policy;      /* NULL: out of memory */
    struct policy_chain *chain; /* of it alone; NULL: out of memory */
    struct address_set **sets;  /* that the rules name */
    size_t n_sets;
    bool sets_changed;  /* in this pass: the members of one of 'sets' */
    uint64_t looked_at; /* pass */
};

/* The policy of 'groups' (sorted by row, without duplicates), up to date for this pass; the sets' members must be, too.
 * Lives until a sweep of a pass in which nobody asked for it. */
struct shared_policy *shared_policies_get(struct hmap *policies, struct security_group *const *groups, size_t n_groups,
                                          enum rule_direction direction, uint64_t pass);
void shared_policies_sweep(struct hmap *policies, uint64_t pass);
/* Empties and destroys the map. */
void shared_policies_destroy(struct hmap *policies);
