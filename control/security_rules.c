// SPDX-License-Identifier: Apache-2.0
#include "control/security_rules.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "control/acl_networks.h"
#include "control/address_groups.h"
#include "control/address_sets.h"
#include "control/logical_ports.h"
#include "control/policy_work.h"
#include "control/security_groups.h"
#include "control/shared_chains.h"
#include "control/text_list.h"

VLOG_DEFINE_THIS_MODULE(security_rules);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

void security_rules_init(struct security_rules *rules, struct rule_ids *ids)
{
    hmap_init(&rules->by_row);
    rules->ids = ids;
}

static void rule_free(struct security_rules *rules, struct security_rule *rule)
{
    hmap_remove(&rules->by_row, &rule->by_row);
    rule_ids_give(rules->ids, &rule->id);
    hmapx_destroy(&rule->groups);
    hmapx_destroy(&rule->ports);
    hmapx_destroy(&rule->networks);
    hmapx_destroy(&rule->chains);
    free(rule->name);
    free(rule->text);
    free(rule->fault);
    free(rule->error);
    free(rule);
}

void security_rules_destroy(struct security_rules *rules)
{
    struct security_rule *rule;

    HMAP_FOR_EACH_SAFE (rule, by_row, &rules->by_row) {
        rule_free(rules, rule);
    }
    hmap_destroy(&rules->by_row);
}

struct security_rule *security_rules_find(const struct security_rules *rules, const struct uuid *row)
{
    struct security_rule *rule;

    HMAP_FOR_EACH_WITH_HASH (rule, by_row, uuid_hash(row), &rules->by_row) {
        if (uuid_equals(&rule->row, row))
            return rule;
    }
    return NULL;
}

struct security_rule *security_rules_use(struct security_rules *rules, const struct uuid *row)
{
    struct security_rule *rule = security_rules_find(rules, row);

    if (rule != NULL)
        return rule;
    rule = xzalloc(sizeof *rule);
    rule->row = *row;
    rule->id.rule = rule;
    hmapx_init(&rule->groups);
    hmapx_init(&rule->ports);
    hmapx_init(&rule->networks);
    hmapx_init(&rule->chains);
    ovs_list_init(&rule->work);
    ovs_list_init(&rule->unused);
    hmap_insert(&rules->by_row, &rule->by_row, uuid_hash(row));
    return rule;
}

void security_rules_leave(struct security_rule *rule, struct policy_work *work)
{
    policy_work_add(&work->unused_rules, &rule->unused);
}

bool security_rule_equal(const struct rule *a, const struct rule *b)
{
    return a->action == b->action && a->log == b->log && a->direction == b->direction && a->family == b->family &&
           a->protocol == b->protocol && a->port_min == b->port_min && a->port_max == b->port_max &&
           a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code && a->remote == b->remote && a->set == b->set &&
           (a->remote != RULE_REMOTE_PREFIX ||
            (inet_addr_equal(&a->prefix.addr, &b->prefix.addr) && a->prefix.len == b->prefix.len)) &&
           a->conditions == b->conditions && inet_addr_equal(&a->local.addr, &b->local.addr) &&
           a->local.len == b->local.len && a->src_port_min == b->src_port_min && a->src_port_max == b->src_port_max &&
           memcmp(&a->src_mac, &b->src_mac, sizeof a->src_mac) == 0 &&
           memcmp(&a->dst_mac, &b->dst_mac, sizeof a->dst_mac) == 0 && a->ethertype == b->ethertype &&
           a->vlan == b->vlan && a->tcp_flags == b->tcp_flags && a->tcp_mask == b->tcp_mask && a->dscp == b->dscp;
}

/* '*out' and NULL, or a sentence that the caller frees. */
static char *compile(const struct rule_row *row, const struct security_rule_remote *remote, struct acl_rule *out)
{
    struct acl_columns columns = row->columns;
    char *error = NULL;
    int rc;

    if (remote->error != NULL)
        return xstrdup(remote->error);
    columns.rule.has_set = remote->set != NULL;
    columns.rule.set = remote->set != NULL ? remote->set->number : 0;
    rc = row->is_acl ? acl_rule_from_columns(&columns, out, &error)
                     : rule_from_columns(&columns.rule, &out->rule, &error);
    if (rc != 0 && error == NULL)
        error = xstrdup("rule cannot be read");
    return error;
}

static bool acl_equal(const struct acl_rule *a, const struct acl_rule *b)
{
    return a->tier == b->tier && a->priority == b->priority && a->audit == b->audit &&
           security_rule_equal(&a->rule, &b->rule);
}

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

/* What matters of an ACL that cannot be read: whether more passes without it. One that passes keeps what it matches from
 * those that allow with a lower priority. */
static bool takes_away(const struct rule_row *row)
{
    const char *action = row->columns.action;

    return row->is_acl && !is_text(row->columns.mode, "audit") && !is_text(action, "allow") &&
           !is_text(action, "allow-stateless");
}

void security_rules_set(struct security_rules *rules, struct security_rule *rule, const struct rule_row *row,
                        const struct security_rule_remote *remote, struct policy_work *work)
{
    struct acl_rule compiled = {.rule = {.action = RULE_ALLOW}};
    char *fault = compile(row, remote, &compiled);
    bool closes = takes_away(row);
    bool is_different = text_assign(&rule->name, row->name) || rule->closes != closes || !rule->present;

    rule->is_acl = row->is_acl;
    rule->closes = closes;
    if (rule->id.id == 0)
        rule_ids_take(rules->ids, &rule->id);
    compiled.rule.log = row->log;
    if (fault == NULL && !acl_equal(&rule->what, &compiled)) {
        rule->what = compiled;
        rule->recompiled = true;
    }
    if (text_assign(&rule->fault, fault) || is_different || rule->recompiled)
        policy_work_add(&work->rules, &rule->work);
    rule->present = true;
    rule->seen = work->pass;
    free(fault);
}

void security_rules_remove(struct security_rule *rule, struct policy_work *work)
{
    rule->present = false;
    policy_work_add(&work->rules, &rule->work);
    policy_work_add(&work->unused_rules, &rule->unused);
}

static const char *reason_to_refuse(const struct security_rule *rule)
{
    if (rule->remote_group != NULL && !rule->remote_group->present)
        return "remote_group names a group that does not exist";
    if (rule->remote_addresses != NULL && !rule->remote_addresses->present)
        return "remote_addresses names an address group that does not exist";
    if (rule->closes && rule->remote_addresses != NULL && rule->remote_addresses->error != NULL)
        return rule->remote_addresses->error;
    if (rule->id.id == 0)
        return "too many rules";
    return rule->fault;
}

/* Sessions that the rule let in while it was another have to end if a group wants that. */
static void end_sessions(const struct security_rule *rule, struct policy_work *work)
{
    const struct hmapx_node *node;
    bool flush = false;

    HMAPX_FOR_EACH (node, &rule->groups)
        flush = flush || ((struct security_group *)node->data)->on_change == RULE_FLUSH;
    if (flush)
        policy_work_end_sessions(work, rule->id.id);
}

static void tell_owners(const struct security_rule *rule, struct policy_work *work)
{
    struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &rule->groups)
        policy_work_add(&work->groups, &((struct security_group *)node->data)->work);
    HMAPX_FOR_EACH (node, &rule->chains)
        policy_work_add(&work->chains, &((struct shared_chain *)node->data)->work);
    HMAPX_FOR_EACH (node, &rule->ports)
        policy_work_add(&work->ports, &((struct logical_port *)node->data)->work);
    HMAPX_FOR_EACH (node, &rule->networks)
        policy_work_add(&work->networks, &((struct acl_network *)node->data)->work);
}

void security_rules_work(struct security_rule *rule, struct policy_work *work)
{
    const char *error = rule->present ? reason_to_refuse(rule) : NULL;
    bool in_force = rule->present && error == NULL;

    if (text_assign(&rule->error, error) && error != NULL)
        VLOG_WARN_RL(&bad_rows, "%s %s is not in force: %s", rule->is_acl ? "ACL" : "rule", security_rule_text(rule),
                     error);
    if (rule->in_force && (!in_force || rule->recompiled))
        end_sessions(rule, work);
    if (in_force != rule->in_force || rule->recompiled)
        rule->changed = work->pass;
    rule->in_force = in_force;
    rule->recompiled = false;
    tell_owners(rule, work);
}

void security_rules_sweep(struct security_rules *rules, struct policy_work *work)
{
    struct ovs_list *node;

    while ((node = policy_work_next(&work->unused_rules)) != NULL) {
        struct security_rule *rule = CONTAINER_OF(node, struct security_rule, unused);

        if (!rule->present && hmapx_is_empty(&rule->groups) && hmapx_is_empty(&rule->ports) &&
            hmapx_is_empty(&rule->networks) && hmapx_is_empty(&rule->chains)) {
            policy_work_forget(&rule->work);
            rule_free(rules, rule);
        }
    }
}

static const char *owner_name(const struct security_rule *rule)
{
    const struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &rule->groups)
        return ((struct security_group *)node->data)->name;
    HMAPX_FOR_EACH (node, &rule->ports)
        return ((struct logical_port *)node->data)->name;
    HMAPX_FOR_EACH (node, &rule->networks)
        return ((struct acl_network *)node->data)->name;
    return NULL;
}

const char *security_rule_text(struct security_rule *rule)
{
    const char *owner = owner_name(rule);

    free(rule->text);
    if (owner == NULL)
        owner = "-";
    if (rule->name != NULL && rule->name[0] != '\0')
        rule->text = xasprintf("%s/%s", owner, rule->name);
    else
        rule->text = xasprintf("%s/%08x", owner, rule->row.parts[0]); /* the UUID's first group of digits */
    return rule->text;
}
