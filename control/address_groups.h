// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmapx.h>
#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "control/policy_rows.h"
#include "control/prefix_list.h"
#include "control/text_list.h"

struct address_set;
struct policy_work;

/* Address_Group rows. An address that does not parse is refused by itself; the others count. A group that rules name has an
 * entry whether its row is there or not. Control thread. */
struct address_group {
    struct hmap_node node; /* by row */
    struct uuid row;
    bool present; /* its row is there */
    uint64_t seen;
    char *name;
    char *error; /* the first refused address in a sentence, NULL: none */
    struct text_list texts;
    struct prefix_list members;
    struct address_set *set; /* of its members; NULL: no rule names it */
    struct hmapx rules;      /* of struct security_rule: that name it */
    struct ovs_list unused;  /* in policy_work.unused_address_groups */
};

/* The entry of 'row', or NULL. */
struct address_group *address_groups_find(const struct hmap *groups, const struct uuid *row);
/* The same, made when there is none. */
struct address_group *address_groups_use(struct hmap *groups, const struct uuid *row);
/* Takes over a row. The rules that name it are put to work when they must be looked at again. The entry when its members
 * changed, else NULL. */
struct address_group *address_groups_set(struct hmap *groups, const struct address_group_row *row,
                                         struct policy_work *work);
/* The row is gone. */
void address_groups_remove(struct address_group *group, struct policy_work *work);
/* Frees entries that nobody needs. */
void address_groups_sweep(struct hmap *groups, struct policy_work *work);
/* Empties and destroys the map. */
void address_groups_destroy(struct hmap *groups);
