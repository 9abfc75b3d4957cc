// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy_private.h"

/* How a policy is made, in three steps that each have a file: policy_compile.c sorts rules by family and remote,
 * policy_map.c lays out prefixes, policy_cell.c protocols and l4 values. Functions are false when out of memory. */

/* A rule of the family that is being laid out, under the key that it is sorted by at this level. */
struct place {
    uint64_t key;
    const struct rule *rule; /* of one array by rank: the lower pointer is the lower rank */
};

struct build {
    struct policy *policy;
    const struct rule *rules; /* in order; the index is the rank */
    size_t n_rules;
    enum policy_family family;
    uint32_t *extra_of; /* by rank: 1 + index of its extra, 0: none (yet) */
    size_t n_entries, max_entries;
    size_t n_extras, max_extras;
    size_t n_maps, max_maps;
    size_t n_nodes, max_nodes;
    size_t n_bounds4, max_starts4, max_inner4;
    size_t n_bounds6, max_starts6, max_inner6;
    size_t n_sets, max_sets;
    size_t n_slots, max_slots;
    size_t n_partitions, max_partitions;
    size_t n_values, max_values, max_winners;
    size_t n_branches, max_branches;
};

/* Makes room for 'more' items behind the 'n' in use. */
bool array_grow(void **array, size_t *max, size_t n, size_t more, size_t item_size);

/* The rank of a rule. */
static inline uint32_t build_rank(const struct build *build, const struct rule *rule)
{
    return (uint32_t)(rule - build->rules);
}

/* Sorts by key, then (for keys that stand for more than they hold) by 'compare', then by rank. */
typedef int place_compare(const struct place *a, const struct place *b);
void places_sort(struct place *places, size_t n, place_compare *compare);

/* Lays out 'n' rules, by rank, of one remote and one local. */
bool cell_build(struct build *build, const struct place *places, size_t n, struct policy_cell *cell);

/* Lays out the rules of one remote, by rank. Changes the places. */
bool scope_build(struct build *build, struct place *places, size_t n, struct policy_scope *scope);

/* Lays out rules with prefixes of their remote or of their local address. Changes the places. */
bool map_build(struct build *build, struct place *places, size_t n, bool of_local, struct policy_map *map);
