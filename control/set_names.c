// SPDX-License-Identifier: Apache-2.0
#include "control/set_names.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <util.h>

#include "control/policies_private.h"

static void add(struct set_names *names, const struct address_set *set, const char *kind, const char *name)
{
    if (set == NULL || name == NULL)
        return;
    if (set->number >= names->n) {
        size_t n = MAX((size_t)set->number + 1, 2 * names->n);

        names->names = xrealloc(names->names, n * sizeof *names->names);
        while (names->n < n)
            names->names[names->n++] = NULL;
    }
    free(names->names[set->number]);
    names->names[set->number] = xasprintf("%s %s", kind, name);
}

void set_names_init(struct set_names *names, const struct policies *policies)
{
    const struct security_group *group;
    const struct address_group *addresses;

    *names = (struct set_names){NULL, 0};
    HMAP_FOR_EACH (group, node, &policies->groups.by_row) {
        add(names, group->set, "group", group->name);
    }
    HMAP_FOR_EACH (addresses, node, &policies->address_groups) {
        add(names, addresses->set, "addresses", addresses->name);
    }
}

void set_names_destroy(struct set_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->names[i]);
    free(names->names);
}

const char *set_names_get(const struct set_names *names, uint32_t set)
{
    return names != NULL && set < names->n ? names->names[set] : NULL;
}
