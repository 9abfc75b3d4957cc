// SPDX-License-Identifier: Apache-2.0
#include "dataplane/zone_policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/policy_chain.h"

void zone_policy_destroy(struct zone_policy *policy)
{
    if (policy == NULL)
        return;
    policy_chain_unref(policy->ingress);
    policy_chain_unref(policy->egress);
    policy_chain_unref(policy->ingress_audit);
    policy_chain_unref(policy->egress_audit);
    free(policy);
}

/* Where 'zone' is, or would be. */
static uint32_t position(const struct snapshot *snapshot, uint32_t zone)
{
    uint32_t low = 0, high = snapshot->n_zone_policies;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (snapshot->zone_policies[middle]->zone < zone)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct zone_policy *snapshot_zone_policy(const struct snapshot *snapshot, uint32_t zone)
{
    uint32_t i = position(snapshot, zone);

    return i < snapshot->n_zone_policies && snapshot->zone_policies[i]->zone == zone ? snapshot->zone_policies[i]
                                                                                     : NULL;
}

static struct zone_policy *clone(const struct zone_policy *policy, uint32_t zone, uint32_t sequence)
{
    struct zone_policy *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return NULL;
    *copy = *policy;
    copy->zone = zone;
    copy->changed = sequence;
    return copy;
}

/* Makes room for one more at 'i'. */
static int insert_at(struct snapshot *snapshot, uint32_t i)
{
    uint32_t n = snapshot->n_zone_policies;
    struct zone_policy **bigger = realloc(snapshot->zone_policies, (n + 1) * sizeof(struct zone_policy *));

    if (bigger == NULL)
        return -ENOMEM;
    memmove(&bigger[i + 1], &bigger[i], (n - i) * sizeof(struct zone_policy *));
    bigger[i] = NULL;
    snapshot->zone_policies = bigger;
    snapshot->n_zone_policies++;
    return 0;
}

int snapshot_set_zone_policy(struct snapshot *snapshot, uint32_t zone, const struct zone_policy *policy)
{
    uint32_t i = position(snapshot, zone);
    bool known = i < snapshot->n_zone_policies && snapshot->zone_policies[i]->zone == zone;
    struct zone_policy *copy;

    if (policy == NULL && !known)
        return 0;
    copy = clone(policy != NULL ? policy : &(struct zone_policy){0}, zone, snapshot->sequence);
    if (copy == NULL)
        return -ENOMEM;
    if ((known && snapshot_retire(snapshot, RETIRED_ZONE_POLICY, snapshot->zone_policies[i]) != 0) ||
        (!known && insert_at(snapshot, i) != 0)) {
        free(copy);
        return -ENOMEM;
    }
    snapshot->zone_policies[i] = copy;
    return 0;
}
