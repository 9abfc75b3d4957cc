// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/addr_directory.h"
#include "tests/bench/classifiers_bench.h"

#define N_QUERIES   8192
#define SET_MEMBERS 10

static uint64_t random_state = 88172645463325252u;

unsigned int bench_random(unsigned int n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned int)((random_state >> 33) % n);
}

static struct rule blank(size_t rank)
{
    return (struct rule){.id = (uint32_t)rank + 1,
                         .family = RULE_IPV4,
                         .protocol = RULE_PROTOCOL_ANY,
                         .port_max = UINT16_MAX,
                         .icmp_type = RULE_ICMP_ANY,
                         .icmp_code = RULE_ICMP_ANY};
}

static struct inet_prefix prefix_of(uint32_t addr, unsigned int len)
{
    uint32_t mask = len == 0 ? 0 : UINT32_MAX << (32 - len);

    return (struct inet_prefix){.addr = inet_addr_from_v4(htonl(addr & mask)), .len = (uint8_t)(96 + len)};
}

/* An address of a cloud's private space, so that prefixes meet. */
static uint32_t random_host(void)
{
    return 0x0a000000u | bench_random(256) << 16 | bench_random(256) << 8 | bench_random(256);
}

static void random_ports(struct rule *rule, unsigned int any_percent, unsigned int range_percent)
{
    static const uint16_t usual[] = {22, 25, 53, 80, 123, 443, 3306, 5432, 6379, 8080, 8443, 9200};
    unsigned int kind = bench_random(100);

    if (kind < any_percent)
        return;
    if (kind < any_percent + range_percent) {
        rule->port_min = (uint16_t)bench_random(60000);
        rule->port_max = (uint16_t)(rule->port_min + bench_random(5000));
        return;
    }
    rule->port_min = bench_random(2) ? usual[bench_random(12)] : (uint16_t)(1024 + bench_random(20000));
    rule->port_max = rule->port_min;
}

static int16_t random_protocol(void)
{
    return bench_random(4) == 0 ? 17 : 6;
}

static void sets_make(struct bench_rules *rules, uint32_t n)
{
    rules->sets = (struct addr_sets){.n = n, .sets = calloc(n, sizeof(struct addr_set *))};
    for (uint32_t i = 0; i < n; i++) {
        struct inet_prefix members[SET_MEMBERS];

        for (size_t m = 0; m < SET_MEMBERS; m++)
            members[m] = prefix_of(random_host(), 32);
        addr_sets_put(&rules->sets, i, addr_set_create(members, SET_MEMBERS));
    }
}

static struct inet_addr member_of(const struct addr_set *set, unsigned int number)
{
    struct inet_prefix prefix = {.len = 0};

    for (size_t i = 0; addr_set_next(set, &i, &prefix) && number > 0;)
        number--;
    return prefix.addr;
}

static void expand(struct bench_rules *rules)
{
    rules->expanded = calloc(rules->n * SET_MEMBERS + 1, sizeof(struct rule));
    rules->n_expanded = 0;
    for (size_t i = 0; i < rules->n; i++) {
        struct rule rule = rules->rules[i];

        if (rule.remote != RULE_REMOTE_SET) {
            rules->expanded[rules->n_expanded++] = rule;
            continue;
        }
        rule.remote = RULE_REMOTE_PREFIX;
        for (size_t m = 0; addr_set_next(rules->sets.sets[rule.set], &m, &rule.prefix);)
            rules->expanded[rules->n_expanded++] = rule;
    }
}

static struct inet_addr random_in(const struct inet_prefix *prefix)
{
    unsigned int host_bits = 128u - prefix->len;
    uint32_t host = host_bits == 0 ? 0 : (uint32_t)random_host() & (UINT32_MAX >> (32 - host_bits));

    return inet_addr_from_v4(prefix->addr.words[3] | htonl(host));
}

/* Half of the queries are aimed at a rule, half at nothing in particular. */
static struct rule_query query_make(const struct bench_rules *rules)
{
    const struct rule *rule = &rules->rules[bench_random((unsigned int)rules->n)];
    struct rule_query query = {.family = RULE_IPV4, .has_ports = true, .icmp_type = RULE_ICMP_ANY};

    query.remote = inet_addr_from_v4(htonl(random_host()));
    query.local = inet_addr_from_v4(htonl(random_host()));
    query.protocol = (uint8_t)random_protocol();
    query.dst_port = (uint16_t)bench_random(65536);
    query.src_port = (uint16_t)(32768 + bench_random(28000));
    if (bench_random(2))
        return query;
    if (rule->remote == RULE_REMOTE_PREFIX)
        query.remote = random_in(&rule->prefix);
    if (rule->remote == RULE_REMOTE_SET)
        query.remote = member_of(rules->sets.sets[rule->set], bench_random(SET_MEMBERS));
    if (rule->conditions & RULE_IF_LOCAL)
        query.local = random_in(&rule->local);
    if (rule->protocol != RULE_PROTOCOL_ANY)
        query.protocol = (uint8_t)rule->protocol;
    query.dst_port = (uint16_t)(rule->port_min + bench_random(rule->port_max - rule->port_min + 1u));
    return query;
}

static void finish(struct bench_rules *rules)
{
    expand(rules);
    rules->n_queries = N_QUERIES;
    rules->queries = calloc(N_QUERIES, sizeof(struct rule_query));
    for (size_t i = 0; i < N_QUERIES; i++)
        rules->queries[i] = query_make(rules);
}

void bench_rules_make_groups(struct bench_rules *rules, size_t n)
{
    static const uint8_t lengths[] = {16, 16, 20, 20, 24, 24, 24, 28, 32, 32, 32, 32};

    *rules = (struct bench_rules){.rules = calloc(n, sizeof(struct rule)), .n = n};
    snprintf(rules->name, sizeof rules->name, "groups %zu", n);
    sets_make(rules, (uint32_t)n / 10);
    for (size_t i = 0; i < n; i++) {
        struct rule *rule = &rules->rules[i];
        unsigned int remote = bench_random(10);

        *rule = blank(i);
        rule->protocol = random_protocol();
        random_ports(rule, remote < 1 ? 0 : 15, 15);
        if (remote >= 1 && remote < 6) {
            rule->remote = RULE_REMOTE_PREFIX;
            rule->prefix = prefix_of(random_host(), lengths[bench_random(12)]);
        } else if (remote >= 6) {
            rule->remote = RULE_REMOTE_SET;
            rule->set = bench_random(rules->sets.n);
        }
    }
    finish(rules);
}

void bench_rules_make_acls(struct bench_rules *rules, size_t n)
{
    static const uint8_t lengths[] = {14, 16, 16, 16, 20, 21, 22, 23, 24, 24, 24, 26, 28, 30, 32, 32, 32, 32};

    *rules = (struct bench_rules){.rules = calloc(n, sizeof(struct rule)), .n = n};
    snprintf(rules->name, sizeof rules->name, "acls %zu", n);
    for (size_t i = 0; i < n; i++) {
        struct rule *rule = &rules->rules[i];

        *rule = blank(i);
        if (bench_random(10) > 0)
            rule->protocol = random_protocol();
        if (rule->protocol != RULE_PROTOCOL_ANY)
            random_ports(rule, 20, 20);
        if (bench_random(10) > 0) {
            rule->remote = RULE_REMOTE_PREFIX;
            rule->prefix = prefix_of(random_host(), lengths[bench_random(18)]);
        }
        if (rule->remote == RULE_REMOTE_ANY || bench_random(10) > 0) {
            rule->conditions = RULE_IF_LOCAL;
            rule->local = prefix_of(random_host(), lengths[bench_random(18)]);
        }
    }
    finish(rules);
}

void bench_rules_free(struct bench_rules *rules)
{
    addr_directory_destroy(rules->sets.directory);
    for (uint32_t i = 0; i < rules->sets.n; i++)
        addr_set_unref(rules->sets.sets[i]);
    free(rules->sets.sets);
    free(rules->rules);
    free(rules->expanded);
    free(rules->queries);
}
