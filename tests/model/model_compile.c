// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_compile.h"

#include <stdlib.h>

#include "acl/policy_chain.h"

static int compare(const void *a, const void *b)
{
    return model_acl_compare(a, b);
}

/* The rows of one tier in order of precedence; NULL: there are none. */
static struct policy *compile_tier(const struct model_acls *acls, unsigned int tier, enum rule_direction direction,
                                   bool audit)
{
    struct model_acl rows[MODEL_ACLS];
    struct rule rules[MODEL_ACLS];
    size_t n = 0;

    for (size_t i = 0; i < acls->n; i++) {
        const struct model_acl *row = &acls->rows[i];

        if (row->tier == tier && row->rule.direction == direction && (audit || !row->audit))
            rows[n++] = *row;
    }
    if (n == 0)
        return NULL;
    qsort(rows, n, sizeof rows[0], compare);
    for (size_t i = 0; i < n; i++)
        rules[i] = rows[i].rule;
    return policy_compile(rules, n);
}

/* Stateful groups come first. */
static struct policy *compile_groups(const struct model_policies *policies, uint32_t groups,
                                     enum rule_direction direction)
{
    struct rule rules[MODEL_GROUPS * MODEL_RULES];
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
            const struct model_group *group = &policies->groups[g];

            if ((groups >> g & 1) == 0 || group->stateful != (pass == 0))
                continue;
            for (size_t i = 0; i < group->n; i++) {
                if (group->rules[i].direction == direction)
                    rules[n++] = group->rules[i];
            }
        }
    }
    return policy_compile(rules, n);
}

/* NULL: nothing polices that direction. */
static struct policy_chain *compile_chain(const struct model_policies *policies, const struct model_acls *acls,
                                          uint32_t groups, enum rule_direction direction, bool audit)
{
    struct policy *tiers[POLICY_TIERS_MAX];
    struct policy_rule default_rule = {.action = RULE_DENY};
    struct policy_chain *chain = NULL;
    struct policy *of_groups = NULL;
    size_t n = 0;

    for (unsigned int tier = 0; tier < POLICY_TIERS_MAX; tier++) {
        tiers[n] = compile_tier(acls, tier, direction, audit);
        n += tiers[n] != NULL;
    }
    if (groups != 0) {
        default_rule.id = policies->groups[__builtin_ctz(groups)].default_rule;
        of_groups = compile_groups(policies, groups, direction);
    }
    if (n > 0 || of_groups != NULL)
        chain = policy_chain_create(tiers, n, of_groups, &default_rule);
    for (size_t i = 0; i < n; i++)
        policy_unref(tiers[i]);
    policy_unref(of_groups);
    return chain;
}

static bool has_audit_acl(const struct model_acls *acls, enum rule_direction direction)
{
    for (size_t i = 0; i < acls->n; i++) {
        if (acls->rows[i].audit && acls->rows[i].rule.direction == direction)
            return true;
    }
    return false;
}

static struct port_security *compile_security(const struct model_port *port, uint32_t guest)
{
    struct port_security_pair pair = {.mac = model_mac(guest)};

    if (port->security_v4)
        pair.ips[pair.n_ips++] = (struct inet_prefix){model_address(guest, false), 128};
    if (port->security_v6)
        pair.ips[pair.n_ips++] = (struct inet_prefix){model_address(guest, true), 128};
    return port_security_create(&pair, 1);
}

struct port_policy model_compile_port(const struct model_policies *policies, uint32_t guest)
{
    const struct model_port *port = &policies->ports[guest];
    struct port_policy policy = {.disabled = port->disabled, .broken = port->broken};
    uint32_t enforced = port->groups;

    for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
        if (policies->groups[g].audit)
            enforced &= ~(1u << g);
    }
    policy.ingress = compile_chain(policies, &port->acls, enforced, RULE_INGRESS, false);
    policy.egress = compile_chain(policies, &port->acls, enforced, RULE_EGRESS, false);
    if (enforced != port->groups || has_audit_acl(&port->acls, RULE_INGRESS))
        policy.ingress_audit = compile_chain(policies, &port->acls, port->groups, RULE_INGRESS, true);
    if (enforced != port->groups || has_audit_acl(&port->acls, RULE_EGRESS))
        policy.egress_audit = compile_chain(policies, &port->acls, port->groups, RULE_EGRESS, true);
    if (port->security)
        policy.security = compile_security(port, guest);
    return policy;
}

bool model_compile_network(const struct model_policies *policies, uint16_t vlan, struct zone_policy *policy)
{
    const struct model_acls *acls = &policies->networks[vlan != 0];

    *policy = (struct zone_policy){
        .ingress = compile_chain(policies, acls, 0, RULE_INGRESS, false),
        .egress = compile_chain(policies, acls, 0, RULE_EGRESS, false),
    };
    if (has_audit_acl(acls, RULE_INGRESS))
        policy->ingress_audit = compile_chain(policies, acls, 0, RULE_INGRESS, true);
    if (has_audit_acl(acls, RULE_EGRESS))
        policy->egress_audit = compile_chain(policies, acls, 0, RULE_EGRESS, true);
    return acls->n > 0;
}

struct addr_set *model_compile_set(uint32_t members)
{
    struct inet_prefix prefixes[2 * MODEL_GUESTS];
    size_t n = 0;

    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        if ((members >> guest & 1) == 0)
            continue;
        prefixes[n++] = (struct inet_prefix){model_address(guest, false), 128};
        prefixes[n++] = (struct inet_prefix){model_address(guest, true), 128};
    }
    return addr_set_create(prefixes, n);
}
