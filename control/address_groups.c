// SPDX-License-Identifier: Apache-2.0
#include "control/address_groups.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

VLOG_DEFINE_THIS_MODULE(address_groups);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

struct address_group *address_groups_find(const struct hmap *groups, const struct uuid *row)
{
    struct address_group *group;

    HMAP_FOR_EACH_WITH_HASH (group, node, uuid_hash(row), groups) {
        if (uuid_equals(&group->row, row))
            return group;
    }
    return NULL;
}

static void group_free(struct hmap *groups, struct address_group *group)
{
    hmap_remove(groups, &group->node);
    free(group->name);
    free(group->error);
    text_list_clear(&group->texts);
    prefix_list_clear(&group->members);
    free(group);
}

static void parse_members(struct address_group *group)
{
    prefix_list_clear(&group->members);
    free(group->error);
    group->error = NULL;
    for (size_t i = 0; i < group->texts.n; i++) {
        struct inet_prefix prefix;

        if (inet_prefix_parse(group->texts.texts[i], &prefix) == 0) {
            prefix_list_add(&group->members, &prefix, 1);
            continue;
        }
        if (group->error == NULL)
            group->error =
                xasprintf("address group %s: address '%s' does not parse", group->name, group->texts.texts[i]);
        VLOG_WARN_RL(&bad_rows, "address group %s: address '%s' does not parse and is left out", group->name,
                     group->texts.texts[i]);
    }
}

void address_groups_update(struct hmap *groups, const struct address_group_row *rows, size_t n)
{
    struct address_group *group;

    HMAP_FOR_EACH (group, node, groups) {
        group->seen = false;
        group->changed = false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct address_group_row *row = &rows[i];

        group = address_groups_find(groups, &row->id);
        if (group == NULL) {
            group = xzalloc(sizeof *group);
            group->row = row->id;
            hmap_insert(groups, &group->node, uuid_hash(&row->id));
        }
        group->seen = true;

        bool renamed = text_assign(&group->name, row->name);

        group->changed = text_list_assign(&group->texts, row->addresses, row->n_addresses);
        if (group->changed || (renamed && group->error != NULL))
            parse_members(group);
    }
    HMAP_FOR_EACH_SAFE (group, node, groups) {
        if (!group->seen)
            group_free(groups, group);
    }
}

void address_groups_destroy(struct hmap *groups)
{
    struct address_group *group;

    HMAP_FOR_EACH_SAFE (group, node, groups) {
        group_free(groups, group);
    }
    hmap_destroy(groups);
}
