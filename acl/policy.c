// SPDX-License-Identifier: Apache-2.0
#include "acl/policy.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "acl/policy_private.h"

struct policy *policy_ref(struct policy *policy)
{
    atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy != NULL && atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) == 1)
        policy_free(policy);
}

void policy_free(struct policy *policy)
{
    prefix_table_destroy(policy->prefixes);
    free(policy->sets);
    free(policy->rules);
    free(policy->nodes);
    free(policy->bounds);
    free(policy->partitions);
    free(policy);
}

size_t policy_rule_count(const struct policy *policy)
{
    return policy->n_rules;
}

bool policy_looks_at_packet(const struct policy *policy)
{
    return policy->looks_at_packet;
}

bool policy_keeps_state(const struct policy *policy)
{
    return policy->keeps_state;
}

/* The number that partitions are asked for (policy_private.h); false when the packet does not show it. */
static bool l4_value(const struct rule_query *query, uint16_t *value)
{
    if (query->protocol == IPPROTO_ICMP || query->protocol == IPPROTO_ICMPV6) {
        *value = (uint16_t)((uint16_t)query->icmp_type << 8 | query->icmp_code);
        return query->icmp_type != RULE_ICMP_ANY;
    }
    *value = query->dst_port;
    return query->has_ports;
}

static bool set_contains(const struct addr_sets *sets, uint32_t set, const struct inet_addr *addr)
{
    return sets != NULL && set < sets->n && sets->sets[set] != NULL && addr_set_contains(sets->sets[set], addr);
}

/* The lowest rule of one node that matches the remote and is below 'best', else 'best'. */
static uint32_t node_match(const struct policy *policy, uint32_t index, const struct addr_sets *sets,
                           const struct rule_query *query, uint32_t best)
{
    const struct policy_node *node = &policy->nodes[index];
    int floor = prefix_lengths_floor(&query->remote);

    if (node->lowest >= best)
        return best;
    if (node->any_id < best)
        best = node->any_id;
    for (int len = prefix_lengths_next(&node->lengths, 129); len >= floor;
         len = prefix_lengths_next(&node->lengths, len)) {
        uint32_t id = prefix_table_get(policy->prefixes, index, &query->remote, len);

        if (id != 0 && id < best)
            best = id;
    }
    for (uint32_t i = 0; i < node->n_sets; i++) {
        const struct policy_set_rule *rule = &policy->sets[node->first_set + i];

        if (rule->id >= best)
            break;
        if (set_contains(sets, rule->set, &query->remote))
            return rule->id;
    }
    return best;
}

/* The interval that 'value' is in: the last one that does not begin after it. */
static uint32_t interval_find(const uint16_t *bounds, uint32_t n, uint16_t value)
{
    uint32_t low = 0;

    while (n > 1) {
        uint32_t half = n / 2;

        if (bounds[low + half] <= value) {
            low += half;
            n -= half;
        } else {
            n = half;
        }
    }
    return low;
}

static uint32_t partition_match(const struct policy *policy, uint16_t number, const struct addr_sets *sets,
                                const struct rule_query *query, uint32_t best)
{
    const struct policy_partition *partition;
    uint32_t node = 1;
    uint16_t value;

    if (number == POLICY_NO_PARTITION)
        return best;
    partition = &policy->partitions[number];
    if (l4_value(query, &value))
        node = partition->n_leaves + interval_find(&policy->bounds[partition->first_bound], partition->n_bounds, value);
    for (; node != 0; node /= 2)
        best = node_match(policy, partition->first_node + node, sets, query, best);
    return best;
}

const struct policy_rule *policy_match(const struct policy *policy, const struct addr_sets *sets,
                                       const struct rule_query *query)
{
    uint32_t best = UINT32_MAX;
    const uint16_t *partition_of;

    if (query->family == RULE_ANY_FAMILY)
        return NULL;
    /* An IPv6 packet that names an IPv4 address in IPv6 form must not pass for that IPv4 host. */
    if (query->family == RULE_IPV6 && inet_addr_is_v4(&query->remote))
        return NULL;
    partition_of = policy->partition_of[query->family == RULE_IPV6];
    best = partition_match(policy, partition_of[query->protocol], sets, query, best);
    best = partition_match(policy, partition_of[POLICY_ANY_PROTOCOL], sets, query, best);
    return best == UINT32_MAX ? NULL : &policy->rules[best - 1];
}
