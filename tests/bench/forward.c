// SPDX-License-Identifier: Apache-2.0
/* TSC clocks a packet of the forwarding stages alone: batches of 64 established packets through worker_forward() between
 * ports that take everything, no rings and no second core. Good for comparing two builds on a busy machine: run both in
 * turns on one CPU (taskset -c 1) and compare the lower quantiles. */
#include "tests/unit/dataplane/station_fixture.h"

#include <rte_cycles.h>

#include "dataplane/stages.h"

#define BATCH        64
#define BUFFERS      4096
#define FRAME_LEN    84
#define ROUNDS_MIN   3000
#define CACHE_LINES  262144
#define SESSIONS_MAX 262144

static struct station station;
static struct rte_mbuf *buffers[BUFFERS];

static uint16_t take_all(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    return n;
}

static const struct port_ops taking_ops = {.type = "bench", .tx_burst = take_all};

/* Two guests on one bridge, with or without a security group that lets all UDP in. */
static void start(bool policed)
{
    struct conntrack_config sessions = {.capacity = SESSIONS_MAX, .n_workers = 2};
    struct station *s = &station;

    station_start(s, CACHE_LINES, 64);
    s->w.ops = &taking_ops;
    conntrack_destroy(s->w.ct);
    s->w.ct = s->worker->conntrack = conntrack_create(&sessions);
    s->w.pipeline.conntrack = s->worker->pipeline.conntrack = s->w.ct;
    world_bridge(&s->w, 1, false);
    for (uint32_t id = 1; id <= 2; id++) {
        if (policed)
            world_police(&s->w, id, IPPROTO_UDP, 0);
        else
            world_attach(&s->w, id, (struct attachment){0});
    }
    world_publish(&s->w);
    station_settle(s);
    world_learn(&s->w, 2);
}

/* Turns the buffers of a batch into the next packets of 'n_flows' flows, there and back. */
static void next_packets(struct rte_mbuf **batch, const struct frame frames[2], unsigned int side, unsigned int *flow,
                         unsigned int n_flows, bool ipv6)
{
    for (unsigned int i = 0; i < BATCH; i++) {
        uint8_t *frame = rte_pktmbuf_mtod(batch[i], uint8_t *);
        unsigned int number = (*flow)++ % n_flows;
        uint8_t *port = frame + (ipv6 ? 54 : 34) + (side == 0 ? 0 : 2); /* the guest's own port is the flow's number */

        memcpy(frame, frames[side].bytes, frames[side].len);
        port[0] = (uint8_t)(number >> 8);
        port[1] = (uint8_t)number;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(unsigned int n_flows, bool policed, bool ipv6)
{
    struct packet_spec there = {1, 2, NULL, IPPROTO_UDP, ipv6, 0, 2000, 0, 0, false, 18};
    struct packet_spec back = {2, 1, NULL, IPPROTO_UDP, ipv6, 2000, 0, 0, 0, false, 18};
    const struct frame frames[2] = {spec_frame(&there), spec_frame(&back)};
    unsigned int warm_up = n_flows * 4 / BATCH + 2;
    unsigned int rounds = warm_up + ROUNDS_MIN + n_flows / 8;
    double *samples = calloc(rounds, sizeof *samples);
    unsigned int flow[2] = {0, 0}, n = 0;

    assert_non_null(samples);
    start(policed);
    for (unsigned int round = 0; round < rounds; round++) {
        struct rte_mbuf **batch = &buffers[round * BATCH % BUFFERS];
        unsigned int side = round & 1;
        uint64_t clocks;

        next_packets(batch, frames, side, &flow[side], n_flows, ipv6);
        clocks = rte_rdtsc_precise();
        worker_forward(station.worker, station.w.snapshot->ports[1 + side], 1 + side, batch, BATCH);
        clocks = rte_rdtsc_precise() - clocks;
        if (round >= warm_up)
            samples[n++] = (double)clocks / BATCH;
    }
    qsort(samples, n, sizeof *samples, compare);
    printf("%-16s %6u flows: %5.1f (1 %%) %5.1f (10 %%) %5.1f (median) clocks a packet\n",
           ipv6      ? "L2, IPv6"
           : policed ? "stateful groups"
                     : "L2",
           n_flows, samples[n / 100], samples[n / 10], samples[n / 2]);
    free(samples);
}

/* The argument chooses the stages' level, x86-64-v2 for example; without one it is the best. */
int main(int argc, char *argv[])
{
    static const unsigned int flows[] = {1, 1000, 10000, 60000};

    if (station_group_start(NULL) < 0 || stages_choose(argc > 1 ? argv[1] : NULL) != 0)
        return 1;
    for (unsigned int i = 0; i < BUFFERS; i++) {
        buffers[i] = rte_pktmbuf_alloc(packet_pool());
        if (buffers[i] == NULL || rte_pktmbuf_append(buffers[i], FRAME_LEN) == NULL)
            return 1;
    }
    for (unsigned int i = 0; i < RTE_DIM(flows); i++) {
        measure(flows[i], false, false);
        measure(flows[i], true, false);
        measure(flows[i], false, true);
    }
    return 0;
}
