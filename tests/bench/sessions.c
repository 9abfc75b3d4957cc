// SPDX-License-Identifier: Apache-2.0
/* Nanoseconds that one session costs: opening, finding and closing a million of them (or as many as the argument says)
 * in one thread, in batches as a worker does. Good for comparing two builds on a busy machine: run both in turns on one
 * CPU (taskset -c 1) and compare the best rounds. */
#include "tests/unit/acl/conntrack_fixture.h"

#include <stdio.h>
#include <time.h>

#define SESSIONS_DEFAULT (1u << 20)
#define BATCH            32u
#define ROUNDS           5

static uint32_t n_sessions = SESSIONS_DEFAULT;

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Connection 'i': ports and the low half of the client's address count up. */
static struct packet packet_of(const struct packet *model, uint32_t i)
{
    struct packet packet = *model;

    packet.src_port = (uint16_t)i;
    packet.src.bytes[14] = (uint8_t)(i >> 16);
    return packet;
}

struct costs {
    double open;
    double find;
    double close;
};

/* As a worker that prefetches for its batch, or that does not. */
static void open_batch(struct conntrack *ct, const struct packet *packets, uint32_t account, bool prefetch)
{
    struct ct_new sessions[BATCH];
    struct ct_match match;

    for (uint32_t i = 0; i < BATCH; i++) {
        sessions[i] = (struct ct_new){.tuple = tuple_of(&packets[i], ZONE),
                                      .packet = &packets[i],
                                      .account = account,
                                      .verdict = {.allowed = true}};
        if (prefetch)
            conntrack_prefetch(ct, 0, &sessions[i].tuple, i);
    }
    for (uint32_t i = 0; i < BATCH; i++)
        assert_int_equal(conntrack_open(ct, 0, &sessions[i], 1, &match), 0);
}

static void open_all(struct conntrack *ct, const struct packet *model, uint32_t account, bool prefetch)
{
    for (uint32_t i = 0; i < n_sessions; i += BATCH) {
        struct packet packets[BATCH];

        for (uint32_t j = 0; j < BATCH; j++)
            packets[j] = packet_of(model, i + j);
        open_batch(ct, packets, account, prefetch);
        conntrack_run(ct, 0, 1);
    }
}

static void find_all(struct conntrack *ct, const struct packet *model)
{
    for (uint32_t i = 0; i < n_sessions; i++) {
        struct packet packet = packet_of(model, i * 7919u % n_sessions);
        struct ct_tuple tuple = tuple_of(&packet, ZONE);
        struct ct_match match;

        assert_true(conntrack_find(ct, &tuple, &match));
    }
}

static struct costs one_round(const struct packet *model, const struct ct_limits *limits, bool prefetch)
{
    struct conntrack *ct = make_table(2 * n_sessions, 1);
    uint32_t account = limits == NULL ? 0 : conntrack_account_open(ct, limits);
    double start = seconds();
    struct costs costs;

    open_all(ct, model, account, prefetch);
    costs.open = seconds() - start;
    start = seconds();
    if (limits == NULL)
        find_all(ct, model);
    costs.find = seconds() - start;
    start = seconds();
    conntrack_flush(ct, 0, true);
    costs.close = seconds() - start;
    conntrack_destroy(ct);
    return costs;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static void measure(const char *name, const struct packet *model, const struct ct_limits *limits, bool prefetch)
{
    struct costs best = one_round(model, limits, prefetch);

    for (int i = 1; i < ROUNDS; i++) {
        struct costs costs = one_round(model, limits, prefetch);

        best.open = smaller(best.open, costs.open);
        best.find = smaller(best.find, costs.find);
        best.close = smaller(best.close, costs.close);
    }
    printf("%-28s open %6.1f ns (%.2f M/s)  find %6.1f ns  close %6.1f ns\n", name, best.open * 1e9 / n_sessions,
           n_sessions / best.open * 1e-6, best.find * 1e9 / n_sessions, best.close * 1e9 / n_sessions);
}

int main(int argc, char **argv)
{
    static const struct ct_limits plenty = {.max = UINT32_MAX, .half_open = CT_HALF_OPEN_MAX};
    struct packet udp = make_udp(0, 53);
    struct packet tcp = make_tcp(0, 80, SYN);

    if (argc > 1)
        n_sessions = (uint32_t)strtoul(argv[1], NULL, 10) / BATCH * BATCH;
    measure("UDP", &udp, NULL, false);
    measure("UDP, prefetched", &udp, NULL, true);
    measure("UDP, prefetched, charged", &udp, &plenty, true);
    measure("TCP, prefetched", &tcp, NULL, true);
    measure("TCP, prefetched, SYN flood", &tcp, &plenty, true);
    return 0;
}
