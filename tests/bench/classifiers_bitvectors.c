// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/classifiers_bench.h"

/* Bit vectors: the values at which rules begin and end cut each dimension into intervals; each interval has a bit for
 * every rule. The answer is the first bit that is set in all four. */

enum { REMOTE, LOCAL, PORT, PROTOCOL, N_DIMENSIONS };

struct dimension {
    size_t n;
    uint64_t *bounds;
    uint64_t *vectors; /* 'words' for each interval */
};

struct bitvectors {
    size_t words;
    struct dimension dimensions[N_DIMENSIONS];
};

static void prefix_range(bool given, const struct inet_prefix *prefix, uint64_t *first, uint64_t *last)
{
    *first = 0;
    *last = UINT32_MAX;
    if (given) {
        *first = ntohl(inet_addr_v4(&prefix->addr));
        *last = *first + (UINT64_C(1) << (128 - prefix->len)) - 1;
    }
}

static void rule_range(const struct rule *rule, int dimension, uint64_t *first, uint64_t *last)
{
    switch (dimension) {
    case REMOTE:
        prefix_range(rule->remote == RULE_REMOTE_PREFIX, &rule->prefix, first, last);
        break;
    case LOCAL:
        prefix_range(rule->conditions & RULE_IF_LOCAL, &rule->local, first, last);
        break;
    case PORT:
        *first = rule->port_min;
        *last = rule->port_max;
        break;
    default:
        *first = rule->protocol == RULE_PROTOCOL_ANY ? 0 : (uint64_t)rule->protocol;
        *last = rule->protocol == RULE_PROTOCOL_ANY ? 255 : (uint64_t)rule->protocol;
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static size_t find(const struct dimension *dimension, uint64_t value)
{
    size_t low = 0;

    for (size_t n = dimension->n, half; n > 1; n -= half) {
        half = n / 2;
        low += dimension->bounds[low + half] <= value ? half : 0;
    }
    return low;
}

static void bounds_make(struct dimension *dimension, const struct bench_rules *rules, int number)
{
    size_t n = 1, kept = 1;

    dimension->bounds = calloc(2 * rules->n_expanded + 1, sizeof(uint64_t));
    for (size_t i = 0; i < rules->n_expanded; i++) {
        uint64_t first, last;

        rule_range(&rules->expanded[i], number, &first, &last);
        dimension->bounds[n++] = first;
        dimension->bounds[n++] = last + 1;
    }
    qsort(dimension->bounds, n, sizeof(uint64_t), compare);
    for (size_t i = 1; i < n; i++) {
        if (dimension->bounds[i] != dimension->bounds[kept - 1])
            dimension->bounds[kept++] = dimension->bounds[i];
    }
    dimension->n = kept;
}

static bool vectors_make(struct bitvectors *engine, struct dimension *dimension, const struct bench_rules *rules,
                         int number)
{
    if (dimension->n * engine->words * sizeof(uint64_t) > ENGINE_MEMORY_MAX)
        return false;
    dimension->vectors = calloc(dimension->n * engine->words, sizeof(uint64_t));
    for (size_t i = 0; i < rules->n_expanded; i++) {
        uint64_t first, last;

        rule_range(&rules->expanded[i], number, &first, &last);
        for (size_t at = find(dimension, first); at < dimension->n && dimension->bounds[at] <= last; at++)
            dimension->vectors[at * engine->words + i / 64] |= UINT64_C(1) << (i % 64);
    }
    return true;
}

static void bitvectors_destroy(void *engine)
{
    struct bitvectors *bitvectors = engine;

    for (int i = 0; i < N_DIMENSIONS; i++) {
        free(bitvectors->dimensions[i].bounds);
        free(bitvectors->dimensions[i].vectors);
    }
    free(bitvectors);
}

static void *bitvectors_build(const struct bench_rules *rules)
{
    struct bitvectors *engine = calloc(1, sizeof *engine);

    engine->words = (rules->n_expanded + 63) / 64;
    for (int i = 0; i < N_DIMENSIONS; i++) {
        bounds_make(&engine->dimensions[i], rules, i);
        if (!vectors_make(engine, &engine->dimensions[i], rules, i)) {
            bitvectors_destroy(engine);
            return NULL;
        }
    }
    return engine;
}

static uint32_t bitvectors_match(const void *engine, const struct bench_rules *rules, const struct rule_query *query)
{
    const struct bitvectors *bitvectors = engine;
    uint64_t values[N_DIMENSIONS] = {ntohl(inet_addr_v4(&query->remote)), ntohl(inet_addr_v4(&query->local)),
                                     query->dst_port, query->protocol};
    const uint64_t *v[N_DIMENSIONS];

    for (int i = 0; i < N_DIMENSIONS; i++) {
        const struct dimension *dimension = &bitvectors->dimensions[i];

        v[i] = &dimension->vectors[find(dimension, values[i]) * bitvectors->words];
    }
    for (size_t i = 0; i < bitvectors->words; i++) {
        uint64_t word = v[REMOTE][i] & v[LOCAL][i] & v[PORT][i] & v[PROTOCOL][i];

        if (word != 0)
            return rules->expanded[i * 64 + (size_t)__builtin_ctzll(word)].id;
    }
    return 0;
}

const struct engine engine_bitvectors = {
    .name = "bitvectors", .build = bitvectors_build, .match = bitvectors_match, .destroy = bitvectors_destroy};
