// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "acl/policy_build.h"

/* The prefix that a map is of. */
static const struct inet_prefix *prefix_of(const struct place *place, bool of_local)
{
    return of_local ? &place->rule->local : &place->rule->prefix;
}

/* By address, the prefix that is around the other first. */
static int prefix_compare(const struct inet_prefix *a, const struct inet_prefix *b)
{
    int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof a->addr.bytes);

    return order != 0 ? order : a->len - b->len;
}

static int compare_remotes(const struct place *a, const struct place *b)
{
    return prefix_compare(&a->rule->prefix, &b->rule->prefix);
}

static int compare_locals(const struct place *a, const struct place *b)
{
    return prefix_compare(&a->rule->local, &b->rule->local);
}

/* What comes first in prefix_compare(): all of an IPv4 prefix, half of an IPv6 address. */
static uint64_t prefix_key(const struct build *build, const struct inet_prefix *prefix)
{
    if (build->family == POLICY_IPV4)
        return (uint64_t)policy_addr4(&prefix->addr) << 8 | prefix->len;
    return __builtin_bswap64(prefix->addr.halves[0]);
}

static unsigned __int128 prefix_first(const struct build *build, const struct inet_prefix *prefix)
{
    return build->family == POLICY_IPV4 ? policy_addr4(&prefix->addr) : policy_addr6(&prefix->addr);
}

/* The first address behind a prefix, 0 when it ends with the family. */
static unsigned __int128 prefix_behind(const struct build *build, const struct inet_prefix *prefix)
{
    unsigned __int128 behind = prefix_first(build, prefix) + ((unsigned __int128)1 << (128 - prefix->len));

    return build->family == POLICY_IPV4 ? (uint32_t)behind : behind;
}

/* From 'start' on, 'inner' is the innermost node. Room was made. */
static void bound_append(struct build *build, struct policy_map *map, unsigned __int128 start, uint32_t inner)
{
    struct policy *policy = build->policy;
    bool is_v4 = build->family == POLICY_IPV4;
    size_t *n = is_v4 ? &build->n_bounds4 : &build->n_bounds6;
    uint32_t *inners = is_v4 ? policy->inner4 : policy->inner6;

    if (map->n_bounds > 0 && (is_v4 ? policy->starts4[*n - 1] == (uint32_t)start : policy->starts6[*n - 1] == start)) {
        inners[*n - 1] = inner;
        return;
    }
    if (is_v4)
        policy->starts4[*n] = (uint32_t)start;
    else
        policy->starts6[*n] = start;
    inners[(*n)++] = inner;
    map->n_bounds++;
}

static bool bounds_reserve(struct build *build, size_t n)
{
    struct policy *policy = build->policy;

    if (build->family == POLICY_IPV4)
        return array_grow((void **)&policy->starts4, &build->max_starts4, build->n_bounds4, n, sizeof(uint32_t)) &&
               array_grow((void **)&policy->inner4, &build->max_inner4, build->n_bounds4, n, sizeof(uint32_t));
    return array_grow((void **)&policy->starts6, &build->max_starts6, build->n_bounds6, n, sizeof policy->starts6[0]) &&
           array_grow((void **)&policy->inner6, &build->max_inner6, build->n_bounds6, n, sizeof(uint32_t));
}

/* Leaves the prefixes that end before 'start', beginning at 'node'; the innermost that does not. 'start' 0: all end. */
static uint32_t prefixes_leave(struct build *build, struct policy_map *map, const struct inet_prefix *const *prefixes,
                               uint32_t first_node, uint32_t node, unsigned __int128 start)
{
    const struct policy_node *nodes = build->policy->nodes;

    while (node != POLICY_NONE) {
        unsigned __int128 behind = prefix_behind(build, prefixes[node - first_node]);

        if (behind == 0 || (start != 0 && behind > start))
            break;
        node = nodes[node].parent;
        bound_append(build, map, behind, node);
    }
    return node;
}

/* Parents and bounds of 'n' nodes whose prefixes are sorted. */
static bool map_lay_out(struct build *build, struct policy_map *map, const struct inet_prefix *const *prefixes,
                        size_t n, uint32_t first_node)
{
    uint32_t node = POLICY_NONE;

    if (!bounds_reserve(build, 2 * n + 1))
        return false;
    map->first_bound = (uint32_t)(build->family == POLICY_IPV4 ? build->n_bounds4 : build->n_bounds6);
    map->n_bounds = 0;
    bound_append(build, map, 0, POLICY_NONE);
    for (uint32_t i = 0; i < n; i++) {
        struct policy_node *inner = &build->policy->nodes[first_node + i];
        unsigned __int128 start = prefix_first(build, prefixes[i]);

        if (start != 0)
            node = prefixes_leave(build, map, prefixes, first_node, node, start);
        inner->parent = node;
        inner->lowest_up = inner->scope.lowest;
        if (node != POLICY_NONE && build->policy->nodes[node].lowest_up < inner->lowest_up)
            inner->lowest_up = build->policy->nodes[node].lowest_up;
        node = first_node + i;
        bound_append(build, map, start, node);
    }
    prefixes_leave(build, map, prefixes, first_node, node, 0);
    return true;
}

/* The scope of one prefix, whose rules are 'places'. */
static bool node_build(struct build *build, struct place *places, size_t n, bool of_local, uint32_t node)
{
    struct policy_scope scope = {.locals = 0};

    if (of_local ? !cell_build(build, places, n, &scope.cell) : !scope_build(build, places, n, &scope))
        return false;
    if (of_local)
        scope.lowest = scope.cell.lowest;
    build->policy->nodes[node].scope = scope;
    return true;
}

bool map_build(struct build *build, struct place *places, size_t n, bool of_local, struct policy_map *map)
{
    const struct inet_prefix *few[POLICY_SMALL], **prefixes = n > POLICY_SMALL ? calloc(n, sizeof *prefixes) : few;
    uint32_t first_node = (uint32_t)build->n_nodes, n_nodes = 0;
    bool ok = prefixes != NULL;

    if (!ok)
        return false;
    for (size_t i = 0; i < n; i++)
        places[i].key = prefix_key(build, prefix_of(&places[i], of_local));
    places_sort(places, n, of_local ? compare_locals : compare_remotes);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || prefix_compare(prefix_of(&places[i - 1], of_local), prefix_of(&places[i], of_local)) != 0)
            prefixes[n_nodes++] = prefix_of(&places[i], of_local);
    }
    ok = array_grow((void **)&build->policy->nodes, &build->max_nodes, build->n_nodes, n_nodes,
                    sizeof(struct policy_node));
    build->n_nodes += ok ? n_nodes : 0;
    for (size_t begin = 0, end, i = 0; begin < n && ok; begin = end, i++) {
        for (end = begin; end < n && prefix_compare(prefixes[i], prefix_of(&places[end], of_local)) == 0;)
            end++;
        ok = node_build(build, &places[begin], end - begin, of_local, first_node + (uint32_t)i);
    }
    ok = ok && map_lay_out(build, map, prefixes, n_nodes, first_node);
    if (n > POLICY_SMALL)
        free(prefixes);
    return ok;
}
