// SPDX-License-Identifier: Apache-2.0
#include "control/shared_policies.h"

#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/address_sets.h"
#include "control/policy_work.h"
#include "control/security_groups.h"
#include "control/security_rules.h"

/* A rule of a group or an ACL on its way into a policy. */
struct listed {
    const struct security_rule *row;
    struct rule rule; /* as the group makes it */
    bool is_audit;
};

struct listing {
    struct listed *rules;
    size_t n;
    size_t allocated;
};

static uint32_t key_hash(const struct shared_policy_key *key)
{
    uint32_t hash = hash_int((uint32_t)(key->tier + 1) << 2 | (uint32_t)key->direction << 1 | key->with_audit, 0);

    for (size_t i = 0; i < key->n; i++)
        hash = hash_pointer(key->tier < 0 ? (const void *)key->groups[i] : (const void *)key->acls[i], hash);
    return hash;
}

static const void *sources(const struct shared_policy_key *key)
{
    return key->tier < 0 ? (const void *)key->groups : (const void *)key->acls;
}

static bool key_equal(const struct shared_policy_key *a, const struct shared_policy_key *b)
{
    return a->direction == b->direction && a->tier == b->tier && a->with_audit == b->with_audit && a->n == b->n &&
           memcmp(sources(a), sources(b), a->n * sizeof(void *)) == 0;
}

static void list_rule(struct listing *listing, const struct security_rule *row, bool is_audit)
{
    struct listed *listed;

    if (listing->n == listing->allocated)
        listing->rules = x2nrealloc(listing->rules, &listing->allocated, sizeof *listing->rules);
    listed = &listing->rules[listing->n++];
    listed->row = row;
    listed->rule = row->what.rule;
    listed->rule.id = row->id.id;
    listed->is_audit = is_audit;
}

/* By id; the same rule of several groups: stateful ones first, because they win, then those that are enforced. */
static int id_order(const void *a_, const void *b_)
{
    const struct listed *a = a_;
    const struct listed *b = b_;

    if (a->rule.id != b->rule.id)
        return a->rule.id < b->rule.id ? -1 : 1;
    if (a->rule.action != b->rule.action)
        return a->rule.action < b->rule.action ? -1 : 1;
    return (int)a->is_audit - (int)b->is_audit;
}

/* Stateful ones first, because they win. */
static int action_order(const void *a_, const void *b_)
{
    const struct listed *a = a_;
    const struct listed *b = b_;

    if (a->rule.action != b->rule.action)
        return a->rule.action < b->rule.action ? -1 : 1;
    return a->rule.id < b->rule.id ? -1 : a->rule.id > b->rule.id;
}

/* Leaves each rule once and puts the list into its order. */
static void put_in_order(struct listing *listing)
{
    bool is_mixed = false;
    size_t n = 0;

    if (listing->n > 1)
        qsort(listing->rules, listing->n, sizeof *listing->rules, id_order);
    for (size_t i = 0; i < listing->n; i++) {
        if (n == 0 || listing->rules[n - 1].rule.id != listing->rules[i].rule.id)
            listing->rules[n++] = listing->rules[i];
        is_mixed = is_mixed || listing->rules[n - 1].rule.action != listing->rules[0].rule.action;
    }
    listing->n = n;
    if (is_mixed)
        qsort(listing->rules, listing->n, sizeof *listing->rules, action_order);
}

static void list_groups(struct listing *listing, const struct shared_policy_key *key)
{
    for (size_t i = 0; i < key->n; i++) {
        const struct security_group *group = key->groups[i];

        for (size_t j = 0; j < group->n_in_force; j++) {
            struct rule *rule;

            if (group->in_force[j]->what.rule.direction != key->direction)
                continue;
            list_rule(listing, group->in_force[j], group->is_audit);
            rule = &listing->rules[listing->n - 1].rule;
            rule->action = group->stateful ? RULE_ALLOW : RULE_ALLOW_STATELESS;
            rule->on_change = group->on_change;
        }
    }
    put_in_order(listing);
}

static int acl_order(const void *a_, const void *b_)
{
    const struct listed *a = a_;
    const struct listed *b = b_;
    int order = acl_rule_compare(&a->row->what, &b->row->what);

    return order != 0 ? order : uuid_compare_3way(&a->row->row, &b->row->row);
}

static void list_acls(struct listing *listing, const struct shared_policy_key *key)
{
    for (size_t i = 0; i < key->n; i++) {
        const struct security_rule *acl = key->acls[i];

        if (acl->in_force && acl->what.tier == key->tier && acl->what.rule.direction == key->direction &&
            (key->with_audit || !acl->what.audit))
            list_rule(listing, acl, acl->what.audit);
    }
    if (listing->n > 1)
        qsort(listing->rules, listing->n, sizeof *listing->rules, acl_order);
}

static int set_compare(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct address_set *const *)a;
    uintptr_t y = (uintptr_t) * (struct address_set *const *)b;

    return x < y ? -1 : x > y;
}

static void drop_sets(struct shared_policy *policy)
{
    for (size_t i = 0; i < policy->n_sets; i++)
        hmapx_find_and_delete(&policy->sets[i]->policies, policy);
    free(policy->sets);
    policy->sets = NULL;
    policy->n_sets = 0;
}

static void take_sets(struct shared_policy *policy, const struct listing *listing)
{
    size_t n = 0;

    drop_sets(policy);
    policy->sets = listing->n > 0 ? xmalloc(listing->n * sizeof(struct address_set *)) : NULL;
    for (size_t i = 0; i < listing->n; i++) {
        if (listing->rules[i].row->set != NULL)
            policy->sets[n++] = listing->rules[i].row->set;
    }
    if (n > 1)
        qsort(policy->sets, n, sizeof(struct address_set *), set_compare);
    for (size_t i = 0; i < n; i++) {
        if (policy->n_sets > 0 && policy->sets[policy->n_sets - 1] == policy->sets[i])
            continue;
        hmapx_add(&policy->sets[i]->policies, policy);
        policy->sets[policy->n_sets++] = policy->sets[i];
    }
}

static bool is_built_from(const struct shared_policy *policy, const struct listing *listing)
{
    if (policy->policy == NULL || policy->n_rules != listing->n)
        return false;
    for (size_t i = 0; i < listing->n; i++) {
        const struct listed *listed = &listing->rules[i];

        if (policy->audits[i] != listed->is_audit || policy->rules[i].on_change != listed->rule.on_change ||
            policy->rules[i].id != listed->rule.id || !security_rule_equal(&policy->rules[i], &listed->rule))
            return false;
    }
    return true;
}

static void build(struct shared_policy *policy)
{
    struct listing listing = {.rules = NULL};

    if (policy->key.tier < 0)
        list_groups(&listing, &policy->key);
    else
        list_acls(&listing, &policy->key);
    take_sets(policy, &listing);
    if (!is_built_from(policy, &listing)) {
        free(policy->rules);
        free(policy->audits);
        policy->rules = listing.n > 0 ? xmalloc(listing.n * sizeof *policy->rules) : NULL;
        policy->audits = listing.n > 0 ? xmalloc(listing.n * sizeof *policy->audits) : NULL;
        policy->n_rules = listing.n;
        for (size_t i = 0; i < listing.n; i++) {
            policy->rules[i] = listing.rules[i].rule;
            policy->audits[i] = listing.rules[i].is_audit;
        }
        policy_unref(policy->policy);
        policy->policy = policy_compile(policy->rules, policy->n_rules);
    }
    free(listing.rules);
}

static bool is_stale(const struct shared_policy *policy, uint64_t pass)
{
    if (policy->policy == NULL)
        return true;
    for (size_t i = 0; i < policy->key.n; i++) {
        if ((policy->key.tier < 0 ? policy->key.groups[i]->changed : policy->key.acls[i]->changed) == pass)
            return true;
    }
    return false;
}

static struct shared_policy *create(struct hmap *policies, const struct shared_policy_key *key, uint32_t hash)
{
    struct shared_policy *policy = xzalloc(sizeof *policy);
    void *copy = key->n > 0 ? xmemdup(sources(key), key->n * sizeof(void *)) : NULL;

    policy->key = *key;
    policy->key.acls = key->tier < 0 ? NULL : copy;
    policy->key.groups = key->tier < 0 ? copy : NULL;
    hmapx_init(&policy->chains);
    ovs_list_init(&policy->unused);
    hmap_insert(policies, &policy->node, hash);
    return policy;
}

struct shared_policy *shared_policies_get(struct hmap *policies, const struct shared_policy_key *key,
                                          struct policy_work *work)
{
    uint32_t hash = key_hash(key);
    struct shared_policy *policy;
    bool found = false;

    HMAP_FOR_EACH_WITH_HASH (policy, node, hash, policies) {
        if (key_equal(&policy->key, key)) {
            found = true;
            break;
        }
    }
    if (!found)
        policy = create(policies, key, hash);
    if (policy->looked_at != work->pass) {
        policy->looked_at = work->pass;
        if (is_stale(policy, work->pass))
            build(policy);
        policy_work_add(&work->unused_policies, &policy->unused);
    }
    return policy;
}

static void policy_free(struct hmap *policies, struct shared_policy *policy)
{
    hmap_remove(policies, &policy->node);
    drop_sets(policy);
    policy_unref(policy->policy);
    hmapx_destroy(&policy->chains);
    free((void *)sources(&policy->key));
    free(policy->rules);
    free(policy->audits);
    free(policy);
}

void shared_policies_sweep(struct hmap *policies, struct policy_work *work)
{
    struct ovs_list *node;

    while ((node = policy_work_next(&work->unused_policies)) != NULL) {
        struct shared_policy *policy = CONTAINER_OF(node, struct shared_policy, unused);

        if (hmapx_is_empty(&policy->chains))
            policy_free(policies, policy);
    }
}

void shared_policies_destroy(struct hmap *policies)
{
    struct shared_policy *policy;

    HMAP_FOR_EACH_SAFE (policy, node, policies) {
        policy_free(policies, policy);
    }
    hmap_destroy(policies);
}
