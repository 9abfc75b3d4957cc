// SPDX-License-Identifier: Apache-2.0
#include "control/logical_ports.h"

#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "acl/policy_chain.h"
#include "control/security_groups.h"
#include "control/shared_policies.h"

VLOG_DEFINE_THIS_MODULE(logical_ports);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

void logical_ports_init(struct logical_ports *ports)
{
    hmap_init(&ports->by_row);
    hmap_init(&ports->by_name);
    ports->last_version = 0;
}

static void port_free(struct logical_ports *ports, struct logical_port *port)
{
    hmap_remove(&ports->by_row, &port->by_row);
    hmap_remove(&ports->by_name, &port->by_name);
    port_policy_unref(&port->policy);
    port_security_unref(port->allowed);
    text_list_clear(&port->addresses);
    prefix_list_clear(&port->members);
    free(port->address_error);
    free(port->group_rows);
    free(port->groups);
    free(port->error);
    free(port->warning);
    free(port->name);
    free(port);
}

void logical_ports_destroy(struct logical_ports *ports)
{
    struct logical_port *port;

    HMAP_FOR_EACH_SAFE (port, by_row, &ports->by_row) {
        port_free(ports, port);
    }
    hmap_destroy(&ports->by_row);
    hmap_destroy(&ports->by_name);
}

struct logical_port *logical_ports_find(const struct logical_ports *ports, const struct uuid *row)
{
    struct logical_port *port;

    HMAP_FOR_EACH_WITH_HASH (port, by_row, uuid_hash(row), &ports->by_row) {
        if (uuid_equals(&port->row, row))
            return port;
    }
    return NULL;
}

struct logical_port *logical_ports_find_name(const struct logical_ports *ports, const char *name)
{
    struct logical_port *port;

    HMAP_FOR_EACH_WITH_HASH (port, by_name, hash_string(name, 0), &ports->by_name) {
        if (strcmp(port->name, name) == 0)
            return port;
    }
    return NULL;
}

static void parse_addresses(struct logical_port *port)
{
    struct port_security_pair *pairs = xmalloc((port->addresses.n + 1) * sizeof *pairs);

    prefix_list_clear(&port->members);
    free(port->address_error);
    port->address_error = NULL;
    port->n_pairs = 0;
    for (size_t i = 0; i < port->addresses.n; i++) {
        struct port_security_pair *pair = &pairs[port->n_pairs];
        char *error = NULL;

        if (port_security_pair_parse(port->addresses.texts[i], pair, &error) == 0) {
            prefix_list_add(&port->members, pair->ips, pair->n_ips);
            port->n_pairs++;
            continue;
        }
        const char *why = error != NULL ? error : "does not parse";

        VLOG_WARN_RL(&bad_rows, "logical port %s: address '%s' is refused: %s", port->name, port->addresses.texts[i],
                     why);
        if (port->address_error == NULL)
            port->address_error = xasprintf("address '%s': %s", port->addresses.texts[i], why);
        free(error);
    }
    port_security_unref(port->allowed);
    port->allowed = port_security_create(pairs, port->n_pairs);
    free(pairs);
}

static int uuid_order(const void *a, const void *b)
{
    return uuid_compare_3way(a, b);
}

static void mark_members_changed(const struct logical_port *port, const struct hmap *groups)
{
    for (size_t i = 0; i < port->n_group_rows; i++) {
        struct security_group *group = security_groups_find(groups, &port->group_rows[i]);

        if (group != NULL)
            group->members_changed = true;
    }
}

/* Takes over the row's groups; 'changed' tells that the addresses differ from the last pass. */
static void join_groups(struct logical_port *port, const struct port_row *row, const struct hmap *groups, bool changed)
{
    struct uuid *rows = row->n_groups > 0 ? xmemdup(row->groups, row->n_groups * sizeof *rows) : NULL;
    size_t n = 0;

    if (row->n_groups > 1)
        qsort(rows, row->n_groups, sizeof *rows, uuid_order);
    for (size_t i = 0; i < row->n_groups; i++) {
        if (n == 0 || !uuid_equals(&rows[n - 1], &rows[i]))
            rows[n++] = rows[i];
    }
    changed = changed || n != port->n_group_rows || (n > 0 && memcmp(rows, port->group_rows, n * sizeof *rows) != 0);
    if (changed)
        mark_members_changed(port, groups);
    free(port->group_rows);
    port->group_rows = rows;
    port->n_group_rows = n;
    if (changed)
        mark_members_changed(port, groups);

    free(port->groups);
    port->groups = n > 0 ? xmalloc(n * sizeof(struct security_group *)) : NULL;
    port->n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        struct security_group *group = security_groups_find(groups, &rows[i]);

        if (group != NULL)
            port->groups[port->n_groups++] = group;
    }
}

static struct logical_port *port_of_row(struct logical_ports *ports, const struct port_row *row)
{
    struct logical_port *port = logical_ports_find(ports, &row->id);

    if (port == NULL) {
        port = xzalloc(sizeof *port);
        port->row = row->id;
        hmap_insert(&ports->by_row, &port->by_row, uuid_hash(&row->id));
    } else if (strcmp(port->name, row->name) == 0) {
        return port;
    } else {
        hmap_remove(&ports->by_name, &port->by_name);
    }
    port->is_new = true;
    text_assign(&port->name, row->name);
    hmap_insert(&ports->by_name, &port->by_name, hash_string(port->name, 0));
    return port;
}

bool logical_ports_update(struct logical_ports *ports, const struct port_row *rows, size_t n,
                          const struct hmap *security_groups)
{
    struct logical_port *port;
    bool changed = false;

    HMAP_FOR_EACH (port, by_row, &ports->by_row) {
        port->seen = false;
        port->is_new = false;
    }
    for (size_t i = 0; i < n; i++) {
        port = port_of_row(ports, &rows[i]);
        port->seen = true;
        port->port_security = rows[i].port_security;
        port->enabled = rows[i].enabled;

        bool addressed = text_list_assign(&port->addresses, rows[i].addresses, rows[i].n_addresses);

        if (addressed || port->is_new)
            parse_addresses(port);
        join_groups(port, &rows[i], security_groups, addressed);
        changed = changed || port->is_new;
    }
    HMAP_FOR_EACH_SAFE (port, by_row, &ports->by_row) {
        if (port->seen)
            continue;
        mark_members_changed(port, security_groups);
        port_free(ports, port);
        changed = true;
    }
    return changed;
}

/* What is wrong with the port's own row, worst first, or NULL. The caller frees it. */
static char *first_error(const struct logical_port *port)
{
    if (port->n_groups != port->n_group_rows)
        return xstrdup("a security group of the port does not exist");
    return port->address_error != NULL ? xstrdup(port->address_error) : NULL;
}

/* What is wrong with the groups of the port, which is not its own fault and does not close it; NULL: nothing. */
static const char *first_warning(const struct logical_port *port)
{
    for (size_t i = 0; i < port->n_groups; i++) {
        if (port->groups[i]->error != NULL)
            return port->groups[i]->error;
    }
    return NULL;
}

static bool cannot_be_built(const struct logical_port *port)
{
    bool no_addresses = port->allowed == NULL || (port->n_pairs == 0 && port->addresses.n > 0);

    return port->n_groups != port->n_group_rows || (port->port_security && no_addresses);
}

static bool policy_equal(const struct port_policy *a, const struct port_policy *b)
{
    return a->security == b->security && a->ingress == b->ingress && a->egress == b->egress &&
           a->disabled == b->disabled && a->broken == b->broken;
}

/* The policy that the port ought to have, with references. '*sets_changed': one that its rules name has other
 * members. */
static struct port_policy derive(struct logical_port *port, struct hmap *shared_policies, uint64_t pass,
                                 bool *sets_changed)
{
    struct port_policy policy = {.disabled = !port->enabled, .broken = cannot_be_built(port)};

    if (port->port_security && port->allowed != NULL)
        policy.security = port_security_ref(port->allowed);
    port->n_rules = 0;
    *sets_changed = false;
    if (port->n_groups == 0)
        return policy;

    struct shared_policy *ingress =
        shared_policies_get(shared_policies, port->groups, port->n_groups, RULE_INGRESS, pass);
    struct shared_policy *egress =
        shared_policies_get(shared_policies, port->groups, port->n_groups, RULE_EGRESS, pass);

    port->n_rules = ingress->n_rules + egress->n_rules;
    *sets_changed = ingress->sets_changed || egress->sets_changed;
    if (ingress->chain == NULL || egress->chain == NULL) {
        policy.broken = true;
        return policy;
    }
    policy.ingress = policy_chain_ref(ingress->chain);
    policy.egress = policy_chain_ref(egress->chain);
    return policy;
}

static void note_error(struct logical_port *port, bool is_broken)
{
    char *error = first_error(port);

    if (error == NULL && is_broken)
        error = xstrdup("not enough memory for the port's policy");
    if (text_assign(&port->error, error) && is_broken)
        VLOG_WARN_RL(&bad_rows, "logical port %s is closed: %s", port->name, error);
    free(error);
    text_assign(&port->warning, first_warning(port));
}

bool logical_ports_decide(struct logical_ports *ports, struct hmap *shared_policies, uint64_t pass)
{
    struct logical_port *port;
    bool changed = false;

    HMAP_FOR_EACH (port, by_row, &ports->by_row) {
        bool sets_changed;
        struct port_policy policy = derive(port, shared_policies, pass, &sets_changed);
        bool differs = !policy_equal(&policy, &port->policy);

        port_policy_unref(&port->policy);
        port->policy = policy;
        note_error(port, policy.broken);
        if (differs || sets_changed || port->version == 0) {
            port->version = ++ports->last_version;
            changed = true;
        }
    }
    return changed;
}
