// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <malloc.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/addr_directory.h"
#include "tests/bench/classifiers_bench.h"

/* How long engines take to build and to match, and what memory they hold; then what the chosen one costs where rules
 * differ in one thing only ("cases": these alone). Figures are medians of CPU time. docs/classifier.md quotes them. */

#define ROUNDS  7
#define MATCHES 200000

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
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

static size_t memory_in_use(const struct engine *engine)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd + (engine->memory != NULL ? engine->memory() : 0);
}

static double match_ns(const struct engine *engine, const void *made, const struct bench_rules *rules)
{
    size_t n = strcmp(engine->name, "linear") == 0 ? rules->n_queries : MATCHES;
    double rounds[ROUNDS];
    uint32_t sum = 0;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin = now();

        for (size_t i = 0; i < n; i++)
            sum += engine->match(made, rules, &rules->queries[i & (rules->n_queries - 1)]);
        rounds[round] = (double)(now() - begin) / (double)n;
    }
    if (sum == 1)
        printf("\n");
    return median(rounds);
}

static bool agrees(const struct engine *engine, const void *made, const struct bench_rules *rules)
{
    void *linear = engine_linear.build(rules);
    bool same = true;

    for (size_t i = 0; i < rules->n_queries && same; i++)
        same = engine->match(made, rules, &rules->queries[i]) == engine_linear.match(linear, rules, &rules->queries[i]);
    engine_linear.destroy(linear);
    return same;
}

/* False when the engine answers anything but the linear one does. */
static bool compare_engine(const struct engine *engine, const struct bench_rules *rules)
{
    double builds[ROUNDS];
    size_t before = memory_in_use(engine), after;
    void *made = NULL;
    bool same;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin;

        if (made != NULL)
            engine->destroy(made);
        begin = now();
        made = engine->build(rules);
        builds[round] = (double)(now() - begin) / 1e6;
        if (made == NULL) {
            printf("%-14s %-10s cannot be built\n", rules->name, engine->name);
            return true;
        }
        if (builds[round] > 2000) {
            for (int i = 0; i < ROUNDS; i++)
                builds[i] = builds[round];
            break;
        }
    }
    after = memory_in_use(engine);
    same = agrees(engine, made, rules);
    printf("%-14s %-10s match %9.0f ns  build %9.2f ms  memory %9zu kB%s\n", rules->name, engine->name,
           match_ns(engine, made, rules), median(builds), (after - before) / 1024, same ? "" : "  WRONG");
    fflush(stdout);
    engine->destroy(made);
    return same;
}

static bool compare_engines(void make(struct bench_rules *rules, size_t n), size_t n)
{
    static const struct engine *const engines[] = {&engine_policy, &engine_rte_acl, &engine_tuples, &engine_bitvectors,
                                                   &engine_linear};
    struct bench_rules rules;
    bool same = true;

    make(&rules, n);
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        same = compare_engine(engines[i], &rules) && same;
    bench_rules_free(&rules);
    return same;
}

int main(int argc, char **argv)
{
    static char *eal_args[] = {"classifiers", "--no-huge",      "-m",         "2048",         "--no-pci",
                               "--no-shconf", "--no-telemetry", "--lcores=0", "--log-level=1"};
    static const size_t sizes[] = {100, 1000, 10000};
    bool same = true;

    if (argc > 1 && strcmp(argv[1], "cases") == 0) {
        bench_policy_cases();
        return EXIT_SUCCESS;
    }
    if (rte_eal_init(sizeof eal_args / sizeof eal_args[0], eal_args) < 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < 3; i++)
        same = compare_engines(bench_rules_make_groups, sizes[i]) && same;
    for (size_t i = 0; i < 3; i++)
        same = compare_engines(bench_rules_make_acls, sizes[i]) && same;
    bench_policy_cases();
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
