// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openvswitch/hmap.h>

#include "control/policy_rows.h"
#include "control/prefix_list.h"
#include "control/text_list.h"

/* Address_Group rows. An address that does not parse is refused by itself; the others count. Control thread. */
struct address_group {
    struct hmap_node node; /* by row */
    struct uuid row;
    char *name;
    char *error; /* the first refused address in a sentence, NULL: none */
    struct text_list texts;
    struct prefix_list members;
    bool seen;    /* in this pass */
    bool changed; /* in this pass */
};

/* Makes 'groups' (of struct address_group) equal to the rows; 'changed' tells which differ from the last pass. */
void address_groups_update(struct hmap *groups, const struct address_group_row *rows, size_t n);
struct address_group *address_groups_find(const struct hmap *groups, const struct uuid *row);
/* Empties and destroys the map. */
void address_groups_destroy(struct hmap *groups);
