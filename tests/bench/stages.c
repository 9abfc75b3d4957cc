// SPDX-License-Identifier: Apache-2.0
/* What packets cost in each stage of their way: batches of 64 in one thread, caches warm, no rings.
 *
 *   bench_stages          TSC clocks a packet of every stage: lowest percentile and median
 *   bench_stages NAME N   N batches of one stage, for a profiler; "all": of one after the other
 *   bench_stages --build  what it was made by, as in the first line of the others
 *
 * Under callgrind (stage_costs.py) what happens in run_batch() is counted, and stage_mark() ends what belongs to a stage. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "tests/bench/stages_bench.h"
#include "tests/unit/dataplane/station_fixture.h"

#define WARM_UP 16u
#define ROUNDS  3000u

struct rte_mbuf *stage_packets[STAGE_BATCH];

void stage_fill(const struct frame *frame, enum stage_direction direction, uint32_t first)
{
    uint32_t l3 = frame->bytes[12] == 0x81 ? 18 : 14;
    uint32_t ports = l3 + (frame->bytes[l3] >> 4 == 6 ? 40 : 20);
    uint32_t client = ports + (direction == STAGE_REQUEST ? 0 : 2);
    uint32_t server = ports + (direction == STAGE_REQUEST ? 2 : 0);

    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        uint32_t number = first + i;
        uint8_t *bytes;

        rte_pktmbuf_reset(stage_packets[i]);
        bytes = (uint8_t *)rte_pktmbuf_append(stage_packets[i], (uint16_t)frame->len);
        memcpy(bytes, frame->bytes, frame->len);
        bytes[client] = (uint8_t)(number >> 8);
        bytes[client + 1] = (uint8_t)number;
        bytes[server] ^= (uint8_t)(number >> 24);
        bytes[server + 1] ^= (uint8_t)(number >> 16);
    }
}

static const struct stage *running;

void stage_expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench_stages: %s: expected %s\n", running->name, what);
    exit(1);
}

/* The one function that is counted; "used", so that it keeps its name. */
static __attribute__((noinline, used)) void run_batch(const struct stage *stage)
{
    stage->run();
    __asm__ volatile("" ::
                         : "memory"); /* else the call becomes a jump, and this function ends before the stage begins */
}

/* Where counts are written down and begin anew. */
static __attribute__((noinline, used)) void stage_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

static void run_once(const struct stage *stage, uint32_t round)
{
    if (stage->prepare != NULL)
        stage->prepare(round);
    run_batch(stage);
}

static void begin(const struct stage *stage)
{
    running = stage;
    stage->set_up(stage->choice);
    for (uint32_t round = 0; round < WARM_UP; round++)
        run_once(stage, round);
}

static void end(const struct stage *stage)
{
    if (stage->tear_down != NULL)
        stage->tear_down();
}

/* For callgrind. */
static void count(const struct stage *stage, uint32_t rounds)
{
    begin(stage);
    stage_expect(stage->rounds_max == 0 || WARM_UP + rounds <= stage->rounds_max, "fewer batches");
    stage_mark();
    for (uint32_t round = WARM_UP; round < WARM_UP + rounds; round++)
        run_once(stage, round);
    stage_mark();
    end(stage);
    printf("%s\t%s\n", stage->name, stage->what);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(const struct stage *stage, uint32_t rounds)
{
    static double samples[ROUNDS];
    uint32_t n = stage->rounds_max != 0 && stage->rounds_max < WARM_UP + ROUNDS ? stage->rounds_max - WARM_UP : ROUNDS;

    begin(stage);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t clocks;

        if (stage->prepare != NULL)
            stage->prepare(WARM_UP + i);
        clocks = rte_rdtsc_precise();
        run_batch(stage);
        samples[i] = (double)(rte_rdtsc_precise() - clocks) / STAGE_BATCH;
    }
    end(stage);
    qsort(samples, n, sizeof *samples, compare);
    printf("%-18s %8.1f %8.1f   %s\n", stage->name, samples[n / 100], samples[n / 2], stage->what);
}

/* Runs 'run' on the stages called 'name', or on all. How many there were. */
static unsigned int each_stage(const char *name, uint32_t rounds,
                               void (*run)(const struct stage *stage, uint32_t rounds))
{
    const char *level = stages_current()->name;
    const struct stage *lists[] = {
        stages_of_headers,
        strcmp(level, "x86-64-v4") == 0   ? stages_of_keys_v4
        : strcmp(level, "x86-64-v3") == 0 ? stages_of_keys_v3
                                          : stages_of_keys_v2,
        stages_of_tunnels,
        stages_of_sessions,
        stages_of_flows,
        stages_of_workers,
    };
    unsigned int n = 0;

    for (unsigned int i = 0; i < RTE_DIM(lists); i++) {
        for (const struct stage *stage = lists[i]; stage->name != NULL; stage++) {
            if (strcmp(name, "all") != 0 && strcmp(name, stage->name) != 0)
                continue;
            run(stage, rounds);
            n++;
        }
    }
    return n;
}

/* What the figures were made by: those of another compiler are other figures. */
static void print_build(void)
{
#ifdef __clang__
    printf("clang %s", __clang_version__);
#else
    printf("gcc %s", __VERSION__);
#endif
    printf(", %s, %s", rte_version(), stages_current()->name);
#ifdef __SANITIZE_ADDRESS__
    printf(", sanitized");
#endif
#ifndef __OPTIMIZE__
    printf(", not optimised");
#endif
    printf("\n");
}

int main(int argc, char *argv[])
{
    const char *name = argc > 1 ? argv[1] : "all";
    uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

    if (argc == 2 && strcmp(name, "--build") == 0) {
        print_build();
        return 0;
    }
    if (argc > 3 || (argc > 1 && rounds == 0)) {
        fprintf(stderr, "usage: bench_stages [--build | NAME N | all N]\n");
        return 2;
    }
    if (station_group_start(NULL) < 0 || rte_pktmbuf_alloc_bulk(packet_pool(), stage_packets, STAGE_BATCH) != 0)
        return 1;
    print_build();
    if (argc == 1)
        printf("%-18s %8s %8s   clocks a packet\n", "stage", "1 %", "median");
    if (each_stage(name, rounds, argc == 1 ? measure : count) == 0) {
        fprintf(stderr, "bench_stages: there is no stage '%s'\n", name);
        return 2;
    }
    rte_pktmbuf_free_bulk(stage_packets, STAGE_BATCH);
    return 0;
}
