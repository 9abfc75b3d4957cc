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
#include "control/policy_work.h"
#include "control/security_groups.h"
#include "control/security_rules.h"
#include "control/session_settings.h"
#include "control/shared_chains.h"

VLOG_DEFINE_THIS_MODULE(logical_ports);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

void logical_ports_init(struct logical_ports *ports)
{
    hmap_init(&ports->by_row);
    hmap_init(&ports->by_name);
    timeout_sets_init(&ports->timeouts);
    ports->last_version = 0;
}

static void port_free(struct logical_ports *ports, struct logical_port *port)
{
    hmap_remove(&ports->by_row, &port->by_row);
    hmap_remove(&ports->by_name, &port->by_name);
    port_policy_unref(&port->policy);
    port_security_unref(port->allowed);
    timeout_sets_leave(&ports->timeouts, port->timeouts);
    text_list_clear(&port->addresses);
    prefix_list_clear(&port->members);
    free(port->address_error);
    free(port->interface);
    free(port->session_error);
    free(port->groups);
    free(port->acls.acls);
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
    timeout_sets_destroy(&ports->timeouts);
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

static struct hmapx *port_owners(struct security_rule *acl)
{
    return &acl->ports;
}

/* The addresses of the port's groups are to be gathered again. */
static void note_members(const struct logical_port *port, struct policy_work *work)
{
    for (size_t i = 0; i < port->n_groups; i++) {
        if (port->groups[i]->set != NULL)
            policy_work_add(&work->members, &port->groups[i]->gathered);
    }
}

static bool same_groups(const struct logical_port *port, const struct uuid *ids, size_t n)
{
    if (port->n_groups != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!uuid_equals(&port->groups[i]->row, &ids[i]))
            return false;
    }
    return true;
}

static void leave_groups(struct logical_port *port, struct policy_work *work)
{
    note_members(port, work);
    for (size_t i = 0; i < port->n_groups; i++) {
        hmapx_find_and_delete(&port->groups[i]->ports, port);
        security_groups_leave(port->groups[i], work);
    }
    free(port->groups);
    port->groups = NULL;
    port->n_groups = 0;
}

/* True when the groups are others than before. */
static bool join_groups(struct logical_port *port, const struct port_row *row, struct security_groups *groups,
                        struct policy_work *work)
{
    struct uuid *ids = row->n_groups > 0 ? xmemdup(row->groups, row->n_groups * sizeof *ids) : NULL;
    size_t n = uuids_normalise(ids, row->n_groups);
    bool same = same_groups(port, ids, n);

    if (!same) {
        leave_groups(port, work);
        port->groups = n > 0 ? xmalloc(n * sizeof(struct security_group *)) : NULL;
        port->n_groups = n;
        for (size_t i = 0; i < n; i++) {
            port->groups[i] = security_groups_use(groups, &ids[i]);
            hmapx_add(&port->groups[i]->ports, port);
        }
        note_members(port, work);
    }
    free(ids);
    return !same;
}

static struct logical_port *port_of_row(struct logical_ports *ports, const struct port_row *row, bool *is_new)
{
    struct logical_port *port = logical_ports_find(ports, &row->id);

    *is_new = true;
    if (port == NULL) {
        port = xzalloc(sizeof *port);
        port->row = row->id;
        ovs_list_init(&port->work);
        ovs_list_init(&port->status);
        hmap_insert(&ports->by_row, &port->by_row, uuid_hash(&row->id));
    } else if (strcmp(port->name, row->name) == 0) {
        *is_new = false;
        return port;
    } else {
        hmap_remove(&ports->by_name, &port->by_name);
    }
    text_assign(&port->name, row->name);
    hmap_insert(&ports->by_name, &port->by_name, hash_string(port->name, 0));
    return port;
}

/* True when the port's sessions are to be treated in another way. */
static bool take_sessions(struct logical_ports *ports, struct logical_port *port, const struct port_row *row)
{
    struct session_limits before = port->limits;
    bool had_pick_up = port->has_pick_up;
    struct session_settings settings;
    struct timeout_set *timeouts = NULL;

    session_settings_read(&settings, row->conntrack);
    if (settings.has_timeouts)
        timeouts = timeout_sets_use(&ports->timeouts, &settings.timeouts);
    if (settings.has_timeouts && timeouts == NULL && settings.error == NULL)
        settings.error = xstrdup("conntrack: too many different sets of timeouts");
    timeout_sets_leave(&ports->timeouts, port->timeouts);
    port->timeouts = timeouts;
    port->limits = settings.limits;
    port->limits.timeouts = timeouts != NULL ? timeouts->number : 0;
    port->limits.pick_up = settings.pick_up;
    port->has_pick_up = settings.has_pick_up;

    bool changed = text_assign(&port->session_error, settings.error);

    free(settings.error);
    return changed || before.max != port->limits.max || before.half_open != port->limits.half_open ||
           before.timeouts != port->limits.timeouts || before.pick_up != port->limits.pick_up ||
           had_pick_up != port->has_pick_up;
}

void logical_ports_set(struct logical_ports *ports, const struct port_row *row, struct security_groups *groups,
                       struct security_rules *rules, struct policy_work *work)
{
    bool is_new;
    struct logical_port *port = port_of_row(ports, row, &is_new);
    bool addressed = text_list_assign(&port->addresses, row->addresses, row->n_addresses);
    bool changed = is_new || addressed || port->port_security != row->port_security || port->enabled != row->enabled;

    port->seen = work->pass;
    port->port_security = row->port_security;
    port->enabled = row->enabled;
    if (addressed || is_new) {
        parse_addresses(port);
        note_members(port, work);
    }
    changed = join_groups(port, row, groups, work) || changed;
    changed = acl_list_assign(&port->acls, row->acls, row->n_acls, rules, port_owners, port, work) || changed;
    changed = take_sessions(ports, port, row) || changed;
    if (changed)
        policy_work_add(&work->ports, &port->work);
    work->changed = work->changed || is_new;
    work->bindings_changed = work->bindings_changed || is_new;
}

static void leave_chains(struct logical_port *port, struct policy_work *work)
{
    for (int direction = 0; direction < 2; direction++) {
        struct shared_chain *chain = port->chains[direction];

        port->chains[direction] = NULL;
        if (chain == NULL)
            continue;
        hmapx_find_and_delete(&chain->ports, port);
        shared_chains_leave(chain, work);
    }
}

void logical_ports_remove(struct logical_ports *ports, struct logical_port *port, struct policy_work *work)
{
    leave_groups(port, work);
    acl_list_clear(&port->acls, port_owners, port, work);
    leave_chains(port, work);
    policy_work_forget(&port->work);
    policy_work_forget(&port->status);
    port_free(ports, port);
    work->changed = true;
}

static bool lacks_group(const struct logical_port *port)
{
    for (size_t i = 0; i < port->n_groups; i++) {
        if (!port->groups[i]->present)
            return true;
    }
    return false;
}

/* What is wrong with the port's own row, worst first, or NULL. The caller frees it. */
static char *first_error(const struct logical_port *port)
{
    if (lacks_group(port))
        return xstrdup("a security group of the port does not exist");
    if (acl_list_breaking(&port->acls) != NULL || port->address_error == NULL) {
        char *error = acl_list_error(&port->acls);

        if (error != NULL)
            return error;
    }
    return nullable_xstrdup(port->address_error != NULL ? port->address_error : port->session_error);
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

    return lacks_group(port) || acl_list_breaking(&port->acls) != NULL || (port->port_security && no_addresses);
}

static bool policy_equal(const struct port_policy *a, const struct port_policy *b)
{
    return a->security == b->security && a->ingress == b->ingress && a->egress == b->egress &&
           a->ingress_audit == b->ingress_audit && a->egress_audit == b->egress_audit &&
           a->limits.max == b->limits.max && a->limits.half_open == b->limits.half_open &&
           a->limits.timeouts == b->limits.timeouts && a->limits.pick_up == b->limits.pick_up &&
           a->disabled == b->disabled && a->broken == b->broken;
}

/* Enters the chains that the port ought to have. True when a set that their rules name has other members. */
static bool join_chains(struct logical_port *port, struct shared_chains *chains, struct policy_work *work)
{
    bool sets_changed = false;

    for (int direction = 0; direction < 2; direction++) {
        struct shared_chain *before = port->chains[direction];
        struct shared_chain *chain = shared_chains_get(chains, (enum rule_direction)direction, port->acls.acls,
                                                       port->acls.n, port->groups, port->n_groups, work);

        port->chains[direction] = chain;
        if (chain != NULL) {
            hmapx_add(&chain->ports, port);
            sets_changed = sets_changed || chain->sets_changed == work->pass;
            port->n_rules += chain->n_rules;
        }
        if (before != NULL && before != chain) {
            hmapx_find_and_delete(&before->ports, port);
            shared_chains_leave(before, work);
        }
    }
    return sets_changed;
}

static struct policy_chain *ref_or_null(struct policy_chain *chain)
{
    return chain != NULL ? policy_chain_ref(chain) : NULL;
}

/* The policy that follows from the port's chains, with references. */
static struct port_policy derive(const struct logical_port *port, bool pick_up)
{
    const struct shared_chain *ingress = port->chains[RULE_INGRESS];
    const struct shared_chain *egress = port->chains[RULE_EGRESS];
    struct port_policy policy = {.disabled = !port->enabled, .broken = cannot_be_built(port), .limits = port->limits};

    if (!port->has_pick_up)
        policy.limits.pick_up = pick_up;
    if (port->port_security && port->allowed != NULL)
        policy.security = port_security_ref(port->allowed);
    if (ingress != NULL) {
        policy.ingress = ref_or_null(ingress->enforced.chain);
        policy.ingress_audit = ref_or_null(ingress->audit.chain);
        policy.broken = policy.broken || ingress->failed;
    }
    if (egress != NULL) {
        policy.egress = ref_or_null(egress->enforced.chain);
        policy.egress_audit = ref_or_null(egress->audit.chain);
        policy.broken = policy.broken || egress->failed;
    }
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

void logical_ports_work(struct logical_ports *ports, struct logical_port *port, struct shared_chains *chains,
                        struct policy_work *work)
{
    struct port_policy policy;
    bool sets_changed;
    bool differs;

    port->n_rules = 0;
    sets_changed = join_chains(port, chains, work);
    policy = derive(port, work->pick_up);
    differs = !policy_equal(&policy, &port->policy);
    port_policy_unref(&port->policy);
    port->policy = policy;
    note_error(port, policy.broken);
    policy_work_add(&work->statuses, &port->status);
    if (differs || sets_changed || port->version == 0) {
        port->version = ++ports->last_version;
        work->changed = true;
    }
}
