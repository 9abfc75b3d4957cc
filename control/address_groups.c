// SPDX-License-Identifier: Apache-2.0
#include "control/address_groups.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "control/policy_work.h"
#include "control/security_rules.h"

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

struct address_group *address_groups_use(struct hmap *groups, const struct uuid *row)
{
    struct address_group *group = address_groups_find(groups, row);

    if (group != NULL)
        return group;
    group = xzalloc(sizeof *group);
    group->row = *row;
    hmapx_init(&group->rules);
    ovs_list_init(&group->unused);
    hmap_insert(groups, &group->node, uuid_hash(row));
    return group;
}

static void group_free(struct hmap *groups, struct address_group *group)
{
    hmap_remove(groups, &group->node);
    hmapx_destroy(&group->rules);
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

static void put_rules_to_work(const struct address_group *group, struct policy_work *work)
{
    struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &group->rules)
        policy_work_add(&work->rules, &((struct security_rule *)node->data)->work);
}

struct address_group *address_groups_set(struct hmap *groups, const struct address_group_row *row,
                                         struct policy_work *work)
{
    struct address_group *group = address_groups_use(groups, &row->id);
    bool renamed = text_assign(&group->name, row->name);
    bool changed = text_list_assign(&group->texts, row->addresses, row->n_addresses);
    bool had_error = group->error != NULL;

    if (changed || (renamed && had_error))
        parse_members(group);
    if (!group->present || had_error || group->error != NULL)
        put_rules_to_work(group, work);
    group->present = true;
    group->seen = work->pass;
    return changed ? group : NULL;
}

void address_groups_remove(struct address_group *group, struct policy_work *work)
{
    group->present = false;
    put_rules_to_work(group, work);
    policy_work_add(&work->unused_address_groups, &group->unused);
}

void address_groups_sweep(struct hmap *groups, struct policy_work *work)
{
    struct ovs_list *node;

    while ((node = policy_work_next(&work->unused_address_groups)) != NULL) {
        struct address_group *group = CONTAINER_OF(node, struct address_group, unused);

        if (!group->present && hmapx_is_empty(&group->rules))
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
