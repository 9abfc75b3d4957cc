// SPDX-License-Identifier: Apache-2.0
#include "control/shared_policies.h"

#include <stdlib.h>

#include <hash.h>
#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "acl/policy_chain.h"
#include "control/address_sets.h"
#include "control/security_groups.h"

/* The rules of some groups in one direction, each once, by id. */
struct rule_list {
    struct security_rule **rules;
    size_t n;
};

static uint32_t key_hash(struct security_group *const *groups, size_t n, enum rule_direction direction)
{
    uint32_t hash = hash_int(direction, 0);

    for (size_t i = 0; i < n; i++)
        hash = hash_int(uuid_hash(&groups[i]->row), hash);
    return hash;
}

static bool key_equal(const struct shared_policy *policy, struct security_group *const *groups, size_t n,
                      enum rule_direction direction)
{
    if (policy->direction != direction || policy->n_groups != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!uuid_equals(&policy->groups[i], &groups[i]->row))
            return false;
    }
    return true;
}

static int rule_compare(const void *a_, const void *b_)
{
    const struct security_rule *const *a = a_;
    const struct security_rule *const *b = b_;

    return (*a)->rule.id < (*b)->rule.id ? -1 : (*a)->rule.id > (*b)->rule.id;
}

static struct rule_list gather(struct security_group *const *groups, size_t n_groups, enum rule_direction direction)
{
    struct rule_list list = {.rules = NULL, .n = 0};
    size_t most = 0;
    size_t n = 0;

    for (size_t i = 0; i < n_groups; i++)
        most += groups[i]->n_rules;
    if (most == 0)
        return list;
    list.rules = xmalloc(most * sizeof *list.rules);
    for (size_t i = 0; i < n_groups; i++) {
        for (size_t j = 0; j < groups[i]->n_rules; j++) {
            if (groups[i]->rules[j]->rule.direction == direction)
                list.rules[n++] = groups[i]->rules[j];
        }
    }
    qsort(list.rules, n, sizeof *list.rules, rule_compare);
    for (size_t i = 0; i < n; i++) {
        if (list.n == 0 || list.rules[list.n - 1] != list.rules[i])
            list.rules[list.n++] = list.rules[i];
    }
    return list;
}

static int set_compare(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct address_set *const *)a;
    uintptr_t y = (uintptr_t) * (struct address_set *const *)b;

    return x < y ? -1 : x > y;
}

static void gather_sets(struct shared_policy *policy, const struct rule_list *list)
{
    size_t n = 0;

    free(policy->sets);
    policy->sets = list->n > 0 ? xmalloc(list->n * sizeof(struct address_set *)) : NULL;
    policy->n_sets = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (list->rules[i]->set != NULL)
            policy->sets[n++] = list->rules[i]->set;
    }
    if (n > 1)
        qsort(policy->sets, n, sizeof(struct address_set *), set_compare);
    for (size_t i = 0; i < n; i++) {
        if (policy->n_sets == 0 || policy->sets[policy->n_sets - 1] != policy->sets[i])
            policy->sets[policy->n_sets++] = policy->sets[i];
    }
}

static bool is_built_from(const struct shared_policy *policy, const struct rule_list *list)
{
    if (policy->policy == NULL || policy->n_rules != list->n)
        return false;
    for (size_t i = 0; i < list->n; i++) {
        if (!security_rule_equal(&policy->rules[i], &list->rules[i]->rule))
            return false;
    }
    return true;
}

static void build(struct shared_policy *policy, struct security_group *const *groups)
{
    static const struct policy_rule refusal = {.action = RULE_DENY};
    struct rule_list list = gather(groups, policy->n_groups, policy->direction);

    gather_sets(policy, &list);
    if (!is_built_from(policy, &list)) {
        free(policy->rules);
        policy->rules = list.n > 0 ? xmalloc(list.n * sizeof *policy->rules) : NULL;
        policy->n_rules = list.n;
        for (size_t i = 0; i < list.n; i++)
            policy->rules[i] = list.rules[i]->rule;
        policy_unref(policy->policy);
        policy->policy = policy_compile(policy->rules, policy->n_rules);
        policy_chain_unref(policy->chain);
        policy->chain = policy->policy != NULL ? policy_chain_create(NULL, 0, policy->policy, &refusal) : NULL;
    }
    free(list.rules);
}

static struct shared_policy *find(const struct hmap *policies, struct security_group *const *groups, size_t n_groups,
                                  enum rule_direction direction, uint32_t hash)
{
    struct shared_policy *policy;

    HMAP_FOR_EACH_WITH_HASH (policy, node, hash, policies) {
        if (key_equal(policy, groups, n_groups, direction))
            return policy;
    }
    return NULL;
}

struct shared_policy *shared_policies_get(struct hmap *policies, struct security_group *const *groups, size_t n_groups,
                                          enum rule_direction direction, uint64_t pass)
{
    uint32_t hash = key_hash(groups, n_groups, direction);
    struct shared_policy *policy = find(policies, groups, n_groups, direction, hash);

    if (policy == NULL) {
        policy = xzalloc(sizeof *policy);
        policy->direction = direction;
        policy->n_groups = n_groups;
        policy->groups = xmalloc(n_groups * sizeof *policy->groups);
        for (size_t i = 0; i < n_groups; i++)
            policy->groups[i] = groups[i]->row;
        hmap_insert(policies, &policy->node, hash);
    } else if (policy->looked_at == pass) {
        return policy;
    }

    /* An entry that is still here was looked at in the pass before this one, so only this pass's changes count. */
    bool stale = policy->policy == NULL;

    policy->looked_at = pass;
    for (size_t i = 0; i < n_groups; i++)
        stale = stale || groups[i]->rules_changed == pass;
    if (stale)
        build(policy, groups);
    policy->sets_changed = false;
    for (size_t i = 0; i < policy->n_sets; i++)
        policy->sets_changed = policy->sets_changed || policy->sets[i]->changed;
    return policy;
}

static void shared_policy_free(struct hmap *policies, struct shared_policy *policy)
{
    hmap_remove(policies, &policy->node);
    policy_unref(policy->policy);
    policy_chain_unref(policy->chain);
    free(policy->groups);
    free(policy->rules);
    free(policy->sets);
    free(policy);
}

void shared_policies_sweep(struct hmap *policies, uint64_t pass)
{
    struct shared_policy *policy;

    HMAP_FOR_EACH_SAFE (policy, node, policies) {
        if (policy->looked_at != pass)
            shared_policy_free(policies, policy);
    }
}

void shared_policies_destroy(struct hmap *policies)
{
    struct shared_policy *policy;

    HMAP_FOR_EACH_SAFE (policy, node, policies) {
        shared_policy_free(policies, policy);
    }
    hmap_destroy(policies);
}
