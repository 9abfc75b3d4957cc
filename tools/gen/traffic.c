// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/traffic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tools/gen/opening.h"
#include "tools/gen/pace.h"

/* At the end nothing is under way any more when nothing has come for so long. */
#define DRAIN_MS     20u
#define DRAIN_MAX_MS 5000u
/* Up to this pace every frame that arrives is looked at. */
#define EXACT_PPS 1e6
/* Between trials of a search the switch has so long to come to rest. */
#define SETTLE_MS 200u

static struct device *device_of(struct traffic *traffic, unsigned int guest)
{
    for (unsigned int i = 0; i < traffic->n_devices; i++) {
        if (traffic->devices[i].guest == guest)
            return &traffic->devices[i];
    }
    return NULL;
}

/* Whether others than ours come in a direction: a flooder's, or answers to a source that nobody counts. Where there is
 * time, or each frame is looked at anyway, stray ones are told from ours too, so that a loss is exact. */
static bool has_foreign_frames(const struct traffic *traffic, unsigned int direction)
{
    const struct options *options = traffic->options;

    return (direction == 0 && traffic->n_devices > FRAME_FLOOD) || (direction == 1 && options->source) ||
           options->loss_by_flow || (options->pps > 0 && options->pps <= EXACT_PPS);
}

int traffic_init(struct traffic *traffic, const struct options *options, struct device *devices, unsigned int n_devices)
{
    unsigned int directions = options_has_direction(options, 0) | options_has_direction(options, 1) << 1;
    int error;

    memset(traffic, 0, sizeof *traffic);
    traffic->options = options;
    traffic->devices = devices;
    traffic->n_devices = n_devices;
    latency_init(&traffic->latency, rte_get_tsc_hz());
    for (unsigned int i = 0; i < n_devices; i++)
        sender_init(&traffic->senders[i], options, &devices[i], devices[i].guest, &traffic->counters);
    for (unsigned int direction = 0; direction < 2; direction++) {
        struct receiver *receiver = &traffic->receivers[direction];

        receiver_init(receiver, options, device_of(traffic, !direction), direction, &traffic->counters);
        receiver->latency = options->latency > 0 ? &traffic->latency : NULL;
        receiver->measuring = &traffic->measuring;
        receiver->exact = has_foreign_frames(traffic, direction);
    }
    if (options->handshakes)
        handshake_init(&traffic->handshake, options, devices, traffic->receivers, &traffic->counters);
    error = sem_init(&traffic->progress, 0, 0) == 0 ? 0 : -errno;
    if (error == 0 && options->loss_by_flow)
        error = flow_loss_init(&traffic->flow_loss, options->flows, directions);
    return error;
}

void traffic_fini(struct traffic *traffic)
{
    flow_loss_fini(&traffic->flow_loss);
    sem_destroy(&traffic->progress);
}

uint64_t traffic_milliseconds(uint64_t n)
{
    return rte_get_tsc_hz() / 1000 * n;
}

static double seconds(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void send_paced(struct traffic *traffic, unsigned int direction, struct pace *pace)
{
    uint16_t due = pace_due(pace, rte_rdtsc()), sent;

    if (due == 0)
        return;
    sent = sender_burst(&traffic->senders[direction], due);
    pace->sent += sent;
    if (direction == FRAME_FLOOD)
        return;
    counter_add(&traffic->counters.bursts, 1);
    if (sent < due)
        counter_add(&traffic->counters.bursts_short, 1);
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
    bool any;

    if (traffic->options->handshakes) {
        handshake_work(&traffic->handshake, 0, &any);
        return any;
    }
    any = receiver_burst(&traffic->receivers[0], false) > 0;
    any |= receiver_burst(&traffic->receivers[1], false) > 0;
    if (traffic->n_devices > FRAME_FLOOD)
        empty_flooder(traffic);
    return any;
}

static int64_t missing(const struct traffic *traffic, unsigned int direction)
{
    return (int64_t)(traffic->counters.sent[direction] - traffic->counters.received[direction]);
}

/* Sends at a pace until told to stop, or until the TSC says 'end'. */
static void load(struct traffic *traffic, double pps, uint64_t end)
{
    const struct options *options = traffic->options;
    /* Of directions; a sink has none. */
    unsigned int first = options_has_direction(options, 0) && !options->sink ? 0 : 1;
    unsigned int last = options_has_direction(options, 1) ? 1 : 0;
    uint64_t start = rte_rdtsc(), hz = rte_get_tsc_hz();
    struct pace paces[GUESTS_MAX];
    bool any;
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);

    for (unsigned int direction = 0; direction < 2; direction++)
        pace_start(&paces[direction], options->bidirectional ? pps / 2 : pps, traffic->senders[0].burst, hz, start);
    pace_start(&paces[FRAME_FLOOD], options->flood, BURST_SIZE, hz, start);
    while (!traffic_is_stopped(traffic) && rte_rdtsc() < end) {
        if (options->handshakes) {
            paces[0].sent += handshake_work(&traffic->handshake, pace_due(&paces[0], rte_rdtsc()), &any);
            continue;
        }
        receive_all(traffic);
        for (unsigned int direction = first; direction <= last; direction++)
            send_paced(traffic, direction, &paces[direction]);
        if (traffic->n_devices > FRAME_FLOOD)
            send_paced(traffic, FRAME_FLOOD, &paces[FRAME_FLOOD]);
    }
    traffic->cpu_share = (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / (seconds(CLOCK_MONOTONIC) - wall);
}

/* Until nothing has come for some time, or for too long something has. */
static void drain(struct traffic *traffic, uint64_t quiet_ms)
{
    uint64_t start = rte_rdtsc(), last = start;

    /* The source of a sink goes on. */
    if (traffic->options->sink)
        return;
    while (rte_rdtsc() - last < traffic_milliseconds(quiet_ms) && last - start < traffic_milliseconds(DRAIN_MAX_MS)) {
        if (receive_all(traffic))
            last = rte_rdtsc();
    }
}

/* Offers a rate for the length of a trial. */
static void try_rate(struct traffic *traffic, double pps, struct search_trial *trial)
{
    const struct counters *counters = &traffic->counters;
    uint64_t sent = counters->sent[0] + counters->sent[1];
    uint64_t received = counters->received[0] + counters->received[1];
    uint64_t bytes = counters->received_bytes[0] + counters->received_bytes[1];
    uint64_t start = rte_rdtsc(), hz = rte_get_tsc_hz();
    double elapsed;

    latency_init(&traffic->latency, hz);
    load(traffic, pps, start + (uint64_t)(traffic->options->trial * (double)hz));
    elapsed = (double)(rte_rdtsc() - start) / (double)hz;
    drain(traffic, SETTLE_MS);
    sent = counters->sent[0] + counters->sent[1] - sent;
    received = counters->received[0] + counters->received[1] - received;
    bytes = counters->received_bytes[0] + counters->received_bytes[1] - bytes;
    *trial = (struct search_trial){
        .pps = pps > 0 ? pps : (double)sent / elapsed,
        .loss_percent = sent > received ? 100 * (double)(sent - received) / (double)sent : 0,
        .sent_mpps = (double)sent / elapsed / 1e6,
        .mpps = (double)received / elapsed / 1e6,
        .gbps = (double)bytes * 8 / elapsed / 1e9,
        .cpu_share = traffic->cpu_share,
        .p50_ns = latency_quantile(&traffic->latency, 0.5),
        .p99_ns = latency_quantile(&traffic->latency, 0.99),
        .p999_ns = latency_quantile(&traffic->latency, 0.999),
    };
}

static void search(struct traffic *traffic)
{
    struct search *search = &traffic->search;

    atomic_store(&traffic->measuring, true);
    try_rate(traffic, 0, &search->trials[search->n_trials++]);
    for (unsigned int i = 0; i < traffic->options->n_limits; i++) {
        double limit = traffic->options->limits[i], pps = search_next(search, limit);

        while (pps > 0 && !traffic_is_stopped(traffic)) {
            try_rate(traffic, pps, &search->trials[search->n_trials++]);
            pps = search_next(search, limit);
        }
    }
}

/* Remembers what was sent and lost before the load. */
static void begin_account(struct traffic *traffic)
{
    for (unsigned int direction = 0; direction < 2; direction++) {
        traffic->offered[direction] = -(int64_t)traffic->counters.sent[direction];
        traffic->lost[direction] = -missing(traffic, direction);
        if (traffic->flow_loss.arrivals[direction] == NULL)
            continue;
        flow_loss_begin(&traffic->flow_loss, direction, traffic->senders[direction].next_flow);
        traffic->receivers[direction].flow_loss = &traffic->flow_loss;
    }
}

static void end_account(struct traffic *traffic)
{
    for (unsigned int direction = 0; direction < 2; direction++) {
        traffic->offered[direction] += (int64_t)traffic->counters.sent[direction];
        /* A source or sink knows only its half. */
        traffic->lost[direction] = traffic->n_devices == 1 ? 0 : traffic->lost[direction] + missing(traffic, direction);
        flow_loss_end(&traffic->flow_loss, direction, (uint64_t)traffic->offered[direction]);
    }
}

int traffic_run(void *arg)
{
    struct traffic *traffic = arg;
    int error = opening_run(traffic);

    /* Late announcements are not to count. */
    drain(traffic, DRAIN_MS);
    begin_account(traffic);
    atomic_store(&traffic->error, error);
    sem_post(&traffic->progress);
    if (error != 0)
        return error;
    if (traffic->options->n_limits > 0) {
        search(traffic);
    } else {
        load(traffic, traffic->options->pps, UINT64_MAX);
        drain(traffic, DRAIN_MS);
    }
    end_account(traffic);
    sem_post(&traffic->progress);
    return 0;
}
