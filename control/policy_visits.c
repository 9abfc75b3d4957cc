// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <stdio.h>
#include <stdlib.h>

#include <openvswitch/util.h>
#include <util.h>

#include "control/policies_private.h"
#include "control/shared_policies.h"

#define STAGE_LEN 160 /* a longer name is cut short */

/* A visit under way. */
struct visit {
    const struct policies *policies;
    policies_visit_rule *rule;
    void *aux;
    char stage[STAGE_LEN];
};

static const char *default_text(struct security_group *group)
{
    static char *text;

    free(text);
    text = xasprintf("%s/default", group->name);
    return text;
}

const char *policies_rule_name(const struct policies *policies, uint32_t rule_id)
{
    const struct rule_id *id = rule_ids_find(&policies->ids, rule_id);

    if (id == NULL)
        return NULL;
    return id->rule != NULL ? security_rule_text(id->rule) : default_text(id->group);
}

static void show(const struct visit *visit, const struct rule *rule, bool is_audit, bool is_default)
{
    const char *name = policies_rule_name(visit->policies, rule->id);
    struct effective_rule effective = {
        .stage = visit->stage,
        .name = name != NULL ? name : "-",
        .rule = rule,
        .audit = is_audit,
        .is_default = is_default,
    };

    visit->rule(visit->aux, &effective);
}

static void show_policy(const struct visit *visit, const struct shared_policy *policy)
{
    for (size_t i = 0; i < policy->n_rules; i++)
        show(visit, &policy->rules[i], policy->audits[i], false);
}

static void show_default(const struct visit *visit, const struct policy_rule *refusal, enum rule_direction direction,
                         bool is_audit)
{
    struct rule rule = {.id = refusal->id, .action = RULE_DENY, .direction = direction};

    show(visit, &rule, is_audit, true);
}

/* The stages of a chain, with 'prefix' before their names. The form with rows in audit mode holds those that are enforced,
 * too, in their places. */
static void show_chain(struct visit *visit, const char *prefix, const struct shared_chain *chain)
{
    bool audited = chain->audit.n_tiers > 0 || chain->audit.groups != NULL;
    const struct chain_form *form = audited ? &chain->audit : &chain->enforced;

    for (size_t i = 0; i < form->n_tiers; i++) {
        snprintf(visit->stage, sizeof visit->stage, "%stier %d", prefix, form->tiers[i]->key.tier);
        show_policy(visit, form->tiers[i]);
    }
    if (form->groups == NULL)
        return;
    snprintf(visit->stage, sizeof visit->stage, "%sgroups", prefix);
    show_policy(visit, form->groups);
    if (chain->enforced.groups != NULL)
        show_default(visit, &chain->enforced.default_rule, chain->direction, false);
    else
        show_default(visit, &form->default_rule, chain->direction, true);
}

static const struct acl_network *network_of(const struct policies *policies, uint32_t zone)
{
    const struct acl_network *network;

    HMAP_FOR_EACH (network, node, &policies->networks.by_row) {
        if (zone != 0 && network->zone == zone)
            return network;
    }
    return NULL;
}

static void show_network(struct visit *visit, const struct acl_network *network, enum rule_direction direction)
{
    char prefix[STAGE_LEN / 2];

    snprintf(prefix, sizeof prefix, "network %s ", network->name);
    if (network->shut != NULL) {
        snprintf(visit->stage, sizeof visit->stage, "%sgroups", prefix);
        show_default(visit, policy_chain_default(network->shut), direction, false);
    } else if (network->chains[direction] != NULL) {
        show_chain(visit, prefix, network->chains[direction]);
    }
}

bool policies_visit_port(const struct policies *policies, const char *logical_port, uint32_t zone,
                         enum rule_direction direction, policies_visit_rule *rule, void *aux)
{
    const struct logical_port *port = logical_ports_find_name(&policies->ports, logical_port);
    struct visit visit = {.policies = policies, .rule = rule, .aux = aux};
    const struct acl_network *network = network_of(policies, zone);

    if (port == NULL)
        return false;
    if (network != NULL)
        show_network(&visit, network, direction);
    if (port->chains[direction] != NULL)
        show_chain(&visit, "", port->chains[direction]);
    return true;
}

static void show_acls(struct visit *visit, const char *owner, const char *name, const struct acl_list *acls)
{
    for (size_t i = 0; i < acls->n; i++) {
        const struct security_rule *acl = acls->acls[i];
        struct rule rule = acl->what.rule;

        if (!acl->in_force)
            continue;
        rule.id = acl->id.id;
        snprintf(visit->stage, sizeof visit->stage, "%s %s tier %u", owner, name, acl->what.tier);
        show(visit, &rule, acl->what.audit, false);
    }
}

static void show_group(struct visit *visit, const struct security_group *group)
{
    snprintf(visit->stage, sizeof visit->stage, "group %s", group->name);
    for (size_t i = 0; i < group->n_in_force; i++) {
        struct rule rule = group->in_force[i]->what.rule;

        rule.id = group->in_force[i]->id.id;
        rule.action = group->stateful ? RULE_ALLOW : RULE_ALLOW_STATELESS;
        rule.on_change = group->on_change;
        show(visit, &rule, group->is_audit, false);
    }
    for (int direction = RULE_INGRESS; direction <= RULE_EGRESS; direction++) {
        struct policy_rule refusal = {.id = group->default_ids[direction].id};

        show_default(visit, &refusal, (enum rule_direction)direction, group->is_audit);
    }
}

void policies_visit_all(const struct policies *policies, policies_visit_rule *rule, void *aux)
{
    struct visit visit = {.policies = policies, .rule = rule, .aux = aux};
    const struct security_group *group;
    const struct acl_network *network;
    const struct logical_port *port;

    HMAP_FOR_EACH (network, node, &policies->networks.by_row) {
        show_acls(&visit, "network", network->name, &network->acls);
    }
    HMAP_FOR_EACH (port, by_row, &policies->ports.by_row) {
        show_acls(&visit, "port", port->name, &port->acls);
    }
    HMAP_FOR_EACH (group, node, &policies->groups.by_row) {
        if (group->present)
            show_group(&visit, group);
    }
}
