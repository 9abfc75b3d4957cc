// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/classifiers_bench.h"

/* Tuple space search: one hash table for each combination of prefix lengths, protocol given or not, and port exact or
 * not; a range is checked on the chain. Tables are asked in the order of their best rule, until none can do better. */

struct key {
    uint32_t remote, local;
    uint16_t port, protocol;
};

struct link {
    struct key key;
    uint32_t id;
    uint16_t port_min, port_max;
    uint32_t next; /* 1 + index of the link after it, 0: none; chains are by rank */
};

struct tuple {
    uint32_t remote_mask, local_mask;
    bool has_protocol, has_port;
    uint32_t best; /* lowest id */
    uint32_t n, mask;
    uint32_t *buckets; /* 1 + index of link */
};

struct tuples {
    size_t n_tuples, n_links;
    struct tuple *tuples;
    struct link *links;
};

static uint32_t mask_of(bool given, const struct inet_prefix *prefix)
{
    return !given || prefix->len <= 96 ? 0 : UINT32_MAX << (128 - prefix->len);
}

static struct tuple tuple_of(const struct rule *rule)
{
    return (struct tuple){.remote_mask = mask_of(rule->remote == RULE_REMOTE_PREFIX, &rule->prefix),
                          .local_mask = mask_of(rule->conditions & RULE_IF_LOCAL, &rule->local),
                          .has_protocol = rule->protocol != RULE_PROTOCOL_ANY,
                          .has_port = rule->port_min == rule->port_max};
}

static bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
    return a->remote_mask == b->remote_mask && a->local_mask == b->local_mask && a->has_protocol == b->has_protocol &&
           a->has_port == b->has_port;
}

static struct key key_of(const struct tuple *tuple, uint32_t remote, uint32_t local, uint16_t protocol, uint16_t port)
{
    return (struct key){.remote = remote & tuple->remote_mask,
                        .local = local & tuple->local_mask,
                        .port = tuple->has_port ? port : 0,
                        .protocol = tuple->has_protocol ? protocol : 0};
}

static uint32_t key_hash(const struct key *key)
{
    uint64_t words[2];

    _Static_assert(sizeof *key == 12, "no padding");
    words[1] = 0;
    memcpy(words, key, sizeof *key);
    words[0] = (words[0] ^ words[1] * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(words[0] >> 32);
}

static struct tuple *tuple_find(struct tuples *tuples, const struct rule *rule)
{
    struct tuple tuple = tuple_of(rule);

    for (size_t i = 0; i < tuples->n_tuples; i++) {
        if (tuple_equal(&tuples->tuples[i], &tuple))
            return &tuples->tuples[i];
    }
    tuple.best = rule->id;
    tuples->tuples = realloc(tuples->tuples, (tuples->n_tuples + 1) * sizeof tuple);
    tuples->tuples[tuples->n_tuples] = tuple;
    return &tuples->tuples[tuples->n_tuples++];
}

/* Behind the rules of the same bucket that came before. */
static void link_add(struct tuples *tuples, struct tuple *tuple, const struct rule *rule)
{
    struct key key = key_of(tuple, ntohl(inet_addr_v4(&rule->prefix.addr)), ntohl(inet_addr_v4(&rule->local.addr)),
                            (uint16_t)rule->protocol, rule->port_min);
    uint32_t *at = &tuple->buckets[key_hash(&key) & tuple->mask];

    while (*at != 0)
        at = &tuples->links[*at - 1].next;
    tuples->links[tuples->n_links++] =
        (struct link){.key = key, .id = rule->id, .port_min = rule->port_min, .port_max = rule->port_max};
    *at = (uint32_t)tuples->n_links;
}

static void *tuples_build(const struct bench_rules *rules)
{
    struct tuples *tuples = calloc(1, sizeof *tuples);

    tuples->links = calloc(rules->n_expanded, sizeof(struct link));
    for (size_t i = 0; i < rules->n_expanded; i++)
        tuple_find(tuples, &rules->expanded[i])->n++;
    for (size_t i = 0; i < tuples->n_tuples; i++) {
        uint32_t n = 2;

        while (n < 2 * tuples->tuples[i].n)
            n *= 2;
        tuples->tuples[i].mask = n - 1;
        tuples->tuples[i].buckets = calloc(n, sizeof(uint32_t));
    }
    for (size_t i = 0; i < rules->n_expanded; i++)
        link_add(tuples, tuple_find(tuples, &rules->expanded[i]), &rules->expanded[i]);
    return tuples;
}

static uint32_t tuples_match(const void *engine, const struct bench_rules *rules, const struct rule_query *query)
{
    const struct tuples *tuples = engine;
    uint32_t remote = ntohl(inet_addr_v4(&query->remote)), local = ntohl(inet_addr_v4(&query->local));
    uint32_t best = UINT32_MAX;

    (void)rules;
    for (size_t i = 0; i < tuples->n_tuples && tuples->tuples[i].best < best; i++) {
        const struct tuple *tuple = &tuples->tuples[i];
        struct key key = key_of(tuple, remote, local, query->protocol, query->dst_port);

        for (uint32_t at = tuple->buckets[key_hash(&key) & tuple->mask]; at != 0; at = tuples->links[at - 1].next) {
            const struct link *link = &tuples->links[at - 1];

            if (link->id >= best)
                break;
            if (memcmp(&link->key, &key, sizeof key) == 0 && query->dst_port >= link->port_min &&
                query->dst_port <= link->port_max) {
                best = link->id;
                break;
            }
        }
    }
    return best == UINT32_MAX ? 0 : best;
}

static void tuples_destroy(void *engine)
{
    struct tuples *tuples = engine;

    for (size_t i = 0; i < tuples->n_tuples; i++)
        free(tuples->tuples[i].buckets);
    free(tuples->tuples);
    free(tuples->links);
    free(tuples);
}

const struct engine engine_tuples = {
    .name = "tuples", .build = tuples_build, .match = tuples_match, .destroy = tuples_destroy};
