// SPDX-License-Identifier: Apache-2.0
#include "control/security_groups.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/address_groups.h"
#include "control/address_sets.h"
#include "control/logical_ports.h"
#include "control/policy_work.h"
#include "control/shared_chains.h"
#include "control/text_list.h"

void security_groups_init(struct security_groups *groups, struct rule_ids *ids)
{
    hmap_init(&groups->by_row);
    groups->ids = ids;
}

static void give_default_ids(struct security_groups *groups, struct security_group *group)
{
    for (int i = 0; i < 2; i++)
        rule_ids_give(groups->ids, &group->default_ids[i]);
}

static void group_free(struct security_groups *groups, struct security_group *group)
{
    hmap_remove(&groups->by_row, &group->node);
    give_default_ids(groups, group);
    hmapx_destroy(&group->namers);
    hmapx_destroy(&group->ports);
    hmapx_destroy(&group->chains);
    free(group->name);
    free(group->error);
    free(group->rules);
    free(group->in_force);
    free(group);
}

void security_groups_destroy(struct security_groups *groups)
{
    struct security_group *group;

    HMAP_FOR_EACH_SAFE (group, node, &groups->by_row) {
        group_free(groups, group);
    }
    hmap_destroy(&groups->by_row);
}

struct security_group *security_groups_find(const struct security_groups *groups, const struct uuid *row)
{
    struct security_group *group;

    HMAP_FOR_EACH_WITH_HASH (group, node, uuid_hash(row), &groups->by_row) {
        if (uuid_equals(&group->row, row))
            return group;
    }
    return NULL;
}

struct security_group *security_groups_use(struct security_groups *groups, const struct uuid *row)
{
    struct security_group *group = security_groups_find(groups, row);

    if (group != NULL)
        return group;
    group = xzalloc(sizeof *group);
    group->row = *row;
    for (int i = 0; i < 2; i++)
        group->default_ids[i].group = group;
    hmapx_init(&group->namers);
    hmapx_init(&group->ports);
    hmapx_init(&group->chains);
    ovs_list_init(&group->work);
    ovs_list_init(&group->gathered);
    ovs_list_init(&group->unused);
    hmap_insert(&groups->by_row, &group->node, uuid_hash(row));
    return group;
}

void security_groups_leave(struct security_group *group, struct policy_work *work)
{
    policy_work_add(&work->unused_groups, &group->unused);
}

static void put_ports_to_work(const struct security_group *group, struct policy_work *work)
{
    const struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &group->ports)
        policy_work_add(&work->ports, &((struct logical_port *)node->data)->work);
}

/* The row comes or goes: rules that name the group and ports in it are in force or not, accordingly. */
static void tell_presence(const struct security_group *group, struct policy_work *work)
{
    const struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &group->namers)
        policy_work_add(&work->rules, &((struct security_rule *)node->data)->work);
    put_ports_to_work(group, work);
}

static void add_rule(struct security_group *group, struct security_rule *rule)
{
    hmapx_add(&rule->groups, group);
}

static void drop_rule(struct security_group *group, struct security_rule *rule, struct policy_work *work)
{
    hmapx_find_and_delete(&rule->groups, group);
    if (rule->in_force && group->on_change == RULE_FLUSH)
        policy_work_end_sessions(work, rule->id.id);
    security_rules_leave(rule, work);
}

static int uuid_order(const void *a, const void *b)
{
    return uuid_compare_3way(a, b);
}

/* Makes the list of rules equal to the row's. Both are sorted, so only what differs is looked up. True when it changed. */
static bool assign_rules(struct security_group *group, const struct uuid *rows, size_t n, struct security_rules *rules,
                         struct policy_work *work)
{
    struct uuid *sorted = n > 0 ? xmemdup(rows, n * sizeof *rows) : NULL;
    struct security_rule **list = n > 0 ? xmalloc(n * sizeof *list) : NULL;
    size_t n_list = 0;
    size_t old = 0;
    bool changed = false;

    if (n > 1)
        qsort(sorted, n, sizeof *sorted, uuid_order);
    for (size_t i = 0; i < n; i++) {
        int order = -1;

        if (i > 0 && uuid_equals(&sorted[i - 1], &sorted[i]))
            continue;
        while (old < group->n_rules && (order = uuid_compare_3way(&group->rules[old]->row, &sorted[i])) < 0) {
            drop_rule(group, group->rules[old++], work);
            changed = true;
        }
        if (old < group->n_rules && order == 0) {
            list[n_list++] = group->rules[old++];
            continue;
        }
        list[n_list] = security_rules_use(rules, &sorted[i]);
        add_rule(group, list[n_list++]);
        changed = true;
    }
    for (; old < group->n_rules; old++) {
        drop_rule(group, group->rules[old], work);
        changed = true;
    }
    free(sorted);
    free(group->rules);
    group->rules = list;
    group->n_rules = n_list;
    return changed;
}

void security_groups_set(struct security_groups *groups, const struct group_row *row, struct security_rules *rules,
                         struct policy_work *work)
{
    struct security_group *group = security_groups_use(groups, &row->id);
    bool renamed = text_assign(&group->name, row->name);
    bool set_up = group->stateful != row->stateful || group->is_audit != row->is_audit ||
                  group->on_change != row->on_change || !group->present;

    if (!group->present)
        tell_presence(group, work);
    for (int i = 0; i < 2; i++) {
        if (group->default_ids[i].id == 0)
            rule_ids_take(groups->ids, &group->default_ids[i]);
    }
    group->present = true;
    group->seen = work->pass;
    group->stateful = row->stateful;
    group->is_audit = row->is_audit;
    group->on_change = row->on_change;
    if (set_up || renamed)
        group->changed = work->pass; /* its name decides whose default a port has */
    if (assign_rules(group, row->rules, row->n_rules, rules, work) || set_up || renamed)
        policy_work_add(&work->groups, &group->work);
}

void security_groups_remove(struct security_groups *groups, struct security_group *group, struct policy_work *work)
{
    assign_rules(group, NULL, 0, NULL, work);
    group->present = false;
    group->changed = work->pass;
    give_default_ids(groups, group);
    tell_presence(group, work);
    policy_work_add(&work->groups, &group->work);
    security_groups_leave(group, work);
}

static int id_order(const void *a_, const void *b_)
{
    const struct security_rule *const *a = a_;
    const struct security_rule *const *b = b_;

    return (*a)->id.id < (*b)->id.id ? -1 : (*a)->id.id > (*b)->id.id;
}

/* What is wrong with the first rule of which something is, or NULL. The caller frees it. */
static char *first_error(const struct security_group *group)
{
    for (size_t i = 0; i < group->n_rules; i++) {
        struct security_rule *rule = group->rules[i];
        const char *error = rule->present ? rule->error : NULL;

        if (error == NULL && rule->present && rule->remote_addresses != NULL)
            error = rule->remote_addresses->error;
        if (error != NULL)
            return xasprintf("rule %s: %s", security_rule_text(rule), error);
    }
    return NULL;
}

void security_groups_work(struct security_group *group, struct policy_work *work)
{
    struct security_rule **list = group->n_rules > 0 ? xmalloc(group->n_rules * sizeof *list) : NULL;
    char *error = first_error(group);
    const struct hmapx_node *node;
    bool changed = false;
    size_t n = 0;

    for (size_t i = 0; i < group->n_rules; i++) {
        changed = changed || group->rules[i]->changed == work->pass;
        if (group->rules[i]->in_force)
            list[n++] = group->rules[i];
    }
    if (n > 1)
        qsort(list, n, sizeof *list, id_order);

    /* Rules that are gone are freed at the end of the pass, so equal pointers are the same rules. */
    changed = changed || n != group->n_in_force ||
              (n > 0 && memcmp(list, group->in_force, n * sizeof(struct security_rule *)) != 0);
    free(group->in_force);
    group->in_force = list;
    group->n_in_force = n;
    if (changed)
        group->changed = work->pass;
    if (group->changed == work->pass) {
        HMAPX_FOR_EACH (node, &group->chains)
            policy_work_add(&work->chains, &((struct shared_chain *)node->data)->work);
    }
    if (text_assign(&group->error, error))
        put_ports_to_work(group, work);
    free(error);
}

bool security_groups_gather(struct security_group *group, struct address_sets *sets)
{
    struct prefix_list members = PREFIX_LIST_EMPTY;
    const struct hmapx_node *node;

    if (group->set == NULL)
        return false;
    HMAPX_FOR_EACH (node, &group->ports) {
        const struct logical_port *port = node->data;

        prefix_list_add(&members, port->members.prefixes, port->members.n);
    }
    return address_set_replace(sets, group->set, &members);
}

void security_groups_sweep(struct security_groups *groups, struct policy_work *work)
{
    struct ovs_list *node;

    while ((node = policy_work_next(&work->unused_groups)) != NULL) {
        struct security_group *group = CONTAINER_OF(node, struct security_group, unused);

        if (group->present || !hmapx_is_empty(&group->namers) || !hmapx_is_empty(&group->ports) ||
            !hmapx_is_empty(&group->chains))
            continue;
        policy_work_forget(&group->work);
        policy_work_forget(&group->gathered);
        group_free(groups, group);
    }
}
