// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openvswitch/hmap.h>
#include <openvswitch/uuid.h>

#include "acl/addr_set.h"
#include "control/prefix_list.h"

struct snapshot;

/* The address sets that rules name, by number. A set stands for a row (a Security_Group as remote group, or an
 * Address_Group) and exists, with one number, while some rule names the row. Control thread.
 *
 * A pass over the rows goes: address_sets_begin(); address_sets_use() for every rule with a remote; for every set
 * address_set_replace() when its members may differ; address_sets_sweep(). */

#define ADDRESS_SETS_MAX 65536 /* numbers are 1..ADDRESS_SETS_MAX-1 */

struct address_set {
    struct hmap_node node; /* in struct address_sets, by row */
    struct uuid row;
    uint32_t number;
    bool used;                  /* by a rule, in this pass */
    bool is_new;                /* made in this pass: has no members yet */
    bool changed;               /* its members changed in this pass */
    struct prefix_list members; /* normalised */
    struct addr_set *set;       /* NULL: empty */
};

struct address_sets;

struct address_sets *address_sets_create(void);
void address_sets_destroy(struct address_sets *sets);

void address_sets_begin(struct address_sets *sets);
/* The set of 'row', made when there is none. NULL when all numbers are taken. */
struct address_set *address_sets_use(struct address_sets *sets, const struct uuid *row);
/* Makes 'members' (taken over and emptied) the members of 'set'. True when that changed it. */
bool address_set_replace(struct address_sets *sets, struct address_set *set, struct prefix_list *members);
/* Forgets the sets that no rule used in this pass. True when there were any. */
bool address_sets_sweep(struct address_sets *sets);

/* Puts the sets that changed since the last call into 'snapshot'. 0 or -ENOMEM (call again). */
int address_sets_publish(struct address_sets *sets, struct snapshot *snapshot);
