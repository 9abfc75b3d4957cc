// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <ovsdb-idl.h>
#include <util.h>

#include "control/address_groups.h"
#include "control/address_sets.h"
#include "control/logical_ports.h"
#include "control/policy_rows.h"
#include "control/security_groups.h"
#include "control/security_rules.h"
#include "control/shared_policies.h"

struct policies {
    struct hmap address_groups;
    struct hmap security_groups;
    struct hmap shared_policies;
    struct security_rules rules;
    struct logical_ports ports;
    struct address_sets *sets;
    bool deny_unknown;
    uint64_t pass;               /* counts policies_apply() */
    const struct ovsdb_idl *idl; /* that 'idl_seqno' is of */
    unsigned int idl_seqno;      /* of the rows last looked at */
};

struct policies *policies_create(void)
{
    struct policies *policies = xzalloc(sizeof *policies);

    hmap_init(&policies->address_groups);
    hmap_init(&policies->security_groups);
    hmap_init(&policies->shared_policies);
    security_rules_init(&policies->rules);
    logical_ports_init(&policies->ports);
    policies->sets = address_sets_create();
    return policies;
}

void policies_destroy(struct policies *policies)
{
    if (policies == NULL)
        return;
    logical_ports_destroy(&policies->ports);
    shared_policies_destroy(&policies->shared_policies);
    security_groups_destroy(&policies->security_groups);
    security_rules_destroy(&policies->rules);
    address_groups_destroy(&policies->address_groups);
    address_sets_destroy(policies->sets);
    free(policies);
}

/* Finds what a rule's remote_ columns name. A reference to nothing must not become "any", so it is an error. */
static struct security_rule_remote resolve_remote(struct policies *policies, const struct rule_row *row)
{
    struct security_rule_remote remote = {.set = NULL};

    if ((row->columns.remote_cidr != NULL) + row->has_remote_group + row->has_remote_addresses > 1) {
        remote.error = "only one of remote_cidr, remote_group and remote_addresses may be set";
    } else if (row->has_remote_group) {
        struct security_group *group = security_groups_find(&policies->security_groups, &row->remote_group);

        if (group == NULL) {
            remote.error = "remote_group names a group that does not exist";
            return remote;
        }
        group->set = remote.set = address_sets_use(policies->sets, &row->remote_group);
    } else if (row->has_remote_addresses) {
        remote.addresses = address_groups_find(&policies->address_groups, &row->remote_addresses);
        if (remote.addresses == NULL) {
            remote.error = "remote_addresses names an address group that does not exist";
            return remote;
        }
        remote.set = address_sets_use(policies->sets, &row->remote_addresses);
    } else {
        return remote;
    }
    if (remote.set == NULL && remote.error == NULL)
        remote.error = "too many groups are named as remotes";
    return remote;
}

/* Gives the sets of security groups their members: one walk over all ports, and only when some group needs it. */
static bool gather_group_members(struct policies *policies)
{
    struct security_group *group;
    struct logical_port *port;
    bool wanted = false;
    bool changed = false;

    HMAP_FOR_EACH (group, node, &policies->security_groups) {
        if (group->set != NULL && group->set->is_new)
            group->members_changed = true;
        wanted = wanted || (group->set != NULL && group->members_changed);
    }
    if (!wanted)
        return false;
    HMAP_FOR_EACH (port, by_row, &policies->ports.by_row) {
        for (size_t i = 0; i < port->n_groups; i++) {
            group = port->groups[i];
            if (group->set != NULL && group->members_changed)
                prefix_list_add(&group->members, port->members.prefixes, port->members.n);
        }
    }
    HMAP_FOR_EACH (group, node, &policies->security_groups) {
        if (group->set != NULL && group->members_changed)
            changed = address_set_replace(policies->sets, group->set, &group->members) || changed;
    }
    return changed;
}

static bool gather_address_groups(struct policies *policies, const struct policy_rows *rows)
{
    bool changed = false;

    for (size_t i = 0; i < rows->n_rules; i++) {
        const struct security_rule *rule = security_rules_find(&policies->rules, &rows->rules[i].id);

        if (rule->addresses == NULL || rule->set == NULL || !(rule->addresses->changed || rule->set->is_new))
            continue;
        struct prefix_list members = PREFIX_LIST_EMPTY;

        prefix_list_add(&members, rule->addresses->members.prefixes, rule->addresses->members.n);
        changed = address_set_replace(policies->sets, rule->set, &members) || changed;
    }
    return changed;
}

bool policies_apply(struct policies *policies, const struct policy_rows *rows)
{
    bool changed = policies->deny_unknown != rows->deny_unknown;

    policies->deny_unknown = rows->deny_unknown;
    policies->pass++;

    address_groups_update(&policies->address_groups, rows->address_groups, rows->n_address_groups);
    security_groups_update(&policies->security_groups, rows->groups, rows->n_groups);
    address_sets_begin(policies->sets);
    security_rules_begin(&policies->rules);
    for (size_t i = 0; i < rows->n_rules; i++) {
        struct security_rule_remote remote = resolve_remote(policies, &rows->rules[i]);

        security_rules_update(&policies->rules, &rows->rules[i], &remote);
    }
    security_groups_bind_rules(&policies->security_groups, rows->groups, rows->n_groups, &policies->rules,
                               policies->pass);
    changed = logical_ports_update(&policies->ports, rows->ports, rows->n_ports, &policies->security_groups) || changed;

    /* Members before decisions: a port's version follows from the sets that its rules name. */
    changed = gather_group_members(policies) || changed;
    changed = gather_address_groups(policies, rows) || changed;
    changed = logical_ports_decide(&policies->ports, &policies->shared_policies, policies->pass) || changed;

    shared_policies_sweep(&policies->shared_policies, policies->pass);
    changed = address_sets_sweep(policies->sets) || changed;
    security_groups_sweep(&policies->security_groups);
    security_rules_sweep(&policies->rules);
    return changed;
}

bool policies_update(struct policies *policies, struct ovsdb_idl *idl)
{
    unsigned int seqno = ovsdb_idl_get_seqno(idl);
    struct policy_rows rows;

    if (policies->idl == idl && policies->idl_seqno == seqno)
        return false;
    policies->idl = idl;
    policies->idl_seqno = seqno;

    policy_rows_read(&rows, idl);
    bool changed = policies_apply(policies, &rows);

    policy_rows_free(&rows);
    return changed;
}

bool policies_lookup(struct policies *policies, const char *iface_id, const char *name, struct port_policy *policy,
                     uint64_t *version)
{
    struct logical_port *port = iface_id != NULL ? logical_ports_find_name(&policies->ports, iface_id) : NULL;

    if (port == NULL)
        port = logical_ports_find_name(&policies->ports, name);
    if (port == NULL)
        return false;
    *policy = port->policy;
    port_policy_ref(policy);
    *version = port->version;
    return true;
}

int policies_publish_sets(struct policies *policies, struct snapshot *snapshot)
{
    return address_sets_publish(policies->sets, snapshot);
}

bool policies_deny_unknown(const struct policies *policies)
{
    return policies->deny_unknown;
}

const char *policies_rule_name(const struct policies *policies, uint32_t rule_id)
{
    struct security_rule *rule = security_rules_find_id(&policies->rules, rule_id);

    return rule != NULL ? security_rule_text(rule) : NULL;
}

struct logical_port *policies_port(const struct policies *policies, const struct uuid *row)
{
    return logical_ports_find(&policies->ports, row);
}
