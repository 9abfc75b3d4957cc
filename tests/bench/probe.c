// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Measures how long a cache line takes from one CPU to another and back, and prints it in nanoseconds: the median over
 * batches, so that a time slice given to somebody else does not count.
 *
 * Usage: probe CPU CPU */

#define BATCHES      51
#define BATCH_TRIPS  400u
#define SECONDS_MOST 2.0

static struct {
    alignas(64) _Atomic unsigned int ball;
    alignas(64) _Atomic bool over;
    unsigned int cpus[2];
} table;

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static bool pin(unsigned int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

/* Turns every odd number into the next even one. */
static void *answer(void *arg)
{
    unsigned int seen = 0;

    if (!pin(table.cpus[1]))
        exit(EXIT_FAILURE);
    while (!atomic_load_explicit(&table.over, memory_order_relaxed)) {
        unsigned int ball = atomic_load_explicit(&table.ball, memory_order_acquire);

        if (ball != seen && ball % 2 == 1) {
            seen = ball + 1;
            atomic_store_explicit(&table.ball, seen, memory_order_release);
        }
    }
    return NULL;
}

static void trip(unsigned int *ball)
{
    atomic_store_explicit(&table.ball, ++*ball, memory_order_release);
    ++*ball;
    while (atomic_load_explicit(&table.ball, memory_order_acquire) != *ball)
        ;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double measure(void)
{
    double batches[BATCHES], deadline;
    unsigned int ball = 0;
    size_t n = 0;

    trip(&ball); /* the other thread is there now */
    deadline = now_ns() + SECONDS_MOST * 1e9;
    while (n < BATCHES && (n == 0 || now_ns() < deadline)) {
        double start = now_ns();

        for (unsigned int i = 0; i < BATCH_TRIPS; i++)
            trip(&ball);
        batches[n++] = (now_ns() - start) / BATCH_TRIPS;
    }
    qsort(batches, n, sizeof batches[0], compare);
    return batches[n / 2];
}

int main(int argc, char *argv[])
{
    pthread_t thread;
    double ns;

    if (argc != 3) {
        fprintf(stderr, "usage: probe CPU CPU\n");
        return EXIT_FAILURE;
    }
    table.cpus[0] = (unsigned int)atoi(argv[1]);
    table.cpus[1] = (unsigned int)atoi(argv[2]);
    if (!pin(table.cpus[0]) || pthread_create(&thread, NULL, answer, NULL) != 0) {
        fprintf(stderr, "probe: CPU %u cannot be used\n", table.cpus[0]);
        return EXIT_FAILURE;
    }
    ns = measure();
    atomic_store(&table.over, true);
    pthread_join(thread, NULL);
    printf("%.1f\n", ns);
    return EXIT_SUCCESS;
}
