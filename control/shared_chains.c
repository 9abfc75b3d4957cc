// SPDX-License-Identifier: Apache-2.0
#include "control/shared_chains.h"

#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/acl_networks.h"
#include "control/logical_ports.h"
#include "control/policy_work.h"
#include "control/security_groups.h"
#include "control/security_rules.h"
#include "control/shared_policies.h"

#define FORM_PARTS_MAX (POLICY_TIERS_MAX + 1)

void shared_chains_init(struct shared_chains *chains)
{
    hmap_init(&chains->chains);
    hmap_init(&chains->policies);
}

static uint32_t key_hash(enum rule_direction direction, struct security_rule *const *acls, size_t n_acls,
                         struct security_group *const *groups, size_t n_groups)
{
    uint32_t hash = hash_int(direction, 0);

    for (size_t i = 0; i < n_acls; i++)
        hash = hash_pointer(acls[i], hash);
    for (size_t i = 0; i < n_groups; i++)
        hash = hash_pointer(groups[i], hash);
    return hash;
}

static bool same_pointers(const void *a, const void *b, size_t n)
{
    return n == 0 || memcmp(a, b, n * sizeof(void *)) == 0;
}

static struct shared_chain *chain_create(enum rule_direction direction, struct security_rule *const *acls,
                                         size_t n_acls, struct security_group *const *groups, size_t n_groups)
{
    struct shared_chain *chain = xzalloc(sizeof *chain);

    chain->direction = direction;
    chain->acls = n_acls > 0 ? xmemdup(acls, n_acls * sizeof(struct security_rule *)) : NULL;
    chain->n_acls = n_acls;
    chain->groups = n_groups > 0 ? xmemdup(groups, n_groups * sizeof(struct security_group *)) : NULL;
    chain->n_groups = n_groups;
    hmapx_init(&chain->ports);
    hmapx_init(&chain->networks);
    ovs_list_init(&chain->work);
    ovs_list_init(&chain->unused);
    for (size_t i = 0; i < n_acls; i++)
        hmapx_add(&acls[i]->chains, chain);
    for (size_t i = 0; i < n_groups; i++)
        hmapx_add(&groups[i]->chains, chain);
    return chain;
}

/* The policies of a form in order; at most FORM_PARTS_MAX. */
static size_t form_parts(const struct chain_form *form, struct shared_policy *parts[FORM_PARTS_MAX])
{
    size_t n = form->n_tiers;

    memcpy(parts, form->tiers, n * sizeof(struct shared_policy *));
    if (form->groups != NULL)
        parts[n++] = form->groups;
    return n;
}

/* The groups that count: all that are there, or those that are enforced. */
static struct security_group **groups_of(const struct shared_chain *chain, bool with_audit, size_t *n)
{
    struct security_group **groups = xmalloc((chain->n_groups + 1) * sizeof(struct security_group *));

    *n = 0;
    for (size_t i = 0; i < chain->n_groups; i++) {
        if (chain->groups[i]->present && (with_audit || !chain->groups[i]->is_audit))
            groups[(*n)++] = chain->groups[i];
    }
    return groups;
}

/* The denial of what no group allows has the name of the first of them. */
static struct policy_rule default_of(struct security_group *const *groups, size_t n, enum rule_direction direction)
{
    const struct security_group *first = groups[0];

    for (size_t i = 1; i < n; i++) {
        if (strcmp(groups[i]->name, first->name) < 0)
            first = groups[i];
    }
    return (struct policy_rule){.id = first->default_ids[direction].id, .action = RULE_DENY};
}

/* The parts that the form ought to have, up to date; 'chain' is left NULL. */
static struct chain_form wanted_form(struct shared_chains *chains, const struct shared_chain *chain, bool with_audit,
                                     struct policy_work *work)
{
    struct chain_form form = {.n_tiers = 0};
    size_t n;
    struct security_group **groups = groups_of(chain, with_audit, &n);

    for (int tier = 0; chain->n_acls > 0 && tier < POLICY_TIERS_MAX; tier++) {
        struct shared_policy_key key = {.direction = chain->direction, .tier = tier, .with_audit = with_audit};
        bool any = false;

        for (size_t i = 0; i < chain->n_acls && !any; i++) {
            const struct security_rule *acl = chain->acls[i];

            any = acl->in_force && acl->what.tier == tier && acl->what.rule.direction == chain->direction &&
                  (with_audit || !acl->what.audit);
        }
        if (!any)
            continue;
        key.acls = chain->acls;
        key.n = chain->n_acls;
        form.tiers[form.n_tiers++] = shared_policies_get(&chains->policies, &key, work);
    }
    if (n > 0) {
        struct shared_policy_key key = {.direction = chain->direction, .tier = SHARED_POLICY_GROUPS};

        key.groups = groups;
        key.n = n;
        form.groups = shared_policies_get(&chains->policies, &key, work);
        form.default_rule = default_of(groups, n, chain->direction);
    }
    free(groups);
    return form;
}

static bool is_made_of(const struct chain_form *form, const struct chain_form *wanted)
{
    if (form->chain == NULL || policy_chain_tier_count(form->chain) != wanted->n_tiers ||
        form->default_rule.id != wanted->default_rule.id)
        return false;
    for (size_t i = 0; i < wanted->n_tiers; i++) {
        if (policy_chain_tier(form->chain, i) != wanted->tiers[i]->policy || wanted->tiers[i]->policy == NULL)
            return false;
    }
    return policy_chain_groups(form->chain) == (wanted->groups != NULL ? wanted->groups->policy : NULL) &&
           (wanted->groups == NULL || wanted->groups->policy != NULL);
}

static struct policy_chain *assemble(const struct chain_form *form)
{
    struct policy *tiers[POLICY_TIERS_MAX];

    for (size_t i = 0; i < form->n_tiers; i++) {
        tiers[i] = form->tiers[i]->policy;
        if (tiers[i] == NULL)
            return NULL;
    }
    if (form->groups != NULL && form->groups->policy == NULL)
        return NULL;
    return policy_chain_create(tiers, form->n_tiers, form->groups != NULL ? form->groups->policy : NULL,
                               &form->default_rule);
}

/* Makes '*form' what it ought to be. False when memory does not suffice. */
static bool form_update(struct chain_form *form, struct chain_form wanted)
{
    bool is_empty = wanted.n_tiers == 0 && wanted.groups == NULL;

    if (!is_empty && is_made_of(form, &wanted)) {
        wanted.chain = form->chain;
        *form = wanted;
        return true;
    }
    policy_chain_unref(form->chain);
    wanted.chain = is_empty ? NULL : assemble(&wanted);
    *form = wanted;
    return is_empty || form->chain != NULL;
}

static bool has_audit(const struct shared_chain *chain)
{
    for (size_t i = 0; i < chain->n_acls; i++) {
        if (chain->acls[i]->in_force && chain->acls[i]->what.audit &&
            chain->acls[i]->what.rule.direction == chain->direction)
            return true;
    }
    for (size_t i = 0; i < chain->n_groups; i++) {
        if (chain->groups[i]->present && chain->groups[i]->is_audit)
            return true;
    }
    return false;
}

/* Every policy of the chain once; at most twice FORM_PARTS_MAX. */
static size_t chain_parts(const struct shared_chain *chain, struct shared_policy *parts[2 * FORM_PARTS_MAX])
{
    size_t n = form_parts(&chain->enforced, parts);

    return n + form_parts(&chain->audit, parts + n);
}

static void build(struct shared_chains *chains, struct shared_chain *chain, struct policy_work *work)
{
    struct shared_policy *before[2 * FORM_PARTS_MAX];
    struct shared_policy *after[2 * FORM_PARTS_MAX];
    size_t n_before = chain_parts(chain, before);
    size_t n_after;

    chain->failed = !form_update(&chain->enforced, wanted_form(chains, chain, false, work));
    if (has_audit(chain))
        chain->failed = !form_update(&chain->audit, wanted_form(chains, chain, true, work)) || chain->failed;
    else
        form_update(&chain->audit, (struct chain_form){.n_tiers = 0});

    for (size_t i = 0; i < n_before; i++) {
        hmapx_find_and_delete(&before[i]->chains, chain);
        policy_work_add(&work->unused_policies, &before[i]->unused);
    }
    n_after = chain_parts(chain, after);
    for (size_t i = 0; i < n_after; i++)
        hmapx_add(&after[i]->chains, chain);
    chain->n_rules = chain->enforced.groups != NULL ? chain->enforced.groups->n_rules : 0;
    for (size_t i = 0; i < chain->enforced.n_tiers; i++)
        chain->n_rules += chain->enforced.tiers[i]->n_rules;
}

struct shared_chain *shared_chains_get(struct shared_chains *chains, enum rule_direction direction,
                                       struct security_rule *const *acls, size_t n_acls,
                                       struct security_group *const *groups, size_t n_groups, struct policy_work *work)
{
    uint32_t hash = key_hash(direction, acls, n_acls, groups, n_groups);
    struct shared_chain *chain;

    if (n_acls == 0 && n_groups == 0)
        return NULL;
    HMAP_FOR_EACH_WITH_HASH (chain, node, hash, &chains->chains) {
        if (chain->direction == direction && chain->n_acls == n_acls && chain->n_groups == n_groups &&
            same_pointers(chain->acls, acls, n_acls) && same_pointers(chain->groups, groups, n_groups))
            return chain;
    }
    chain = chain_create(direction, acls, n_acls, groups, n_groups);
    hmap_insert(&chains->chains, &chain->node, hash);
    build(chains, chain, work);
    policy_work_add(&work->unused_chains, &chain->unused);
    return chain;
}

void shared_chains_leave(struct shared_chain *chain, struct policy_work *work)
{
    policy_work_add(&work->unused_chains, &chain->unused);
}

static void tell_users(const struct shared_chain *chain, struct policy_work *work)
{
    const struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &chain->ports)
        policy_work_add(&work->ports, &((struct logical_port *)node->data)->work);
    HMAPX_FOR_EACH (node, &chain->networks)
        policy_work_add(&work->networks, &((struct acl_network *)node->data)->work);
}

void shared_chains_work(struct shared_chains *chains, struct shared_chain *chain, struct policy_work *work)
{
    build(chains, chain, work);
    tell_users(chain, work);
}

void shared_chains_note_set(struct shared_policy *policy, struct policy_work *work)
{
    const struct hmapx_node *node;

    HMAPX_FOR_EACH (node, &policy->chains) {
        struct shared_chain *chain = node->data;

        chain->sets_changed = work->pass;
        tell_users(chain, work);
    }
}

static void chain_free(struct shared_chains *chains, struct shared_chain *chain, struct policy_work *work)
{
    struct shared_policy *parts[2 * FORM_PARTS_MAX];
    size_t n = chain_parts(chain, parts);

    for (size_t i = 0; i < n; i++) {
        hmapx_find_and_delete(&parts[i]->chains, chain);
        if (work != NULL)
            policy_work_add(&work->unused_policies, &parts[i]->unused);
    }
    for (size_t i = 0; i < chain->n_acls; i++)
        hmapx_find_and_delete(&chain->acls[i]->chains, chain);
    for (size_t i = 0; i < chain->n_groups; i++)
        hmapx_find_and_delete(&chain->groups[i]->chains, chain);
    hmap_remove(&chains->chains, &chain->node);
    policy_work_forget(&chain->work);
    policy_chain_unref(chain->enforced.chain);
    policy_chain_unref(chain->audit.chain);
    hmapx_destroy(&chain->ports);
    hmapx_destroy(&chain->networks);
    free(chain->acls);
    free(chain->groups);
    free(chain);
}

void shared_chains_sweep(struct shared_chains *chains, struct policy_work *work)
{
    struct ovs_list *node;

    while ((node = policy_work_next(&work->unused_chains)) != NULL) {
        struct shared_chain *chain = CONTAINER_OF(node, struct shared_chain, unused);

        if (hmapx_is_empty(&chain->ports) && hmapx_is_empty(&chain->networks))
            chain_free(chains, chain, work);
    }
    shared_policies_sweep(&chains->policies, work);
}

void shared_chains_destroy(struct shared_chains *chains)
{
    struct shared_chain *chain;

    HMAP_FOR_EACH_SAFE (chain, node, &chains->chains) {
        chain_free(chains, chain, NULL);
    }
    hmap_destroy(&chains->chains);
    shared_policies_destroy(&chains->policies);
}
