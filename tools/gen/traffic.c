// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/traffic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tools/gen/frame.h"

#define ANNOUNCE_SECONDS 20u
#define ANNOUNCE_MS      50u
/* While flows are opened no more frames than this are under way, so that a full ring drops none. */
#define OPEN_WINDOW 128u
/* Frames that have not arrived after this long are lost. */
#define OPEN_PATIENCE_MS 20u
/* Lost windows in a row before we give up: nothing passes. */
#define OPEN_STALLS_MAX 50u
/* A lost frame may have been the one that opens its flow, so all are opened again, but not for ever. */
#define OPEN_ROUNDS 3u
/* Under load, one burst in so many is looked into. */
#define SAMPLE_INTERVAL 1024u
/* At the end nothing is under way any more when nothing has come for so long. */
#define DRAIN_MS 20u
/* A pace that was not kept is caught up with by so many bursts at most. */
#define CATCH_UP_BURSTS 8u
/* Fewer are not sent by themselves when there is a pace: a burst of one would cost as much as one of these. */
#define PACED_LEAST 32u

/* So many packets a second from 'start' on; all there is room for when 'pps' is 0. */
struct pace {
    double pps;
    uint64_t start;
    double sent;
};

int traffic_init(struct traffic *traffic, const struct options *options, struct device *devices, unsigned int n_devices)
{
    memset(traffic, 0, sizeof *traffic);
    traffic->options = options;
    traffic->devices = devices;
    traffic->n_devices = n_devices;
    return sem_init(&traffic->progress, 0, 0) == 0 ? 0 : -errno;
}

void traffic_fini(struct traffic *traffic)
{
    sem_destroy(&traffic->progress);
}

static bool stopped(struct traffic *traffic)
{
    return atomic_load_explicit(&traffic->stop, memory_order_relaxed);
}

/* One writer, so no atomic read-modify-write is needed. */
static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t milliseconds(uint64_t n)
{
    return rte_get_tsc_hz() / 1000 * n;
}

static void announce(struct traffic *traffic, unsigned int device)
{
    struct rte_mbuf *frame = rte_pktmbuf_alloc(traffic->devices[device].rx_pool);

    if (frame == NULL)
        return;
    frame_write_announcement(traffic->options, device, (uint8_t *)rte_pktmbuf_append(frame, FRAME_MIN));
    if (rte_eth_tx_burst(traffic->devices[device].port_id, 0, &frame, 1) == 0)
        rte_pktmbuf_free(frame);
}

/* Throws away what 'device' has received; true when the other guest's announcement was among it. */
static bool heard(struct traffic *traffic, unsigned int device)
{
    struct rte_mbuf *frames[BURST_SIZE];
    uint16_t n = rte_eth_rx_burst(traffic->devices[device].port_id, 0, frames, BURST_SIZE);
    bool found = false;

    for (uint16_t i = 0; i < n; i++)
        found |= frame_is_announcement(traffic->options, !device, frames[i]);
    rte_pktmbuf_free_bulk(frames, n);
    return found;
}

/* Until each guest has heard of the other: then the switch forwards, and knows both MACs. */
static int announce_both(struct traffic *traffic)
{
    uint64_t deadline = rte_rdtsc() + milliseconds(ANNOUNCE_SECONDS * 1000u);
    uint64_t next = 0;
    bool done[2] = {false, false};

    while (!stopped(traffic) && !(done[0] && done[1])) {
        uint64_t now = rte_rdtsc();

        if (now >= deadline) {
            fprintf(stderr, "sluice-gen: no frame from device %d to device %d in %u s\n", done[0] ? 0 : 1,
                    done[0] ? 1 : 0, ANNOUNCE_SECONDS);
            return -ETIMEDOUT;
        }
        for (unsigned int device = 0; device < traffic->n_devices; device++) {
            if (now >= next)
                announce(traffic, device);
        }
        for (unsigned int device = 0; device < 2; device++)
            done[device] |= heard(traffic, device);
        if (now >= next)
            next = now + milliseconds(ANNOUNCE_MS);
        rte_delay_us_sleep(200);
    }
    return 0;
}

/* Sends at most 'n' frames of the next flows; returns how many the ring took. */
static uint16_t send_burst(struct traffic *traffic, unsigned int direction, uint16_t n)
{
    const struct options *options = traffic->options;
    struct device *device = &traffic->devices[direction];
    struct rte_mbuf *frames[BURST_SIZE];
    uint32_t flow = traffic->next_flow[direction];
    uint32_t flows = direction == FRAME_FLOOD ? options_fresh_flows(options) : options->flows;
    uint16_t sent;

    /* Straight from the pool: a buffer comes back as it was sent, and a reset would cost as much as the sending. */
    if (rte_mempool_get_bulk(device->tx_pool, (void **)frames, n) != 0)
        return 0;
    for (uint16_t i = 0; i < n; i++) {
        frame_set_ports(frames[i], frame_ports(options, direction, flow));
        flow = flow + 1 == flows ? 0 : flow + 1;
    }
    sent = rte_eth_tx_burst(device->port_id, 0, frames, n);
    if (sent < n)
        rte_mempool_put_bulk(device->tx_pool, (void **)&frames[sent], n - sent);
    traffic->next_flow[direction] = (traffic->next_flow[direction] + sent) % flows;
    count(&traffic->counters.sent[direction], sent);
    return sent;
}

/* Takes what has arrived of 'direction'; returns how many frames. Looks into all of them when 'exact'. */
static uint16_t receive_burst(struct traffic *traffic, unsigned int direction, bool exact)
{
    struct rte_mbuf *frames[BURST_SIZE];
    uint16_t n = rte_eth_rx_burst(traffic->devices[!direction].port_id, 0, frames, BURST_SIZE);
    uint16_t ours = n;

    if (n == 0)
        return 0;
    if (exact) {
        ours = 0;
        for (uint16_t i = 0; i < n; i++)
            ours += frame_is_ours(traffic->options, direction, frames[i]);
    } else if (traffic->counters.bursts % SAMPLE_INTERVAL == 0) {
        count(&traffic->counters.foreign, !frame_is_ours(traffic->options, direction, frames[0]));
    }
    rte_pktmbuf_free_bulk(frames, n);
    count(&traffic->counters.received[direction], ours);
    return ours;
}

/* One frame of every flow in 'direction', never more than a window under way. */
static int open_direction(struct traffic *traffic, unsigned int direction)
{
    uint32_t flows = traffic->options->flows, sent = 0, arrived = 0, lost = 0, stalls = 0;
    uint64_t patience = milliseconds(OPEN_PATIENCE_MS), last = rte_rdtsc();

    traffic->next_flow[direction] = 0;
    while (!stopped(traffic) && arrived + lost < flows) {
        uint32_t under_way = sent - arrived - lost;
        uint32_t room = RTE_MIN(OPEN_WINDOW - under_way, flows - sent);
        uint16_t n;

        if (room > 0)
            sent += send_burst(traffic, direction, (uint16_t)RTE_MIN(room, BURST_SIZE));
        n = receive_burst(traffic, direction, true);
        arrived += RTE_MIN(n, sent - arrived - lost);
        if (n > 0) {
            last = rte_rdtsc();
            stalls = 0;
        } else if (rte_rdtsc() - last > patience) {
            if (++stalls > OPEN_STALLS_MAX) {
                fprintf(stderr, "sluice-gen: direction %u: only %u of %u frames arrived\n", direction, arrived, sent);
                return -EIO;
            }
            lost = sent - arrived;
            last = rte_rdtsc();
        }
    }
    traffic->lost_at_open[direction] = lost;
    return 0;
}

static int open_flows(struct traffic *traffic)
{
    int error = 0;

    for (unsigned int round = 0; round < OPEN_ROUNDS && error == 0; round++) {
        error = open_direction(traffic, 0);
        if (error == 0 && traffic->options->bidirectional)
            error = open_direction(traffic, 1);
        if (traffic->lost_at_open[0] == 0 && traffic->lost_at_open[1] == 0)
            break;
    }
    return error;
}

static double seconds(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* How many packets are due: none while they are few, at most a burst. */
static uint16_t pace_due(struct pace *pace)
{
    double due;

    if (pace->pps == 0)
        return BURST_SIZE;
    due = (double)(rte_rdtsc() - pace->start) / (double)rte_get_tsc_hz() * pace->pps - pace->sent;
    if (due > CATCH_UP_BURSTS * BURST_SIZE)
        pace->sent += due - CATCH_UP_BURSTS * BURST_SIZE;
    return due >= BURST_SIZE ? BURST_SIZE : due >= PACED_LEAST ? (uint16_t)due : 0;
}

static void send_paced(struct traffic *traffic, unsigned int direction, struct pace *pace)
{
    uint16_t due = pace_due(pace), sent;

    if (due == 0)
        return;
    sent = send_burst(traffic, direction, due);
    pace->sent += sent;
    if (direction == FRAME_FLOOD)
        return;
    count(&traffic->counters.bursts, 1);
    if (sent < due)
        count(&traffic->counters.bursts_short, 1);
}

/* What is sent to the flooding guest is of no interest. */
static void empty_flooder(struct traffic *traffic)
{
    struct rte_mbuf *frames[BURST_SIZE];

    rte_pktmbuf_free_bulk(frames, rte_eth_rx_burst(traffic->devices[FRAME_FLOOD].port_id, 0, frames, BURST_SIZE));
}

/* Whether anything came. */
static bool receive_all(struct traffic *traffic)
{
    bool flooded = traffic->n_devices > FRAME_FLOOD;
    bool any = receive_burst(traffic, 0, flooded) > 0;

    any |= receive_burst(traffic, 1, false) > 0;
    if (flooded)
        empty_flooder(traffic);
    return any;
}

static int64_t missing(const struct traffic *traffic, unsigned int direction)
{
    return (int64_t)(traffic->counters.sent[direction] - traffic->counters.received[direction]);
}

static void load(struct traffic *traffic)
{
    const struct options *options = traffic->options;
    unsigned int n_directions = options->bidirectional ? 2 : 1;
    uint64_t start = rte_rdtsc();
    struct pace paces[GUESTS_MAX] = {
        {options->pps / n_directions, start, 0}, {options->pps / n_directions, start, 0}, {options->flood, start, 0}};
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);

    while (!stopped(traffic)) {
        receive_all(traffic);
        for (unsigned int direction = 0; direction < n_directions; direction++)
            send_paced(traffic, direction, &paces[direction]);
        if (traffic->n_devices > FRAME_FLOOD)
            send_paced(traffic, FRAME_FLOOD, &paces[FRAME_FLOOD]);
    }
    traffic->cpu_share = (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / (seconds(CLOCK_MONOTONIC) - wall);
}

static void drain(struct traffic *traffic)
{
    uint64_t last = rte_rdtsc();

    while (rte_rdtsc() - last < milliseconds(DRAIN_MS)) {
        if (receive_all(traffic))
            last = rte_rdtsc();
    }
}

int traffic_run(void *arg)
{
    struct traffic *traffic = arg;
    int error = announce_both(traffic);

    if (error == 0 && !traffic->options->fresh)
        error = open_flows(traffic);
    for (unsigned int direction = 0; direction < 2; direction++) {
        traffic->offered[direction] = -(int64_t)traffic->counters.sent[direction];
        traffic->lost[direction] = -missing(traffic, direction);
    }
    atomic_store(&traffic->error, error);
    sem_post(&traffic->progress);
    if (error != 0)
        return error;
    load(traffic);
    drain(traffic);
    for (unsigned int direction = 0; direction < 2; direction++) {
        traffic->offered[direction] += (int64_t)traffic->counters.sent[direction];
        traffic->lost[direction] += missing(traffic, direction);
    }
    sem_post(&traffic->progress);
    return 0;
}
