// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/addr_directory.h"
#include "tests/bench/classifiers_bench.h"

#define N_QUERIES 8192
#define ROUNDS    7

static double now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof values[0], compare);
    return values[ROUNDS / 2];
}

static struct inet_addr host(uint32_t number)
{
    return inet_addr_from_v4(htonl(0x0a000000u + number));
}

static struct inet_prefix host_prefix(uint32_t number)
{
    return (struct inet_prefix){.addr = host(number), .len = 128};
}

static struct rule web_rule(uint32_t number)
{
    return (struct rule){.id = number + 1,
                         .family = RULE_IPV4,
                         .protocol = 6,
                         .port_min = 443,
                         .port_max = 443,
                         .icmp_type = RULE_ICMP_ANY,
                         .icmp_code = RULE_ICMP_ANY};
}

static struct rule_query web_query(void)
{
    return (struct rule_query){.family = RULE_IPV4,
                               .protocol = 6,
                               .has_ports = true,
                               .dst_port = 443,
                               .remote = host(1u << 20),
                               .local = host(1u << 20),
                               .icmp_type = RULE_ICMP_ANY};
}

/* In what rules differ: each sets that in rule 'i' and in the query that is for it. */
static void by_set(struct rule *rule, struct rule_query *query, uint32_t i)
{
    rule->remote = RULE_REMOTE_SET;
    rule->set = i;
    query->remote = host(i);
}

static void by_remote(struct rule *rule, struct rule_query *query, uint32_t i)
{
    rule->remote = RULE_REMOTE_PREFIX;
    rule->prefix = host_prefix(i);
    query->remote = host(i);
}

static void by_local(struct rule *rule, struct rule_query *query, uint32_t i)
{
    rule->conditions = RULE_IF_LOCAL;
    rule->local = host_prefix(i);
    query->local = host(i);
}

static void by_port(struct rule *rule, struct rule_query *query, uint32_t i)
{
    rule->port_min = rule->port_max = query->dst_port = (uint16_t)i;
}

static void by_source_port(struct rule *rule, struct rule_query *query, uint32_t i)
{
    rule->conditions = RULE_IF_SRC_PORT;
    rule->src_port_min = rule->src_port_max = query->src_port = (uint16_t)i;
}

static double policy_ns(const struct policy *policy, const struct addr_sets *sets, const struct rule_query *queries)
{
    double rounds[ROUNDS];
    uint32_t found = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_us();

        for (size_t i = 0; i < N_QUERIES; i++)
            found += policy_match(policy, sets, &queries[i]) != NULL;
        rounds[round] = (now_us() - begin) * 1e3 / N_QUERIES;
    }
    if (found == 0)
        printf("nothing matches: ");
    return median(rounds);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static double compile_us(const struct rule *rules, uint32_t n, uint32_t n_policies, size_t *kilobytes)
{
    double rounds[ROUNDS];
    size_t bytes = 0;
    struct policy **policies = calloc(n_policies, sizeof(struct policy *));

    for (int round = 0; round < ROUNDS; round++) {
        size_t before = heap_in_use();
        double begin = now_us();

        for (uint32_t i = 0; i < n_policies; i++)
            policies[i] = policy_compile(rules, n);
        rounds[round] = now_us() - begin;
        bytes = heap_in_use() - before;
        for (uint32_t i = 0; i < n_policies; i++)
            policy_unref(policies[i]);
    }
    free(policies);
    *kilobytes = bytes / 1024;
    return median(rounds);
}

static void one_thing(const char *name, uint32_t n,
                      void differ(struct rule *rule, struct rule_query *query, uint32_t i),
                      const struct addr_sets *sets)
{
    struct rule *rules = calloc(n, sizeof *rules);
    struct rule_query *queries = calloc(N_QUERIES, sizeof *queries);
    struct policy *policy;
    size_t kilobytes;
    double us;

    for (uint32_t i = 0; i < n; i++) {
        struct rule_query unused;

        rules[i] = web_rule(i);
        differ(&rules[i], &unused, i);
    }
    for (uint32_t q = 0; q < N_QUERIES; q++) {
        struct rule unused;

        queries[q] = web_query();
        differ(&unused, &queries[q], bench_random(n));
    }
    policy = policy_compile(rules, n);
    us = compile_us(rules, n, 1, &kilobytes);
    printf("%6u rules that differ by %-12s match %6.0f ns  compile %8.2f ms\n", n, name,
           policy_ns(policy, sets, queries), us / 1e3);
    policy_unref(policy);
    free(rules);
    free(queries);
}

/* As many sets as rules; set i has host i and nine more that are in no other. */
static struct addr_sets many_sets(uint32_t n)
{
    struct addr_sets sets = {.n = n, .sets = calloc(n, sizeof(struct addr_set *))};
    double begin;

    for (uint32_t i = 0; i < n; i++) {
        struct inet_prefix members[10];

        for (uint32_t m = 0; m < 10; m++)
            members[m] = host_prefix(i + m * n);
        sets.sets[i] = addr_set_create(members, 10);
    }
    begin = now_us();
    addr_sets_put(&sets, 0, sets.sets[0]);
    printf("directory of %u sets of 10 members: %.2f ms\n", n, (now_us() - begin) / 1e3);
    return sets;
}

/* A snapshot's edit that changes one member of a set of 'n' beside the sets there are. */
static void member_change(struct addr_sets *sets, uint32_t n)
{
    struct inet_prefix *members = calloc(n, sizeof *members);
    struct addr_set *former;
    double rounds[ROUNDS];

    for (uint32_t i = 0; i < n; i++)
        members[i] = host_prefix((1u << 20) + i);
    former = addr_set_create(members, n);
    addr_set_unref(sets->sets[1]);
    addr_sets_put(sets, 1, NULL);
    addr_sets_put(sets, 1, former);
    for (int round = 0; round < ROUNDS; round++) {
        struct addr_directory *directory = sets->directory;
        double begin = now_us();

        members[0] = host_prefix((1u << 21) + (uint32_t)round);
        sets->directory = addr_directory_copy(directory);
        addr_sets_put(sets, 1, addr_set_create(members, n));
        rounds[round] = now_us() - begin;
        addr_directory_destroy(directory);
        addr_set_unref(former);
        former = sets->sets[1];
    }
    printf("one member of a set of %u changes: %.2f ms\n", n, median(rounds) / 1e3);
    free(members);
}

static void volume(const char *name, void make(struct bench_rules *rules, size_t n), uint32_t n, uint32_t n_policies)
{
    struct bench_rules rules;
    size_t kilobytes;
    double us;

    make(&rules, n);
    us = compile_us(rules.rules, n, n_policies, &kilobytes);
    printf("%4u policies of %6u %-6s compile %8.2f ms  memory %6zu kB\n", n_policies, n, name, us / 1e3, kilobytes);
    bench_rules_free(&rules);
}

void bench_policy_cases(void)
{
    static const uint32_t sizes[] = {100, 10000};
    struct addr_sets sets = many_sets(10000);

    for (size_t i = 0; i < 2; i++) {
        one_thing("set", sizes[i], by_set, &sets);
        one_thing("remote", sizes[i], by_remote, NULL);
        one_thing("local", sizes[i], by_local, NULL);
        one_thing("port", sizes[i], by_port, NULL);
        one_thing("source port", sizes[i], by_source_port, NULL);
    }
    volume("groups", bench_rules_make_groups, 10, 1000);
    volume("groups", bench_rules_make_groups, 100, 1000);
    volume("groups", bench_rules_make_groups, 10000, 1);
    volume("groups", bench_rules_make_groups, 100000, 1);
    volume("acls", bench_rules_make_acls, 10000, 1);
    volume("acls", bench_rules_make_acls, 100000, 1);
    member_change(&sets, 10000);
    addr_directory_destroy(sets.directory);
    for (uint32_t i = 0; i < sets.n; i++)
        addr_set_unref(sets.sets[i]);
    free(sets.sets);
}
