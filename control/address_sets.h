// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <hmapx.h>
#include <openvswitch/hmap.h>
#include <openvswitch/list.h>
#include <openvswitch/uuid.h>

#include "acl/addr_set.h"
#include "control/prefix_list.h"

struct policy_work;
struct snapshot;

/* The address sets that rules name, by number. A set stands for a row (a Security_Group as remote group, or an
 * Address_Group) and exists, with one number, while some rule names the row. Control thread. */

#define ADDRESS_SETS_MAX 65536 /* numbers are 1..ADDRESS_SETS_MAX-1 */

struct address_set {
    struct hmap_node node; /* in struct address_sets, by row */
    struct uuid row;
    uint32_t number;
    size_t n_rules;             /* that name it */
    struct address_set **home;  /* where the group keeps it */
    struct prefix_list members; /* normalised */
    struct addr_set *set;       /* NULL: empty */
    struct hmapx policies;      /* of struct shared_policy: with rules that name it */
    struct ovs_list unused;     /* in policy_work.unused_sets */
};

struct address_sets;

struct address_sets *address_sets_create(void);
void address_sets_destroy(struct address_sets *sets);

/* A rule begins to name the set of 'row', which is made and put into '*home' when there is none. False when all numbers
 * are taken. '*is_new': it has no members yet. */
bool address_sets_use(struct address_sets *sets, const struct uuid *row, struct address_set **home, bool *is_new);
/* A rule names it no more. */
void address_sets_leave(struct address_set *set, struct policy_work *work);
/* Makes 'members' (taken over and emptied) the members of 'set'. True when that changed it. */
bool address_set_replace(struct address_sets *sets, struct address_set *set, struct prefix_list *members);
/* Forgets the sets that no rule names any more. */
void address_sets_sweep(struct address_sets *sets, struct policy_work *work);

/* Puts the sets that changed since the last call into 'snapshot'. 0 or -ENOMEM (call again). */
int address_sets_publish(struct address_sets *sets, struct snapshot *snapshot);
