// SPDX-License-Identifier: Apache-2.0
#include "control/security_groups.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "control/address_groups.h"
#include "control/text_list.h"

VLOG_DEFINE_THIS_MODULE(security_groups);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

static struct security_group *find_any(const struct hmap *groups, const struct uuid *row)
{
    struct security_group *group;

    HMAP_FOR_EACH_WITH_HASH (group, node, uuid_hash(row), groups) {
        if (uuid_equals(&group->row, row))
            return group;
    }
    return NULL;
}

struct security_group *security_groups_find(const struct hmap *groups, const struct uuid *row)
{
    struct security_group *group = find_any(groups, row);

    return group != NULL && group->seen ? group : NULL;
}

static void group_free(struct hmap *groups, struct security_group *group)
{
    hmap_remove(groups, &group->node);
    free(group->name);
    free(group->error);
    free(group->rules);
    prefix_list_clear(&group->members);
    free(group);
}

void security_groups_update(struct hmap *groups, const struct group_row *rows, size_t n)
{
    struct security_group *group;

    HMAP_FOR_EACH (group, node, groups) {
        group->seen = false;
        group->set = NULL;
        group->members_changed = false;
    }
    for (size_t i = 0; i < n; i++) {
        group = find_any(groups, &rows[i].id);
        if (group == NULL) {
            group = xzalloc(sizeof *group);
            group->row = rows[i].id;
            hmap_insert(groups, &group->node, uuid_hash(&rows[i].id));
        }
        group->seen = true;
        text_assign(&group->name, rows[i].name);
    }
}

static int rule_compare(const void *a_, const void *b_)
{
    const struct security_rule *const *a = a_;
    const struct security_rule *const *b = b_;

    return (*a)->rule.id < (*b)->rule.id ? -1 : (*a)->rule.id > (*b)->rule.id;
}

/* Notes what is wrong with 'rule' for the status of the ports that use it, and logs it once. */
static void report(struct security_group *group, struct security_rule *rule)
{
    if (rule->error_is_new) {
        VLOG_WARN_RL(&bad_rows, "rule %s is not in force: %s", security_rule_text(rule), rule->error);
        rule->error_is_new = false;
    }
    if (group->error != NULL)
        return;
    if (rule->error != NULL)
        group->error = xasprintf("rule %s: %s", security_rule_text(rule), rule->error);
    else if (rule->addresses != NULL && rule->addresses->error != NULL)
        group->error = xasprintf("rule %s: %s", security_rule_text(rule), rule->addresses->error);
}

static void bind_rules(struct security_group *group, const struct group_row *row, const struct security_rules *rules,
                       uint64_t pass)
{
    struct security_rule **list = row->n_rules > 0 ? xmalloc(row->n_rules * sizeof *list) : NULL;
    bool changed = false;
    size_t n = 0;

    free(group->error);
    group->error = NULL;
    for (size_t i = 0; i < row->n_rules; i++) {
        struct security_rule *rule = security_rules_find(rules, &row->rules[i]);

        if (rule == NULL || !rule->seen)
            continue;
        if (rule->group == NULL)
            rule->group = group;
        report(group, rule);
        changed = changed || rule->changed;
        if (rule->error == NULL)
            list[n++] = rule;
    }
    if (group->error == NULL && !row->stateful)
        group->error = xasprintf("group %s: stateful=false is not supported: replies pass as well", row->name);
    if (n > 1)
        qsort(list, n, sizeof *list, rule_compare);

    /* Rules that are gone are freed at the end of the pass, so equal pointers are the same rules. */
    changed = changed || n != group->n_rules || (n > 0 && memcmp(list, group->rules, n * sizeof *list) != 0);
    free(group->rules);
    group->rules = list;
    group->n_rules = n;
    if (changed)
        group->rules_changed = pass;
}

void security_groups_bind_rules(struct hmap *groups, const struct group_row *rows, size_t n,
                                const struct security_rules *rules, uint64_t pass)
{
    for (size_t i = 0; i < n; i++)
        bind_rules(security_groups_find(groups, &rows[i].id), &rows[i], rules, pass);
}

void security_groups_sweep(struct hmap *groups)
{
    struct security_group *group;

    HMAP_FOR_EACH_SAFE (group, node, groups) {
        if (!group->seen)
            group_free(groups, group);
    }
}

void security_groups_destroy(struct hmap *groups)
{
    struct security_group *group;

    HMAP_FOR_EACH_SAFE (group, node, groups) {
        group_free(groups, group);
    }
    hmap_destroy(groups);
}
