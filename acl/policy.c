// SPDX-License-Identifier: Apache-2.0
#include "acl/policy.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "acl/addr_directory.h"
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
    free(policy->rules);
    free(policy->entries);
    free(policy->extras);
    free(policy->maps);
    free(policy->nodes);
    free(policy->starts4);
    free(policy->inner4);
    free(policy->starts6);
    free(policy->inner6);
    free(policy->sets);
    free(policy->slots);
    free(policy->partitions);
    free(policy->values);
    free(policy->winners);
    free(policy->branches);
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

/* One question on its way through the policy. */
struct match {
    const struct policy *policy;
    const struct rule_query *query;
    enum policy_family family;
    bool has_value;
    uint16_t value; /* l4 value (policy_private.h) */
    uint32_t best;  /* lowest rank so far; POLICY_NONE: nothing matches */
};

/* The l4 value; false when the packet does not show it. */
static bool l4_value(const struct rule_query *query, uint16_t *value)
{
    if (query->family == RULE_ANY_FAMILY) {
        *value = query->ethertype;
        return true;
    }
    if (query->protocol == IPPROTO_ICMP || query->protocol == IPPROTO_ICMPV6) {
        *value = (uint16_t)((uint16_t)query->icmp_type << 8 | query->icmp_code);
        return query->icmp_type != RULE_ICMP_ANY;
    }
    *value = query->dst_port;
    return query->has_ports;
}

static bool extra_matches(const struct policy_extra *extra, const struct rule_query *query)
{
    uint32_t conditions = extra->conditions;

    if ((conditions & (RULE_IF_SRC_PORT | RULE_IF_TCP_FLAGS)) != 0 && !query->has_ports)
        return false;
    if ((conditions & RULE_IF_SRC_PORT) != 0 &&
        (query->src_port < extra->src_port_min || query->src_port > extra->src_port_max))
        return false;
    if ((conditions & RULE_IF_TCP_FLAGS) != 0 && (query->tcp_flags & extra->tcp_mask) != extra->tcp_flags)
        return false;
    if ((conditions & RULE_IF_SRC_MAC) != 0 && !mac_addr_equal(&query->src_mac, &extra->src_mac))
        return false;
    if ((conditions & RULE_IF_DST_MAC) != 0 && !mac_addr_equal(&query->dst_mac, &extra->dst_mac))
        return false;
    if ((conditions & RULE_IF_VLAN) != 0 && query->vlan != extra->vlan)
        return false;
    return (conditions & RULE_IF_DSCP) == 0 || query->dscp == extra->dscp;
}

static bool entry_matches(const struct match *match, const struct policy_entry *entry)
{
    if (entry->protocol != match->query->protocol && entry->protocol != POLICY_ANY_PROTOCOL)
        return false;
    if (match->has_value ? match->value < entry->first || match->value > entry->last
                         : entry->first != 0 || entry->last != UINT16_MAX)
        return false;
    return entry->extra == 0 || extra_matches(&match->policy->extras[entry->extra - 1], match->query);
}

/* Entries are by rank: the first that matches is the best of them. */
static void entries_match(struct match *match, uint32_t first, uint32_t n)
{
    const struct policy_entry *entry = &match->policy->entries[first];

    for (const struct policy_entry *end = entry + n; entry < end && entry->rank < match->best; entry++) {
        if (entry_matches(match, entry)) {
            match->best = entry->rank;
            return;
        }
    }
}

/* The interval that 'value' is in: the last one that does not begin after it. */
static uint32_t interval_find(const uint16_t *bounds, uint32_t n, uint16_t value)
{
    uint32_t low = 0;

    for (uint32_t half; n > 1; n -= half) {
        half = n / 2;
        low += bounds[low + half] <= value ? half : 0;
    }
    return low;
}

static void partition_match(struct match *match, const struct policy_partition *partition)
{
    const struct policy *policy = match->policy;
    uint32_t branch = 1, winner = partition->lowest_any;

    if (partition->lowest >= match->best)
        return;
    if (match->has_value) {
        uint32_t interval = interval_find(&policy->values[partition->first_bound], partition->n_bounds, match->value);

        winner = policy->winners[partition->first_bound + interval];
        branch = partition->n_leaves + interval;
    }
    if (winner < match->best)
        match->best = winner;
    if (partition->n_leaves == 0)
        return;
    for (; branch != 0; branch /= 2) {
        const struct policy_branch *b = &policy->branches[partition->first_branch + branch];

        if (b->n != 0)
            entries_match(match, b->first, b->n);
    }
}

static void cell_match(struct match *match, const struct policy_cell *cell)
{
    const struct policy_partition *partition, *end;

    if (cell->lowest >= match->best)
        return;
    if (!cell->is_large) {
        entries_match(match, cell->first, cell->n);
        return;
    }
    partition = &match->policy->partitions[cell->first];
    end = partition + cell->n;
    if (end[-1].protocol == POLICY_ANY_PROTOCOL)
        partition_match(match, --end);
    while (partition < end) {
        const struct policy_partition *middle = partition + (end - partition) / 2;

        if (middle->protocol == match->query->protocol) {
            partition_match(match, middle);
            return;
        }
        if (middle->protocol < match->query->protocol)
            partition = middle + 1;
        else
            end = middle;
    }
}

/* The node of the innermost prefix around 'addr', POLICY_NONE: none. */
static uint32_t map_find(const struct match *match, const struct policy_map *map, const struct inet_addr *addr)
{
    const struct policy *policy = match->policy;
    uint32_t low = map->first_bound, n = map->n_bounds;

    if (match->family == POLICY_IPV4) {
        uint32_t value = policy_addr4(addr);

        for (uint32_t half; n > 1; n -= half) {
            half = n / 2;
            low += policy->starts4[low + half] <= value ? half : 0;
        }
        return policy->inner4[low];
    }

    unsigned __int128 value = policy_addr6(addr);

    for (uint32_t half; n > 1; n -= half) {
        half = n / 2;
        low += policy->starts6[low + half] <= value ? half : 0;
    }
    return policy->inner6[low];
}

static void scope_match(struct match *match, const struct policy_scope *scope)
{
    const struct policy_node *nodes = match->policy->nodes;

    if (scope->lowest >= match->best)
        return;
    cell_match(match, &scope->cell);
    if (scope->locals == 0)
        return;
    for (uint32_t i = map_find(match, &match->policy->maps[scope->locals - 1], &match->query->local);
         i != POLICY_NONE && nodes[i].lowest_up < match->best; i = nodes[i].parent)
        cell_match(match, &nodes[i].scope.cell);
}

static void remotes_match(struct match *match, const struct policy_map *map)
{
    const struct policy_node *nodes = match->policy->nodes;

    if (map->n_bounds == 0)
        return;
    for (uint32_t i = map_find(match, map, &match->query->remote); i != POLICY_NONE && nodes[i].lowest_up < match->best;
         i = nodes[i].parent)
        scope_match(match, &nodes[i].scope);
}

/* Each set of the policy is asked, the one with the lowest rule first. */
static void sets_ask(struct match *match, const struct policy_root *root, const struct addr_sets *sets)
{
    const struct policy_set *set = &match->policy->sets[root->first_set];

    for (const struct policy_set *end = set + root->n_sets; set < end && set->scope.lowest < match->best; set++) {
        const struct addr_set *members = set->set < sets->n ? sets->sets[set->set] : NULL;

        if (members != NULL && addr_set_contains(members, &match->query->remote))
            scope_match(match, &set->scope);
    }
}

static bool list_has(const struct addr_directory_list *list, uint32_t set)
{
    uint32_t low = 0;

    for (uint32_t n = list->n, half; n > 1; n -= half) {
        half = n / 2;
        low += list->sets[low + half] <= set ? half : 0;
    }
    return list->sets[low] == set;
}

/* The sets of one list that the policy has rules for: by whichever there are less of. */
static void list_match(struct match *match, const struct policy_root *root, const struct addr_directory_list *list)
{
    const struct policy *policy = match->policy;
    const struct policy_set *sets = &policy->sets[root->first_set];
    const struct policy_set_slot *slots = &policy->slots[root->first_slot];

    if (root->n_sets < list->n) {
        for (uint32_t i = 0; i < root->n_sets && sets[i].scope.lowest < match->best; i++) {
            if (list_has(list, sets[i].set))
                scope_match(match, &sets[i].scope);
        }
        return;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        for (uint32_t s = policy_set_hash(list->sets[i]) & root->slot_mask; slots[s].index != 0;
             s = (s + 1) & root->slot_mask) {
            if (slots[s].set == list->sets[i]) {
                scope_match(match, &sets[slots[s].index - 1].scope);
                break;
            }
        }
    }
}

static void sets_match(struct match *match, const struct policy_root *root, const struct addr_sets *sets)
{
    struct addr_directory_list list;

    /* Sets are by their lowest rule: when the first cannot do better, none can. */
    if (root->n_sets == 0 || sets == NULL || match->policy->sets[root->first_set].scope.lowest >= match->best)
        return;
    if (root->n_sets <= POLICY_FEW_SETS || sets->directory == NULL) {
        sets_ask(match, root, sets);
        return;
    }
    for (int len = 129; addr_directory_next(sets->directory, &match->query->remote, &len, &list);)
        list_match(match, root, &list);
}

const struct policy_rule *policy_match(const struct policy *policy, const struct addr_sets *sets,
                                       const struct rule_query *query)
{
    struct match match = {.policy = policy, .query = query, .best = POLICY_NONE};
    const struct policy_root *root;

    /* An IPv6 packet that names an IPv4 address in IPv6 form must not pass for that IPv4 host. */
    if (query->family == RULE_IPV6 && (inet_addr_is_v4(&query->remote) || inet_addr_is_v4(&query->local)))
        return NULL;
    match.family = query->family == RULE_IPV4 ? POLICY_IPV4 : query->family == RULE_IPV6 ? POLICY_IPV6 : POLICY_L2;
    match.has_value = l4_value(query, &match.value);
    root = &policy->roots[match.family];
    scope_match(&match, &root->any);
    remotes_match(&match, &root->remotes);
    sets_match(&match, root, sets);
    return match.best == POLICY_NONE ? NULL : &policy->rules[match.best];
}
