// SPDX-License-Identifier: Apache-2.0
/* TSC clocks of the first packet of a connection: batches of 64 packets, each of a UDP connection of its own, through
 * worker_forward() between two policed guests, with more and more rules in force. Compare builds as for bench_forward. */
#include "tests/unit/dataplane/station_fixture.h"

#include <rte_cycles.h>

#include "tests/bench/many_rules.h"

#define BATCH    64
#define BUFFERS  1024
#define ROUNDS   16384 /* a million connections */
#define CAPACITY (2u << 20)

static struct station station;
static struct rte_mbuf *buffers[BUFFERS];

static uint16_t take_all(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    return n;
}

static const struct port_ops taking_ops = {.type = "bench", .tx_burst = take_all};

static void start(size_t n_rules)
{
    struct conntrack_config sessions = {.capacity = CAPACITY, .n_workers = 2};
    struct ct_limits limits = {.max = CAPACITY};
    struct station *s = &station;

    station_start(s, 262144, 64);
    s->w.ops = &taking_ops;
    conntrack_destroy(s->w.ct);
    s->w.ct = s->worker->conntrack = conntrack_create(&sessions);
    s->w.pipeline.conntrack = s->worker->pipeline.conntrack = s->w.ct;
    world_bridge(&s->w, 1, false);
    for (uint32_t id = 1; id <= 2; id++) {
        struct attachment a = {
            .has_policy = true,
            .policy = {.ingress = many_rules(n_rules, RULE_INGRESS), .egress = many_rules(n_rules, RULE_EGRESS)},
            .account = conntrack_account_open(s->w.ct, &limits)};

        world_attach(&s->w, id, a);
    }
    world_publish(&s->w);
    station_settle(s);
    world_learn(&s->w, 2);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(size_t n_rules)
{
    struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, false, 0, 2000, 0, 0, false, 18};
    const struct frame frame = spec_frame(&spec);
    static double samples[ROUNDS];
    uint32_t number = 0;

    start(n_rules);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        struct rte_mbuf **batch = &buffers[round * BATCH % BUFFERS];
        uint64_t clocks;

        for (unsigned int i = 0; i < BATCH; i++, number++) {
            uint8_t *bytes = rte_pktmbuf_mtod(batch[i], uint8_t *);

            memcpy(bytes, frame.bytes, frame.len);
            bytes[34] = (uint8_t)(number >> 8);
            bytes[35] = (uint8_t)number;
            bytes[36] = (uint8_t)(number >> 24);
            bytes[37] = (uint8_t)(number >> 16);
        }
        clocks = rte_rdtsc_precise();
        worker_forward(station.worker, station.w.snapshot->ports[1], 1, batch, BATCH);
        samples[round] = (double)(rte_rdtsc_precise() - clocks) / BATCH;
    }
    qsort(samples, ROUNDS, sizeof *samples, compare);
    printf(
        "%6zu rules: %6.0f (10 %%) %6.0f (median) %6.0f (90 %%) clocks a connection, %.2f M/s at the median, %u open\n",
        n_rules, samples[ROUNDS / 10], samples[ROUNDS / 2], samples[ROUNDS * 9 / 10],
        (double)rte_get_tsc_hz() / samples[ROUNDS / 2] / 1e6, conntrack_count(station.w.ct));
}

int main(void)
{
    static const size_t rules[] = {1, 100, 10000, 100000};

    if (station_group_start(NULL) < 0)
        return 1;
    for (unsigned int i = 0; i < BUFFERS; i++) {
        buffers[i] = rte_pktmbuf_alloc(packet_pool());
        if (buffers[i] == NULL || rte_pktmbuf_append(buffers[i], 64) == NULL)
            return 1;
    }
    for (unsigned int i = 0; i < RTE_DIM(rules); i++)
        measure(rules[i]);
    return 0;
}
