// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/classifiers_bench.h"

/* The engine of the product, and the one that looks at every rule. */

static void *policy_build(const struct bench_rules *rules)
{
    return policy_compile(rules->rules, rules->n);
}

static uint32_t policy_ask(const void *engine, const struct bench_rules *rules, const struct rule_query *query)
{
    const struct policy_rule *rule = policy_match(engine, &rules->sets, query);

    return rule != NULL ? rule->id : 0;
}

static void policy_destroy(void *engine)
{
    policy_unref(engine);
}

const struct engine engine_policy = {
    .name = "policy", .build = policy_build, .match = policy_ask, .destroy = policy_destroy};

/* The rules packed as tightly as a scan would have them. */
struct flat {
    uint32_t remote, remote_mask, local, local_mask;
    uint16_t port_min, port_max;
    int16_t protocol;
    uint32_t set; /* 1 + number, 0: none */
};

struct linear {
    size_t n;
    struct flat rules[];
};

static uint32_t mask_of(const struct inet_prefix *prefix)
{
    return prefix->len <= 96 ? 0 : UINT32_MAX << (128 - prefix->len);
}

static void *linear_build(const struct bench_rules *rules)
{
    struct linear *linear = calloc(1, sizeof *linear + rules->n * sizeof linear->rules[0]);

    linear->n = rules->n;
    for (size_t i = 0; i < rules->n; i++) {
        const struct rule *rule = &rules->rules[i];
        struct flat *flat = &linear->rules[i];

        *flat = (struct flat){.port_min = rule->port_min,
                              .port_max = rule->port_max,
                              .protocol = rule->protocol,
                              .set = rule->remote == RULE_REMOTE_SET ? rule->set + 1 : 0};
        if (rule->remote == RULE_REMOTE_PREFIX) {
            flat->remote = ntohl(inet_addr_v4(&rule->prefix.addr));
            flat->remote_mask = mask_of(&rule->prefix);
        }
        if (rule->conditions & RULE_IF_LOCAL) {
            flat->local = ntohl(inet_addr_v4(&rule->local.addr));
            flat->local_mask = mask_of(&rule->local);
        }
    }
    return linear;
}

static uint32_t linear_match(const void *engine, const struct bench_rules *rules, const struct rule_query *query)
{
    const struct linear *linear = engine;
    uint32_t remote = ntohl(inet_addr_v4(&query->remote)), local = ntohl(inet_addr_v4(&query->local));

    for (size_t i = 0; i < linear->n; i++) {
        const struct flat *flat = &linear->rules[i];

        if (flat->protocol != RULE_PROTOCOL_ANY && flat->protocol != query->protocol)
            continue;
        if (query->dst_port < flat->port_min || query->dst_port > flat->port_max)
            continue;
        if ((remote & flat->remote_mask) != flat->remote || (local & flat->local_mask) != flat->local)
            continue;
        if (flat->set == 0 || addr_set_contains(rules->sets.sets[flat->set - 1], &query->remote))
            return (uint32_t)i + 1;
    }
    return 0;
}

const struct engine engine_linear = {.name = "linear", .build = linear_build, .match = linear_match, .destroy = free};
