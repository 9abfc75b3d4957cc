// SPDX-License-Identifier: Apache-2.0
#include "dataplane/side.h"

#include "acl/policy_chain.h"

/* The two chains of a side, asked in this order. */
struct chains {
    const struct policy_chain *network;
    const struct policy_chain *port;
};

static struct chains enforced_chains(const struct side *side)
{
    const struct port_policy *port = &side->attachment->policy;
    bool egress = side->direction == RULE_EGRESS;
    struct chains chains = {.port = egress ? port->egress : port->ingress};

    if (side->zone != NULL)
        chains.network = egress ? side->zone->egress : side->zone->ingress;
    return chains;
}

/* The same with the rows in audit mode, where there are any: '*any' tells. */
static struct chains audited_chains(const struct side *side, struct chains enforced, bool *any)
{
    const struct port_policy *port = &side->attachment->policy;
    bool egress = side->direction == RULE_EGRESS;
    struct policy_chain *of_port = egress ? port->egress_audit : port->ingress_audit;
    struct policy_chain *of_network = NULL;

    if (side->zone != NULL)
        of_network = egress ? side->zone->egress_audit : side->zone->ingress_audit;
    *any = of_port != NULL || of_network != NULL;
    return (struct chains){.network = of_network != NULL ? of_network : enforced.network,
                           .port = of_port != NULL ? of_port : enforced.port};
}

bool side_is_policed(const struct side *side)
{
    const struct zone_policy *zone = side->zone;

    if (side->attachment == NULL || !side->attachment->has_policy)
        return false;
    if (zone != NULL && (zone->ingress || zone->egress || zone->ingress_audit || zone->egress_audit))
        return true;
    return port_policy_polices(&side->attachment->policy);
}

static const struct policy_rule *chains_decide(struct chains chains, const struct addr_sets *sets,
                                               const struct rule_query *query)
{
    const struct policy_rule *rule = policy_chain_decide(chains.network, sets, query);

    return rule != NULL ? rule : policy_chain_decide(chains.port, sets, query);
}

static bool refuses(const struct policy_rule *rule)
{
    return rule != NULL && (rule->action == RULE_DENY || rule->action == RULE_REJECT);
}

/* What the rows in audit mode would have made of what is allowed. */
static void ask_audit(const struct side *side, struct chains enforced, const struct addr_sets *sets,
                      const struct rule_query *query, struct side_answer *answer)
{
    const struct policy_rule *rule;
    struct chains audited;
    bool any;

    audited = audited_chains(side, enforced, &any);
    if (!any)
        return;
    rule = chains_decide(audited, sets, query);
    if (refuses(rule)) {
        answer->audit_rule = rule->id;
        answer->audit_log = rule->log;
        answer->audit_by_default = audited.port != NULL && rule == policy_chain_default(audited.port);
    }
    answer->of_packet |= policy_chain_looks_at_packet(audited.network) || policy_chain_looks_at_packet(audited.port);
}

/* An IPv6 packet with an IPv4 address in IPv6 form (RFC 4942 2.2) matches no rule, so that it cannot pass for that host;
 * nor may it slip past rules that deny (packets that may have a session do not come this far: admission.c). */
static bool is_disguised(const struct rule_query *query)
{
    return query->family == RULE_IPV6 && (inet_addr_is_v4(&query->remote) || inet_addr_is_v4(&query->local));
}

void side_ask(const struct side *side, const struct addr_sets *sets, const struct rule_query *query,
              struct side_answer *answer)
{
    struct chains chains = enforced_chains(side);
    const struct policy_rule *rule = chains_decide(chains, sets, query);

    *answer = (struct side_answer){.action = RULE_ALLOW,
                                   .keeps_state = policy_chain_keeps_state(side->attachment->policy.ingress) ||
                                                  policy_chain_keeps_state(side->attachment->policy.egress),
                                   .of_packet = policy_chain_looks_at_packet(chains.network) ||
                                                policy_chain_looks_at_packet(chains.port)};
    if (is_disguised(query)) {
        answer->action = RULE_DENY;
    } else if (rule != NULL) {
        answer->action = rule->action;
        answer->on_change = rule->on_change;
        answer->rule = rule->id;
        answer->log = rule->log;
        answer->by_default = chains.port != NULL && rule == policy_chain_default(chains.port);
    }
    if (side_answer_allows(answer))
        ask_audit(side, chains, sets, query, answer);
}
