// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <ovsdb-idl.h>
#include <timeval.h>
#include <util.h>
#include <uuid.h>

#include "control/policies_private.h"
#include "control/policy_rows.h"
#include "control/shared_policies.h"

struct policies *policies_create(void)
{
    struct policies *policies = xzalloc(sizeof *policies);

    rule_ids_init(&policies->ids);
    hmap_init(&policies->address_groups);
    security_rules_init(&policies->rules, &policies->ids);
    security_groups_init(&policies->groups, &policies->ids);
    shared_chains_init(&policies->chains);
    logical_ports_init(&policies->ports);
    acl_networks_init(&policies->networks);
    policies->sets = address_sets_create();
    policy_work_init(&policies->work);
    return policies;
}

void policies_destroy(struct policies *policies)
{
    if (policies == NULL)
        return;
    acl_networks_destroy(&policies->networks);
    logical_ports_destroy(&policies->ports);
    shared_chains_destroy(&policies->chains);
    security_groups_destroy(&policies->groups);
    security_rules_destroy(&policies->rules);
    address_groups_destroy(&policies->address_groups);
    address_sets_destroy(policies->sets);
    rule_ids_destroy(&policies->ids);
    policy_work_destroy(&policies->work);
    free(policies);
}

static void remove_rule(struct policies *policies, struct security_rule *rule)
{
    policies_unlink_remote(policies, rule);
    security_rules_remove(rule, &policies->work);
}

static void take_rows(struct policies *policies, const struct policy_rows *rows)
{
    struct policy_work *work = &policies->work;

    for (size_t i = 0; i < rows->n_address_groups; i++) {
        struct address_group *group = address_groups_set(&policies->address_groups, &rows->address_groups[i], work);

        if (group != NULL && group->set != NULL)
            policies_fill_set(policies, group);
    }
    for (size_t i = 0; i < rows->n_groups; i++)
        security_groups_set(&policies->groups, &rows->groups[i], &policies->rules, work);
    for (size_t i = 0; i < rows->n_rules; i++) {
        struct security_rule *rule = security_rules_use(&policies->rules, &rows->rules[i].id);
        struct security_rule_remote remote = policies_link_remote(policies, rule, &rows->rules[i]);

        security_rules_set(&policies->rules, rule, &rows->rules[i], &remote, work);
    }
    for (size_t i = 0; i < rows->n_ports; i++)
        logical_ports_set(&policies->ports, &rows->ports[i], &policies->groups, &policies->rules, work);
    for (size_t i = 0; i < rows->n_networks; i++)
        acl_networks_set(&policies->networks, &rows->networks[i], &policies->rules, work);
}

/* Takes out a row that is gone, of whatever table it was. */
static void remove_row(struct policies *policies, const struct uuid *id)
{
    struct policy_work *work = &policies->work;
    struct address_group *addresses = address_groups_find(&policies->address_groups, id);
    struct security_group *group = security_groups_find(&policies->groups, id);
    struct security_rule *rule = security_rules_find(&policies->rules, id);
    struct logical_port *port = logical_ports_find(&policies->ports, id);
    struct acl_network *network = acl_networks_find(&policies->networks, id);

    if (addresses != NULL && addresses->present)
        address_groups_remove(addresses, work);
    if (group != NULL && group->present)
        security_groups_remove(&policies->groups, group, work);
    if (rule != NULL && rule->present)
        remove_rule(policies, rule);
    if (port != NULL)
        logical_ports_remove(&policies->ports, port, work);
    if (network != NULL)
        acl_networks_remove(&policies->networks, network, work);
}

/* Takes out whatever was not among all rows. */
static void remove_unseen(struct policies *policies)
{
    struct policy_work *work = &policies->work;
    struct address_group *addresses;
    struct security_group *group;
    struct security_rule *rule;
    struct logical_port *port;
    struct acl_network *network;

    HMAP_FOR_EACH (addresses, node, &policies->address_groups) {
        if (addresses->present && addresses->seen != work->pass)
            address_groups_remove(addresses, work);
    }
    HMAP_FOR_EACH (group, node, &policies->groups.by_row) {
        if (group->present && group->seen != work->pass)
            security_groups_remove(&policies->groups, group, work);
    }
    HMAP_FOR_EACH (rule, by_row, &policies->rules.by_row) {
        if (rule->present && rule->seen != work->pass)
            remove_rule(policies, rule);
    }
    HMAP_FOR_EACH_SAFE (port, by_row, &policies->ports.by_row) {
        if (port->seen != work->pass)
            logical_ports_remove(&policies->ports, port, work);
    }
    HMAP_FOR_EACH_SAFE (network, node, &policies->networks.by_row) {
        if (network->seen != work->pass)
            acl_networks_remove(&policies->networks, network, work);
    }
}

/* Follows what was put to work: from rules to groups, sets, chains, and those who have them. */
static void follow(struct policies *policies)
{
    struct policy_work *work = &policies->work;
    struct ovs_list *node;

    while ((node = policy_work_next(&work->rules)) != NULL)
        security_rules_work(CONTAINER_OF(node, struct security_rule, work), work);
    while ((node = policy_work_next(&work->groups)) != NULL)
        security_groups_work(CONTAINER_OF(node, struct security_group, work), work);
    while ((node = policy_work_next(&work->members)) != NULL) {
        struct security_group *group = CONTAINER_OF(node, struct security_group, gathered);

        if (security_groups_gather(group, policies->sets))
            policies_note_set(policies, group->set);
    }
    while ((node = policy_work_next(&work->chains)) != NULL)
        shared_chains_work(&policies->chains, CONTAINER_OF(node, struct shared_chain, work), work);
    while ((node = policy_work_next(&work->ports)) != NULL)
        logical_ports_work(&policies->ports, CONTAINER_OF(node, struct logical_port, work), &policies->chains, work);
    while ((node = policy_work_next(&work->networks)) != NULL)
        acl_networks_work(&policies->networks, CONTAINER_OF(node, struct acl_network, work), &policies->chains, work);
}

static void sweep(struct policies *policies)
{
    struct policy_work *work = &policies->work;

    shared_chains_sweep(&policies->chains, work);
    address_sets_sweep(policies->sets, work);
    security_rules_sweep(&policies->rules, work);
    security_groups_sweep(&policies->groups, work);
    address_groups_sweep(&policies->address_groups, work);
}

static void take_options(struct policies *policies, const struct policy_rows *rows)
{
    struct policy_work *work = &policies->work;
    struct logical_port *port;

    work->changed = policies->deny_unknown != rows->deny_unknown;
    policies->deny_unknown = rows->deny_unknown;
    if (work->pick_up == rows->pick_up)
        return;
    work->pick_up = rows->pick_up;
    HMAP_FOR_EACH (port, by_row, &policies->ports.by_row) {
        policy_work_add(&work->ports, &port->work);
    }
}

bool policies_apply(struct policies *policies, const struct policy_rows *rows)
{
    policies->work.pass++;
    take_options(policies, rows);
    take_rows(policies, rows);
    for (size_t i = 0; i < rows->gone.n; i++)
        remove_row(policies, &rows->gone.ids[i]);
    if (!rows->is_partial) {
        remove_unseen(policies);
        policies->work.bindings_changed = true;
    }
    follow(policies);
    sweep(policies);
    return policies->work.changed;
}

bool policies_update(struct policies *policies, struct ovsdb_idl *idl, bool whole)
{
    unsigned int seqno = ovsdb_idl_get_seqno(idl);
    struct policy_rows rows;

    if (policies->idl == idl && policies->idl_seqno == seqno)
        return false;
    policy_rows_read(&rows, idl, whole || policies->idl != idl);
    policies->idl = idl;
    policies->idl_seqno = seqno;

    long long int begin = time_msec();
    bool changed = policies_apply(policies, &rows);

    if (changed)
        policies->last_compile_ms = time_msec() - begin;
    policy_rows_free(&rows);
    ovsdb_idl_track_clear(idl);
    return changed;
}

static struct logical_port *find_port(const struct policies *policies, const char *iface_id, const char *name)
{
    struct logical_port *port = iface_id != NULL ? logical_ports_find_name(&policies->ports, iface_id) : NULL;

    return port != NULL ? port : logical_ports_find_name(&policies->ports, name);
}

bool policies_lookup(struct policies *policies, const char *iface_id, const char *name, struct port_policy *policy,
                     uint64_t *version)
{
    const struct logical_port *port = find_port(policies, iface_id, name);

    if (port == NULL)
        return false;
    *policy = port->policy;
    port_policy_ref(policy);
    *version = port->version;
    return true;
}

uint64_t policies_version(const struct policies *policies, const char *iface_id, const char *name)
{
    const struct logical_port *port = find_port(policies, iface_id, name);

    return port != NULL ? port->version : 0;
}

const char *policies_port_of_interface(const struct policies *policies, const char *iface_id, const char *name)
{
    const struct logical_port *port = find_port(policies, iface_id, name);

    return port != NULL ? port->name : NULL;
}

bool policies_place_networks(struct policies *policies, uint16_t (*bridge_index)(void *aux, const char *name),
                             void *aux)
{
    return acl_networks_place(&policies->networks, bridge_index, aux);
}

int policies_publish(struct policies *policies, struct snapshot *snapshot, struct conntrack *ct)
{
    int error = address_sets_publish(policies->sets, snapshot);

    if (ct != NULL)
        timeout_sets_publish(&policies->ports.timeouts, ct);
    return error == 0 ? acl_networks_publish(&policies->networks, snapshot) : error;
}

uint32_t *policies_take_ended(struct policies *policies, size_t *n)
{
    struct policy_work *work = &policies->work;
    uint32_t *ended = work->n_ended > 0 ? work->ended : NULL;

    *n = work->n_ended;
    if (ended == NULL)
        return NULL;
    work->ended = NULL;
    work->n_ended = work->allocated_ended = 0;
    return ended;
}

long long int policies_last_compile_ms(const struct policies *policies)
{
    return policies->last_compile_ms;
}

bool policies_deny_unknown(const struct policies *policies)
{
    return policies->deny_unknown;
}

struct logical_port *policies_port(const struct policies *policies, const struct uuid *row)
{
    return logical_ports_find(&policies->ports, row);
}

const char *policies_network_error(const struct policies *policies, const struct uuid *row)
{
    const struct acl_network *network = acl_networks_find(&policies->networks, row);

    return network != NULL ? network->error : NULL;
}
