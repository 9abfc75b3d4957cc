// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <stdlib.h>

#include "acl/policy_build.h"

/* A conditional rule in one node of the segment tree. */
struct planting {
    uint32_t branch;
    struct policy_entry entry;
};

/* What one partition is made of. */
struct sowing {
    const struct policy_entry *entries; /* by rank */
    size_t n;
    struct planting *plantings;
    size_t n_plantings, max_plantings;
};

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

/* By protocol, then rank. */
static int compare_entries(const void *a, const void *b)
{
    const struct policy_entry *left = a, *right = b;

    return left->protocol != right->protocol ? left->protocol - right->protocol : compare_u32(left->rank, right->rank);
}

static int compare_plantings(const void *a, const void *b)
{
    const struct planting *left = a, *right = b;

    return left->branch != right->branch ? compare_u32(left->branch, right->branch)
                                         : compare_u32(left->entry.rank, right->entry.rank);
}

static int compare_values(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The l4 values (policy_private.h) that a rule covers, both ends included. */
static void rule_l4_range(const struct rule *rule, uint16_t *first, uint16_t *last)
{
    *first = 0;
    *last = UINT16_MAX;
    if (rule->conditions & RULE_IF_ETHERTYPE) {
        *first = *last = rule->ethertype;
    } else if (rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6) {
        if (rule->icmp_type != RULE_ICMP_ANY) {
            *first = (uint16_t)(rule->icmp_type << 8 | (rule->icmp_code == RULE_ICMP_ANY ? 0 : rule->icmp_code));
            *last = (uint16_t)(rule->icmp_type << 8 | (rule->icmp_code == RULE_ICMP_ANY ? 255 : rule->icmp_code));
        }
    } else if (rule->protocol != RULE_PROTOCOL_ANY && packet_protocol_has_ports((uint8_t)rule->protocol)) {
        *first = rule->port_min;
        *last = rule->port_max;
    }
}

/* The number that an entry has for the conditions of its rule: one for all places of the rule. */
static bool extra_build(struct build *build, const struct rule *rule, uint32_t *extra)
{
    uint32_t conditions = rule->conditions & ~(uint32_t)(RULE_IF_LOCAL | RULE_IF_ETHERTYPE);
    uint32_t *known = &build->extra_of[build_rank(build, rule)];

    if (conditions != 0 && *known == 0) {
        if (!array_grow((void **)&build->policy->extras, &build->max_extras, build->n_extras, 1,
                        sizeof(struct policy_extra)))
            return false;
        build->policy->extras[build->n_extras++] = (struct policy_extra){.conditions = conditions,
                                                                         .src_port_min = rule->src_port_min,
                                                                         .src_port_max = rule->src_port_max,
                                                                         .vlan = rule->vlan,
                                                                         .src_mac = rule->src_mac,
                                                                         .dst_mac = rule->dst_mac,
                                                                         .tcp_flags = rule->tcp_flags,
                                                                         .tcp_mask = rule->tcp_mask,
                                                                         .dscp = rule->dscp};
        *known = (uint32_t)build->n_extras;
    }
    *extra = *known;
    return true;
}

static bool entry_build(struct build *build, const struct rule *rule, struct policy_entry *entry)
{
    bool has_protocol = rule->protocol != RULE_PROTOCOL_ANY && build->family != POLICY_L2;

    *entry = (struct policy_entry){.rank = build_rank(build, rule),
                                   .protocol = has_protocol ? (uint16_t)rule->protocol : POLICY_ANY_PROTOCOL};
    rule_l4_range(rule, &entry->first, &entry->last);
    return extra_build(build, rule, &entry->extra);
}

static bool entry_matches_all(const struct policy_entry *entry)
{
    return entry->first == 0 && entry->last == UINT16_MAX && entry->extra == 0;
}

static bool entries_append(struct build *build, const struct policy_entry *entry)
{
    if (!array_grow((void **)&build->policy->entries, &build->max_entries, build->n_entries, 1, sizeof *entry))
        return false;
    build->policy->entries[build->n_entries++] = *entry;
    return true;
}

/* The first values of the intervals that the entries cut 0..65535 into, and no winners yet. */
static bool intervals_build(struct build *build, const struct sowing *sowing, struct policy_partition *partition)
{
    struct policy *policy = build->policy;
    size_t n = 1, kept = 1, space = 2 * sowing->n + 1;
    uint16_t *values;

    if (!array_grow((void **)&policy->values, &build->max_values, build->n_values, space, sizeof *values) ||
        !array_grow((void **)&policy->winners, &build->max_winners, build->n_values, space, sizeof(uint32_t)))
        return false;
    values = &policy->values[build->n_values];
    values[0] = 0;
    for (size_t i = 0; i < sowing->n; i++) {
        values[n++] = sowing->entries[i].first;
        if (sowing->entries[i].last != UINT16_MAX)
            values[n++] = (uint16_t)(sowing->entries[i].last + 1);
    }
    qsort(values, n, sizeof *values, compare_values);
    for (size_t i = 1; i < n; i++) {
        if (values[i] != values[kept - 1])
            values[kept++] = values[i];
    }
    for (size_t i = 0; i < kept; i++)
        policy->winners[build->n_values + i] = POLICY_NONE;
    partition->first_bound = (uint32_t)build->n_values;
    partition->n_bounds = (uint32_t)kept;
    build->n_values += kept;
    return true;
}

/* The interval that begins at 'value', which is a bound. */
static uint32_t interval_at(const uint16_t *values, uint32_t n, uint16_t value)
{
    uint32_t low = 0;

    while (values[low] != value) {
        uint32_t middle = low + (n - low) / 2;

        if (values[middle] <= value)
            low = middle;
        else
            n = middle;
    }
    return low;
}

/* Intervals 'begin' up to 'end' (not included) that an entry covers. */
static void entry_intervals(const struct build *build, const struct policy_partition *partition,
                            const struct policy_entry *entry, uint32_t *begin, uint32_t *end)
{
    const uint16_t *values = &build->policy->values[partition->first_bound];

    *begin = interval_at(values, partition->n_bounds, entry->first);
    *end = entry->last == UINT16_MAX ? partition->n_bounds
                                     : interval_at(values, partition->n_bounds, (uint16_t)(entry->last + 1));
}

/* Follows 'next' to the first interval from 'i' on that has no winner, and shortens the way. */
static uint32_t next_open(uint32_t *next, uint32_t i)
{
    while (next[i] != i) {
        next[i] = next[next[i]];
        i = next[i];
    }
    return i;
}

/* Unconditional entries in order of rank each take the intervals that none before them took. */
static bool winners_build(struct build *build, const struct sowing *sowing, struct policy_partition *partition)
{
    uint32_t *winners = &build->policy->winners[partition->first_bound];
    uint32_t *next = malloc((partition->n_bounds + 1) * sizeof *next);

    if (next == NULL)
        return false;
    for (uint32_t i = 0; i <= partition->n_bounds; i++)
        next[i] = i;
    for (size_t i = 0; i < sowing->n; i++) {
        const struct policy_entry *entry = &sowing->entries[i];
        uint32_t begin, end;

        if (entry->extra != 0)
            continue;
        entry_intervals(build, partition, entry, &begin, &end);
        for (begin = next_open(next, begin); begin < end; begin = next_open(next, begin)) {
            winners[begin] = entry->rank;
            next[begin] = begin + 1;
        }
        if (partition->lowest_any == POLICY_NONE && entry_matches_all(entry))
            partition->lowest_any = entry->rank;
    }
    free(next);
    return true;
}

static bool planting_append(struct sowing *sowing, uint32_t branch, const struct policy_entry *entry)
{
    if (!array_grow((void **)&sowing->plantings, &sowing->max_plantings, sowing->n_plantings, 1,
                    sizeof *sowing->plantings))
        return false;
    sowing->plantings[sowing->n_plantings++] = (struct planting){.branch = branch, .entry = *entry};
    return true;
}

/* Puts a conditional entry into the fewest branches that make up its range. */
static bool entry_plant(const struct build *build, struct sowing *sowing, const struct policy_partition *partition,
                        const struct policy_entry *entry)
{
    uint32_t begin, end;

    entry_intervals(build, partition, entry, &begin, &end);
    if (begin == 0 && end == partition->n_bounds)
        return planting_append(sowing, 1, entry);
    for (begin += partition->n_leaves, end += partition->n_leaves; begin < end; begin /= 2, end /= 2) {
        if ((begin & 1) && !planting_append(sowing, begin++, entry))
            return false;
        if ((end & 1) && !planting_append(sowing, --end, entry))
            return false;
    }
    return true;
}

/* The tree of the conditional entries, when there are any. */
static bool tree_build(struct build *build, struct sowing *sowing, struct policy_partition *partition)
{
    struct policy *policy = build->policy;
    size_t n_leaves = 1, n_conditional = 0;

    for (size_t i = 0; i < sowing->n; i++)
        n_conditional += sowing->entries[i].extra != 0;
    if (n_conditional == 0)
        return true;
    while (n_leaves < partition->n_bounds)
        n_leaves *= 2;
    if (!array_grow((void **)&policy->branches, &build->max_branches, build->n_branches, 2 * n_leaves,
                    sizeof *policy->branches))
        return false;
    memset(&policy->branches[build->n_branches], 0, 2 * n_leaves * sizeof *policy->branches);
    partition->first_branch = (uint32_t)build->n_branches;
    partition->n_leaves = (uint32_t)n_leaves;
    build->n_branches += 2 * n_leaves;
    for (size_t i = 0; i < sowing->n; i++) {
        if (sowing->entries[i].extra != 0 && !entry_plant(build, sowing, partition, &sowing->entries[i]))
            return false;
    }
    qsort(sowing->plantings, sowing->n_plantings, sizeof *sowing->plantings, compare_plantings);
    for (size_t i = 0; i < sowing->n_plantings; i++) {
        struct policy_branch *branch = &policy->branches[partition->first_branch + sowing->plantings[i].branch];

        if (branch->n++ == 0)
            branch->first = (uint32_t)build->n_entries;
        if (!entries_append(build, &sowing->plantings[i].entry))
            return false;
    }
    return true;
}

/* The partition of entries that share a protocol, by rank. */
static bool partition_build(struct build *build, const struct policy_entry *entries, size_t n)
{
    struct sowing sowing = {.entries = entries, .n = n};
    struct policy_partition partition = {
        .protocol = entries[0].protocol, .lowest = entries[0].rank, .lowest_any = POLICY_NONE};
    bool ok = array_grow((void **)&build->policy->partitions, &build->max_partitions, build->n_partitions, 1,
                         sizeof partition) &&
              intervals_build(build, &sowing, &partition) && winners_build(build, &sowing, &partition) &&
              tree_build(build, &sowing, &partition);

    free(sowing.plantings);
    if (ok)
        build->policy->partitions[build->n_partitions++] = partition;
    return ok;
}

static bool large_cell_build(struct build *build, struct policy_entry *entries, size_t n, struct policy_cell *cell)
{
    cell->is_large = true;
    cell->first = (uint32_t)build->n_partitions;
    qsort(entries, n, sizeof *entries, compare_entries);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && entries[end].protocol == entries[begin].protocol;)
            end++;
        if (!partition_build(build, &entries[begin], end - begin))
            return false;
    }
    cell->n = (uint32_t)(build->n_partitions - cell->first);
    return true;
}

bool cell_build(struct build *build, const struct place *places, size_t n, struct policy_cell *cell)
{
    struct policy_entry few[POLICY_SMALL], *entries = n > POLICY_SMALL ? calloc(n, sizeof *entries) : few;
    bool ok = entries != NULL;

    *cell = (struct policy_cell){.lowest = POLICY_NONE, .first = (uint32_t)build->n_entries};
    if (n > 0)
        cell->lowest = build_rank(build, places[0].rule);
    for (size_t i = 0; i < n && ok; i++)
        ok = entry_build(build, places[i].rule, &entries[i]);
    if (n > POLICY_SMALL) {
        ok = ok && large_cell_build(build, entries, n, cell);
        free(entries);
        return ok;
    }
    for (size_t i = 0; i < n && ok; i++) {
        ok = entries_append(build, &entries[i]);
        cell->n++;
        if (entry_matches_all(&entries[i]) && entries[i].protocol == POLICY_ANY_PROTOCOL)
            break;
    }
    return ok;
}
