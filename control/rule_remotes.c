// SPDX-License-Identifier: Apache-2.0
#include "control/policies_private.h"

#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/policy_rows.h"

/* What the remote_ columns of rules and ACLs name: groups, and the sets of their addresses. */

void policies_note_set(struct policies *policies, const struct address_set *set)
{
    const struct hmapx_node *node;

    policies->work.changed = true;
    HMAPX_FOR_EACH (node, &set->policies)
        shared_chains_note_set(node->data, &policies->work);
}

void policies_fill_set(struct policies *policies, struct address_group *group)
{
    struct prefix_list members = PREFIX_LIST_EMPTY;

    prefix_list_add(&members, group->members.prefixes, group->members.n);
    if (address_set_replace(policies->sets, group->set, &members))
        policies_note_set(policies, group->set);
}

void policies_unlink_remote(struct policies *policies, struct security_rule *rule)
{
    if (rule->set != NULL)
        address_sets_leave(rule->set, &policies->work);
    if (rule->remote_group != NULL) {
        hmapx_find_and_delete(&rule->remote_group->namers, rule);
        security_groups_leave(rule->remote_group, &policies->work);
    }
    if (rule->remote_addresses != NULL) {
        hmapx_find_and_delete(&rule->remote_addresses->rules, rule);
        policy_work_add(&policies->work.unused_address_groups, &rule->remote_addresses->unused);
    }
    rule->set = NULL;
    rule->remote_group = NULL;
    rule->remote_addresses = NULL;
}

static void link_group(struct policies *policies, struct security_rule *rule, const struct uuid *row,
                       struct security_rule_remote *remote)
{
    struct security_group *group = security_groups_use(&policies->groups, row);
    bool is_new;

    rule->remote_group = group;
    hmapx_add(&group->namers, rule);
    security_groups_leave(group, &policies->work); /* there may be nothing but this reference */
    if (!address_sets_use(policies->sets, row, &group->set, &is_new)) {
        remote->error = "too many groups are named as remotes";
        return;
    }
    rule->set = group->set;
    if (is_new)
        policy_work_add(&policies->work.members, &group->gathered);
}

static void link_addresses(struct policies *policies, struct security_rule *rule, const struct uuid *row,
                           struct security_rule_remote *remote)
{
    struct address_group *group = address_groups_use(&policies->address_groups, row);
    bool is_new;

    rule->remote_addresses = group;
    hmapx_add(&group->rules, rule);
    if (!address_sets_use(policies->sets, row, &group->set, &is_new)) {
        remote->error = "too many groups are named as remotes";
        return;
    }
    rule->set = group->set;
    if (is_new)
        policies_fill_set(policies, group);
}

static bool has_remote(const struct security_rule *rule, const struct rule_row *row)
{
    return (rule->remote_group != NULL) == row->has_remote_group &&
           (rule->remote_addresses != NULL) == row->has_remote_addresses &&
           (rule->set != NULL) == (row->has_remote_group || row->has_remote_addresses) &&
           (!row->has_remote_group || uuid_equals(&rule->remote_group->row, &row->remote_group)) &&
           (!row->has_remote_addresses || uuid_equals(&rule->remote_addresses->row, &row->remote_addresses));
}

struct security_rule_remote policies_link_remote(struct policies *policies, struct security_rule *rule,
                                                 const struct rule_row *row)
{
    struct security_rule_remote remote = {.set = NULL};

    if ((row->columns.rule.remote_cidr != NULL) + row->has_remote_group + row->has_remote_addresses > 1) {
        policies_unlink_remote(policies, rule);
        remote.error = "only one of remote_cidr, remote_group and remote_addresses may be set";
        return remote;
    }
    if (!has_remote(rule, row)) {
        policies_unlink_remote(policies, rule);
        if (row->has_remote_group)
            link_group(policies, rule, &row->remote_group, &remote);
        else if (row->has_remote_addresses)
            link_addresses(policies, rule, &row->remote_addresses, &remote);
    }
    remote.set = rule->set;
    return remote;
}
