// SPDX-License-Identifier: Apache-2.0
#include "acl/policy_chain.h"

#include <stdatomic.h>
#include <stdlib.h>

struct policy_chain {
    atomic_uint refs;
    bool looks_at_packet;
    bool keeps_state;
    size_t n_tiers;
    struct policy *tiers[POLICY_TIERS_MAX];
    struct policy *groups;
    struct policy_rule default_rule;
};

struct policy_chain *policy_chain_create(struct policy *const *tiers, size_t n, struct policy *groups,
                                         const struct policy_rule *default_rule)
{
    struct policy_chain *chain = calloc(1, sizeof *chain);

    if (chain == NULL)
        return NULL;
    atomic_init(&chain->refs, 1);
    chain->n_tiers = n;
    for (size_t i = 0; i < n; i++) {
        chain->tiers[i] = policy_ref(tiers[i]);
        chain->looks_at_packet |= policy_looks_at_packet(tiers[i]);
        chain->keeps_state |= policy_keeps_state(tiers[i]);
    }
    if (groups != NULL) {
        chain->groups = policy_ref(groups);
        chain->looks_at_packet |= policy_looks_at_packet(groups);
        chain->keeps_state |= policy_keeps_state(groups);
        chain->default_rule = *default_rule;
    }
    return chain;
}

struct policy_chain *policy_chain_ref(struct policy_chain *chain)
{
    atomic_fetch_add_explicit(&chain->refs, 1, memory_order_relaxed);
    return chain;
}

void policy_chain_unref(struct policy_chain *chain)
{
    if (chain == NULL || atomic_fetch_sub_explicit(&chain->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < chain->n_tiers; i++)
        policy_unref(chain->tiers[i]);
    policy_unref(chain->groups);
    free(chain);
}

const struct policy_rule *policy_chain_decide(const struct policy_chain *chain, const struct addr_sets *sets,
                                              const struct rule_query *query)
{
    const struct policy_rule *rule;

    if (chain == NULL)
        return NULL;
    for (size_t i = 0; i < chain->n_tiers; i++) {
        rule = policy_match(chain->tiers[i], sets, query);
        if (rule != NULL && rule->action != RULE_PASS)
            return rule;
    }
    if (chain->groups == NULL)
        return NULL;
    rule = policy_match(chain->groups, sets, query);
    return rule != NULL ? rule : &chain->default_rule;
}

bool policy_chain_looks_at_packet(const struct policy_chain *chain)
{
    return chain != NULL && chain->looks_at_packet;
}

bool policy_chain_keeps_state(const struct policy_chain *chain)
{
    return chain != NULL && chain->keeps_state;
}

size_t policy_chain_tier_count(const struct policy_chain *chain)
{
    return chain->n_tiers;
}

const struct policy *policy_chain_tier(const struct policy_chain *chain, size_t i)
{
    return chain->tiers[i];
}

const struct policy *policy_chain_groups(const struct policy_chain *chain)
{
    return chain->groups;
}

const struct policy_rule *policy_chain_default(const struct policy_chain *chain)
{
    return &chain->default_rule;
}
