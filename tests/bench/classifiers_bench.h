// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy.h"

/* Rule lists and the engines that are compared on them. IPv4, TCP and UDP only: what all engines know. */

struct bench_rules {
    char name[32];
    struct rule *rules; /* in order of precedence, id = rank + 1 */
    size_t n;
    /* The same for engines without address sets: a rule with a set is one rule for each member. */
    struct rule *expanded;
    size_t n_expanded;
    struct addr_sets sets;
    struct rule_query *queries;
    size_t n_queries; /* a power of two */
};

/* What a group's rules look like: few protocols and ports, remotes any, prefixes and sets. */
void bench_rules_make_groups(struct bench_rules *rules, size_t n);
/* What a firewall's rules look like: prefixes on both sides, ports and ranges of ports. */
void bench_rules_make_acls(struct bench_rules *rules, size_t n);
void bench_rules_free(struct bench_rules *rules);

struct engine {
    const char *name;
    /* NULL: it cannot be built, or would take more than ENGINE_MEMORY_MAX. */
    void *(*build)(const struct bench_rules *rules);
    uint32_t (*match)(const void *engine, const struct bench_rules *rules, const struct rule_query *query);
    void (*destroy)(void *engine);
    /* Memory beside the heap, NULL: none. */
    size_t (*memory)(void);
};
#define ENGINE_MEMORY_MAX (size_t)(512u << 20)

extern const struct engine engine_policy;     /* acl/policy.h */
extern const struct engine engine_rte_acl;    /* DPDK's tries */
extern const struct engine engine_tuples;     /* tuple space search */
extern const struct engine engine_bitvectors; /* a bit vector per class of each dimension, their intersection */
extern const struct engine engine_linear;

unsigned int bench_random(unsigned int n); /* 0..n-1, the same in each run */

/* The policy engine alone, where rules differ in one thing, where there are very many, and where something changes. */
void bench_policy_cases(void);
