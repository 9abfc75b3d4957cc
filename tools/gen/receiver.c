// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/receiver.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "tools/gen/tunnel.h"

/* Under load, of one burst in so many the first frame is looked at. */
#define SAMPLE_INTERVAL 1024u

void receiver_init(struct receiver *receiver, const struct options *options, struct device *device,
                   unsigned int direction, struct counters *counters)
{
    *receiver = (struct receiver){
        .options = options,
        .device = device,
        .direction = direction,
        .any_length = options->gso > 0,
        .arrived = &counters->arrived,
        .received = &counters->received[direction],
        .received_bytes = &counters->received_bytes[direction],
        .foreign = &counters->foreign,
    };
    frame_lay_out(&receiver->layout, options, options->size, tunnel_outer_size(options, frame_receiver(direction)));
    for (unsigned int i = 0; i < IMIX_SIZES; i++)
        receiver->sizes[i] = (uint16_t)(imix_size(options, i) + receiver->layout.inner);
}

static bool has_right_length(const struct receiver *receiver, const struct rte_mbuf *frame)
{
    const uint16_t *sizes = receiver->sizes;

    return receiver->any_length || frame->pkt_len == sizes[0] || frame->pkt_len == sizes[1] ||
           frame->pkt_len == sizes[2];
}

static bool is_ours(const struct receiver *receiver, const struct rte_mbuf *frame)
{
    return has_right_length(receiver, frame) &&
           (receiver->layout.inner == 0 || tunnel_is_ours(receiver->options, frame)) &&
           frame_is_ours(receiver->options, receiver->direction, &receiver->layout, frame);
}

/* By length, which stands in the buffer's description, so that under load frames are not read for this. */
uint16_t receiver_keep_tunnelled(const struct receiver *receiver, struct rte_mbuf **frames, uint16_t n)
{
    uint16_t kept = 0;

    for (uint16_t i = 0; i < n; i++) {
        if (frames[i]->pkt_len >= FRAME_MIN + TUNNEL_OUTER_SIZE)
            frames[kept++] = frames[i];
        else if (!tunnel_answer_arp(receiver->options, frames[i]) ||
                 rte_eth_tx_burst(receiver->device->port_id, 0, &frames[i], 1) == 0)
            rte_pktmbuf_free(frames[i]);
    }
    return kept;
}

/* Throws foreign frames away; returns how many are left at the beginning of 'frames'. */
static uint16_t sift(struct receiver *receiver, struct rte_mbuf **frames, uint16_t n)
{
    uint16_t ours = 0;

    for (uint16_t i = 0; i < n; i++) {
        if (is_ours(receiver, frames[i]))
            frames[ours++] = frames[i];
        else
            rte_pktmbuf_free(frames[i]);
    }
    return ours;
}

static void read_stamp(struct receiver *receiver, const struct rte_mbuf *frame, uint64_t now)
{
    struct latency_stamp stamp;

    if (frame->data_len < receiver->layout.stamp + sizeof stamp)
        return;
    memcpy(&stamp, rte_pktmbuf_mtod_offset(frame, const void *, receiver->layout.stamp), sizeof stamp);
    if (stamp.magic == LATENCY_MAGIC)
        latency_add(receiver->latency, stamp.clocks, now);
}

static void read_flow(struct receiver *receiver, const struct rte_mbuf *frame)
{
    uint32_t ports = frame_get_ports(frame, receiver->layout.ports);

    flow_loss_arrived(receiver->flow_loss, receiver->direction,
                      frame_flow(receiver->options, receiver->direction, ports));
}

static void inspect(struct receiver *receiver, struct rte_mbuf *const *frames, uint16_t n)
{
    bool timed = receiver->latency != NULL && atomic_load_explicit(receiver->measuring, memory_order_relaxed);
    uint64_t now = rte_rdtsc();

    for (uint16_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(frames[i], const void *));
    for (uint16_t i = 0; timed && i < n; i++)
        read_stamp(receiver, frames[i], now);
    for (uint16_t i = 0; receiver->flow_loss != NULL && i < n; i++)
        read_flow(receiver, frames[i]);
}

/* Frames count by their payload, whatever pieces they came in. */
static void count_large(struct receiver *receiver, struct rte_mbuf *const *frames, uint16_t n)
{
    uint64_t bytes = 0;

    counter_add(receiver->received, gso_count(&receiver->gso, receiver->options, &receiver->layout, frames, n, &bytes));
    counter_add(receiver->received_bytes, bytes);
    counter_add(receiver->arrived, n);
}

static uint64_t sum_bytes(const struct receiver *receiver, struct rte_mbuf *const *frames, uint16_t n)
{
    uint64_t bytes = 0;

    if (!receiver->options->imix)
        return (uint64_t)n * receiver->options->size;
    for (uint16_t i = 0; i < n; i++)
        bytes += frames[i]->pkt_len - receiver->layout.inner;
    return bytes;
}

/* Drivers give fewer frames per call than they take: without asking again, a switch that is faster than the sender would
 * find the ring full. So many say that there may be more. */
#define MORE_LIKELY 32u

static uint16_t fetch(const struct receiver *receiver, struct rte_mbuf **frames)
{
    uint16_t n = 0, some;

    do {
        some = rte_eth_rx_burst(receiver->device->port_id, 0, frames + n, (uint16_t)(BURST_SIZE - n));
        n += some;
    } while (some >= MORE_LIKELY && n < BURST_SIZE);
    return n;
}

uint16_t receiver_burst(struct receiver *receiver, bool exact)
{
    struct rte_mbuf *frames[BURST_SIZE];
    uint16_t n;

    if (receiver->device == NULL)
        return 0;
    n = fetch(receiver, frames);
    if (receiver->layout.inner > 0)
        n = receiver_keep_tunnelled(receiver, frames, n);
    if (n == 0)
        return 0;
    if (exact || receiver->exact)
        n = sift(receiver, frames, n);
    else if (receiver->bursts++ % SAMPLE_INTERVAL == 0)
        counter_add(receiver->foreign, !is_ours(receiver, frames[0]));
    if (receiver->latency != NULL || receiver->flow_loss != NULL)
        inspect(receiver, frames, n);
    if (receiver->options->gso > 0) {
        count_large(receiver, frames, n);
    } else {
        counter_add(receiver->received, n);
        counter_add(receiver->received_bytes, sum_bytes(receiver, frames, n));
    }
    rte_pktmbuf_free_bulk(frames, n);
    return n;
}
