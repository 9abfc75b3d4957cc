// SPDX-License-Identifier: Apache-2.0
#include "acl/policy_private.h"

#include <netinet/in.h>
#include <stdlib.h>

/* A rule in one node of the tree. */
struct placement {
    const struct rule *rule;
    uint32_t node;
};

/* What grows while a policy is made. */
struct compile {
    struct policy *policy;
    size_t n_partitions, max_partitions;
    size_t n_bounds, max_bounds;
    size_t n_nodes, max_nodes;
    struct placement *placements;
    size_t n_placements, max_placements;
};

/* Makes room for 'more' items behind the 'n' in use. */
static bool array_grow(void **array, size_t *max, size_t n, size_t more, size_t item_size)
{
    size_t wanted = *max;
    void *grown;

    if (n + more <= *max)
        return true;
    while (wanted < n + more)
        wanted = wanted < 16 ? 16 : 2 * wanted;
    grown = realloc(*array, wanted * item_size);
    if (grown == NULL)
        return false;
    *array = grown;
    *max = wanted;
    return true;
}

/* A prefix that covers the whole family is no condition at all. */
static enum rule_remote rule_remote_kind(const struct rule *rule)
{
    bool v4 = inet_addr_is_v4(&rule->prefix.addr);

    if (rule->remote == RULE_REMOTE_PREFIX && rule->prefix.len == (v4 ? 96 : 0))
        return RULE_REMOTE_ANY;
    return rule->remote;
}

static bool rule_is_for(const struct rule *rule, enum rule_family family)
{
    if (rule->family != RULE_ANY_FAMILY && rule->family != family)
        return false;
    return rule->remote != RULE_REMOTE_PREFIX || inet_addr_is_v4(&rule->prefix.addr) == (family == RULE_IPV4);
}

static unsigned int rule_partition_key(const struct rule *rule)
{
    return rule->protocol == RULE_PROTOCOL_ANY ? POLICY_ANY_PROTOCOL : (unsigned int)rule->protocol;
}

/* The l4 values (policy_private.h) that a rule covers, both ends included. */
static void rule_l4_range(const struct rule *rule, uint16_t *first, uint16_t *last)
{
    *first = 0;
    *last = UINT16_MAX;
    if (rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6) {
        if (rule->icmp_type != RULE_ICMP_ANY) {
            *first = (uint16_t)(rule->icmp_type << 8 | (rule->icmp_code == RULE_ICMP_ANY ? 0 : rule->icmp_code));
            *last = (uint16_t)(rule->icmp_type << 8 | (rule->icmp_code == RULE_ICMP_ANY ? 255 : rule->icmp_code));
        }
    } else if (rule->protocol != RULE_PROTOCOL_ANY && packet_protocol_has_ports((uint8_t)rule->protocol)) {
        *first = rule->port_min;
        *last = rule->port_max;
    }
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_bounds(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static int compare_rules_by_protocol(const void *a, const void *b)
{
    const struct rule *const *left = a, *const *right = b;

    return compare_u32(rule_partition_key(*left), rule_partition_key(*right));
}

static int compare_set_rules(const void *a, const void *b)
{
    const struct policy_set_rule *left = a, *right = b;

    return compare_u32(left->id, right->id);
}

/* By node, then any remote before prefixes before sets, each set together, lowest rule first. */
static int compare_placements(const void *a, const void *b)
{
    const struct placement *left = a, *right = b;
    enum rule_remote kind = rule_remote_kind(left->rule);
    int order = compare_u32(left->node, right->node);

    if (order == 0)
        order = compare_u32(kind, rule_remote_kind(right->rule));
    if (order == 0 && kind == RULE_REMOTE_SET)
        order = compare_u32(left->rule->set, right->rule->set);
    return order != 0 ? order : compare_u32(left->rule->id, right->rule->id);
}

/* Appends the first values of the intervals that the rules cut 0..65535 into. */
static bool bounds_append(struct compile *compile, const struct rule *const *rules, size_t n, uint32_t *count)
{
    struct policy *policy = compile->policy;
    size_t n_bounds = 1, kept = 1;
    uint16_t *bounds;

    if (!array_grow((void **)&policy->bounds, &compile->max_bounds, compile->n_bounds, 2 * n + 1, sizeof *bounds))
        return false;
    bounds = &policy->bounds[compile->n_bounds];
    bounds[0] = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t first, last;

        rule_l4_range(rules[i], &first, &last);
        bounds[n_bounds++] = first;
        if (last != UINT16_MAX)
            bounds[n_bounds++] = (uint16_t)(last + 1);
    }
    qsort(bounds, n_bounds, sizeof *bounds, compare_bounds);
    for (size_t i = 1; i < n_bounds; i++) {
        if (bounds[i] != bounds[kept - 1])
            bounds[kept++] = bounds[i];
    }
    compile->n_bounds += kept;
    *count = (uint32_t)kept;
    return true;
}

/* The tree for 'n_leaves' leaves, empty. Node 0 of a heap is not used. */
static bool nodes_append(struct compile *compile, uint32_t n_leaves)
{
    struct policy *policy = compile->policy;
    size_t n = 2 * (size_t)n_leaves;

    if (!array_grow((void **)&policy->nodes, &compile->max_nodes, compile->n_nodes, n, sizeof *policy->nodes))
        return false;
    for (size_t i = 0; i < n; i++)
        policy->nodes[compile->n_nodes + i] = (struct policy_node){.lowest = UINT32_MAX, .any_id = UINT32_MAX};
    compile->n_nodes += n;
    return true;
}

static bool placement_append(struct compile *compile, const struct rule *rule, uint32_t node)
{
    if (!array_grow((void **)&compile->placements, &compile->max_placements, compile->n_placements, 1,
                    sizeof *compile->placements))
        return false;
    compile->placements[compile->n_placements++] = (struct placement){.rule = rule, .node = node};
    return true;
}

/* The leaf that begins at 'value', which is a bound. */
static uint32_t leaf_at(const uint16_t *bounds, uint32_t n, uint16_t value)
{
    const uint16_t *bound = bsearch(&value, bounds, n, sizeof *bounds, compare_bounds);

    return (uint32_t)(bound - bounds);
}

/* Puts a rule into the fewest nodes that make up its range. */
static bool rule_place(struct compile *compile, const struct policy_partition *partition, const struct rule *rule)
{
    const uint16_t *bounds = &compile->policy->bounds[partition->first_bound];
    uint16_t first, last;
    uint32_t begin, end;

    rule_l4_range(rule, &first, &last);
    if (first > last)
        return true;
    begin = partition->n_leaves + leaf_at(bounds, partition->n_bounds, first);
    /* Leaves that only fill up to a power of two belong to the last interval, so that 0..65535 is the root. */
    end = last == UINT16_MAX ? 2 * partition->n_leaves
                             : partition->n_leaves + leaf_at(bounds, partition->n_bounds, (uint16_t)(last + 1));
    for (; begin < end; begin /= 2, end /= 2) {
        if ((begin & 1) && !placement_append(compile, rule, partition->first_node + begin++))
            return false;
        if ((end & 1) && !placement_append(compile, rule, partition->first_node + --end))
            return false;
    }
    return true;
}

/* Makes the partition of 'n' rules that share family and protocol. */
static bool partition_append(struct compile *compile, const struct rule *const *rules, size_t n, uint16_t *number)
{
    struct policy *policy = compile->policy;
    struct policy_partition partition = {
        .first_node = (uint32_t)compile->n_nodes, .first_bound = (uint32_t)compile->n_bounds, .n_leaves = 1};

    if (!array_grow((void **)&policy->partitions, &compile->max_partitions, compile->n_partitions, 1,
                    sizeof *policy->partitions) ||
        !bounds_append(compile, rules, n, &partition.n_bounds))
        return false;
    while (partition.n_leaves < partition.n_bounds)
        partition.n_leaves *= 2;
    if (!nodes_append(compile, partition.n_leaves))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!rule_place(compile, &partition, rules[i]))
            return false;
    }
    *number = (uint16_t)compile->n_partitions;
    policy->partitions[compile->n_partitions++] = partition;
    return true;
}

/* Makes the partitions of one family; 'scratch' has room for all rules. */
static bool family_append(struct compile *compile, enum rule_family family, const struct rule *rules, size_t n,
                          const struct rule **scratch)
{
    uint16_t *partition_of = compile->policy->partition_of[family == RULE_IPV6];
    size_t count = 0, end;

    for (unsigned int i = 0; i < POLICY_N_PROTOCOLS; i++)
        partition_of[i] = POLICY_NO_PARTITION;
    for (size_t i = 0; i < n; i++) {
        if (rule_is_for(&rules[i], family))
            scratch[count++] = &rules[i];
    }
    qsort(scratch, count, sizeof *scratch, compare_rules_by_protocol);
    for (size_t begin = 0; begin < count; begin = end) {
        unsigned int key = rule_partition_key(scratch[begin]);

        for (end = begin; end < count && rule_partition_key(scratch[end]) == key;)
            end++;
        if (!partition_append(compile, &scratch[begin], end - begin, &partition_of[key]))
            return false;
    }
    return true;
}

/* Fills one node from its sorted placements. Rules behind a lower one for any remote can never be the answer. */
static void node_fill(struct policy *policy, const struct placement *placements, size_t n, uint32_t *n_sets)
{
    struct policy_node *node = &policy->nodes[placements[0].node];

    node->first_set = *n_sets;
    for (size_t i = 0; i < n; i++) {
        const struct rule *rule = placements[i].rule;

        if (rule->id >= node->any_id)
            continue;
        if (rule->id < node->lowest)
            node->lowest = rule->id;
        switch (rule_remote_kind(rule)) {
        case RULE_REMOTE_ANY:
            node->any_id = rule->id;
            break;
        case RULE_REMOTE_PREFIX:
            prefix_table_put(policy->prefixes, placements[i].node, &rule->prefix, rule->id);
            prefix_lengths_add(&node->lengths, rule->prefix.len);
            break;
        case RULE_REMOTE_SET:
            if (node->n_sets > 0 && policy->sets[*n_sets - 1].set == rule->set)
                break;
            policy->sets[(*n_sets)++] = (struct policy_set_rule){.set = rule->set, .id = rule->id};
            node->n_sets++;
            break;
        }
    }
    if (node->n_sets > 1)
        qsort(&policy->sets[node->first_set], node->n_sets, sizeof policy->sets[0], compare_set_rules);
}

static bool nodes_fill(struct compile *compile)
{
    struct policy *policy = compile->policy;
    size_t n = compile->n_placements, n_prefixes = 0, n_set_rules = 0, end;
    uint32_t n_sets = 0;

    for (size_t i = 0; i < n; i++) {
        enum rule_remote kind = rule_remote_kind(compile->placements[i].rule);

        n_prefixes += kind == RULE_REMOTE_PREFIX;
        n_set_rules += kind == RULE_REMOTE_SET;
    }
    policy->prefixes = prefix_table_create(n_prefixes);
    policy->sets = calloc(n_set_rules + 1, sizeof *policy->sets);
    if (policy->prefixes == NULL || policy->sets == NULL)
        return false;
    if (n > 0)
        qsort(compile->placements, n, sizeof *compile->placements, compare_placements);
    for (size_t begin = 0; begin < n; begin = end) {
        uint32_t node = compile->placements[begin].node;

        for (end = begin; end < n && compile->placements[end].node == node;)
            end++;
        node_fill(policy, &compile->placements[begin], end - begin, &n_sets);
    }
    return true;
}

/* A copy in which 'id' is the rank, which is what decides; the policy keeps what a match says. */
static struct rule *rank_rules(struct policy *policy, const struct rule *rules, size_t n)
{
    struct rule *ranked = calloc(n + 1, sizeof *ranked);

    policy->rules = calloc(n + 1, sizeof *policy->rules);
    if (ranked == NULL || policy->rules == NULL) {
        free(ranked);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        ranked[i] = rules[i];
        ranked[i].id = (uint32_t)i + 1;
        policy->rules[i] = (struct policy_rule){.id = rules[i].id,
                                                .action = (uint8_t)rules[i].action,
                                                .on_change = (uint8_t)rules[i].on_change,
                                                .log = rules[i].log};
        policy->looks_at_packet |= (rules[i].conditions & RULE_IF_OF_PACKET) != 0;
        policy->keeps_state |= rules[i].action == RULE_ALLOW;
    }
    return ranked;
}

struct policy *policy_compile(const struct rule *rules, size_t n)
{
    struct compile compile = {.policy = calloc(1, sizeof *compile.policy)};
    const struct rule **scratch = calloc(n + 1, sizeof *scratch);
    struct rule *ranked = compile.policy != NULL ? rank_rules(compile.policy, rules, n) : NULL;
    bool ok;

    ok = ranked != NULL && scratch != NULL && family_append(&compile, RULE_IPV4, ranked, n, scratch) &&
         family_append(&compile, RULE_IPV6, ranked, n, scratch) && nodes_fill(&compile);
    free(scratch);
    free(ranked);
    free(compile.placements);
    if (!ok) {
        if (compile.policy != NULL)
            policy_free(compile.policy);
        return NULL;
    }
    compile.policy->n_rules = n;
    atomic_init(&compile.policy->refs, 1);
    return compile.policy;
}
