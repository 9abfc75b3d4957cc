// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "control/policy_rows.h"
#include "control/prefix_list.h"
#include "control/security_rules.h"

struct address_set;

/* Security_Group rows. Control thread. */
struct security_group {
    struct hmap_node node; /* by row */
    struct uuid row;
    char *name;
    struct security_rule **rules; /* in force, by id */
    size_t n_rules;
    uint64_t rules_changed; /* pass in which the rules in force last changed */
    char *error;            /* the first thing wrong in its rules, in a sentence; NULL: nothing */

    struct address_set *set;    /* of its members, as a remote group; NULL: no rule names it */
    bool members_changed;       /* in this pass: a port joined, left, or changed its addresses */
    struct prefix_list members; /* being gathered */
    bool seen;                  /* in this pass */
};

/* A pass: update (rows to entries, sets forgotten), then the rules are updated, then bind (lists of rules), at the end
 * sweep (frees groups whose row is gone). */
void security_groups_update(struct hmap *groups, const struct group_row *rows, size_t n);
void security_groups_bind_rules(struct hmap *groups, const struct group_row *rows, size_t n,
                                const struct security_rules *rules, uint64_t pass);
void security_groups_sweep(struct hmap *groups);
/* The group of 'row' if the row was there in the last update, or NULL. */
struct security_group *security_groups_find(const struct hmap *groups, const struct uuid *row);
/* Empties and destroys the map. */
void security_groups_destroy(struct hmap *groups);
