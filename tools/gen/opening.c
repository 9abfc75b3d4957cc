// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/opening.h"

#include <errno.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "tools/gen/neighbour.h"
#include "tools/gen/tunnel.h"

#define ANNOUNCE_SECONDS 20u
#define ANNOUNCE_MS      50u
/* While flows are opened no more frames than this are under way, so that a full ring drops none. */
#define OPEN_WINDOW BURST_SIZE
/* Frames that have not arrived after this long are lost. */
#define OPEN_PATIENCE_MS 20u
/* Lost windows in a row before we give up: nothing passes. */
#define OPEN_STALLS_MAX 50u
/* A lost frame may have been the one that opens its flow, so all are opened again, but not for ever. */
#define OPEN_ROUNDS 3u

/* Sends the frame that 'write' writes and returns the length of. */
static void send_one(struct traffic *traffic, const struct device *device,
                     uint16_t (*write)(const struct options *options, unsigned int guest, uint8_t *bytes))
{
    struct rte_mbuf *frame = rte_pktmbuf_alloc(device->rx_pool);

    if (frame == NULL)
        return;
    frame->data_len = write(traffic->options, device->guest, rte_pktmbuf_mtod(frame, uint8_t *));
    frame->pkt_len = frame->data_len;
    if (rte_eth_tx_burst(device->port_id, 0, &frame, 1) == 0)
        rte_pktmbuf_free(frame);
}

static uint16_t write_announcement(const struct options *options, unsigned int guest, uint8_t *bytes)
{
    uint16_t outer = tunnel_outer_size(options, guest);
    uint16_t length = neighbour_write_announcement(options, guest, bytes + outer);

    if (outer > 0)
        tunnel_write(options, length, bytes);
    return (uint16_t)(outer + length);
}

static uint16_t write_arp_request(const struct options *options, unsigned int guest, uint8_t *bytes)
{
    return tunnel_write_arp_request(options, bytes);
}

static void announce(struct traffic *traffic, const struct device *device)
{
    if (tunnel_outer_size(traffic->options, device->guest) > 0)
        send_one(traffic, device, write_arp_request);
    send_one(traffic, device, write_announcement);
}

/* Throws away what 'device' has received; true when the other guest's announcement was among it. */
static bool heard(struct traffic *traffic, unsigned int device)
{
    struct rte_mbuf *frames[BURST_SIZE];
    const struct receiver *receiver = &traffic->receivers[!device];
    uint16_t n = rte_eth_rx_burst(traffic->devices[device].port_id, 0, frames, BURST_SIZE);
    bool tunnelled = receiver->layout.inner > 0, found = false;

    if (tunnelled)
        n = receiver_keep_tunnelled(receiver, frames, n);
    for (uint16_t i = 0; i < n; i++) {
        found |= (!tunnelled || tunnel_is_ours(traffic->options, frames[i])) &&
                 neighbour_is_announcement(traffic->options, !device, receiver->layout.inner, frames[i]);
    }
    rte_pktmbuf_free_bulk(frames, n);
    return found;
}

static int announce_both(struct traffic *traffic)
{
    uint64_t deadline = rte_rdtsc() + traffic_milliseconds(ANNOUNCE_SECONDS * 1000u);
    uint64_t next = 0;
    bool done[2] = {false, false};

    while (!traffic_is_stopped(traffic) && !(done[0] && done[1])) {
        uint64_t now = rte_rdtsc();

        if (now >= deadline) {
            fprintf(stderr, "sluice-gen: no frame from device %d to device %d in %u s\n", done[0] ? 0 : 1,
                    done[0] ? 1 : 0, ANNOUNCE_SECONDS);
            return -ETIMEDOUT;
        }
        for (unsigned int device = 0; device < traffic->n_devices; device++) {
            if (now >= next)
                announce(traffic, &traffic->devices[device]);
        }
        for (unsigned int device = 0; device < 2; device++)
            done[device] |= heard(traffic, device);
        if (now >= next)
            next = now + traffic_milliseconds(ANNOUNCE_MS);
        rte_delay_us_sleep(200);
    }
    return 0;
}

/* Sends at most 'n' segments with these flags, of the flows from 'flow' on; returns how many the ring took. */
static uint16_t send_segments(struct traffic *traffic, unsigned int direction, uint8_t flags, uint32_t flow, uint16_t n)
{
    const struct device *device = &traffic->devices[direction];
    const struct frame_segment segment = {flags, 0, flags & RTE_TCP_SYN_FLAG ? 1 : 2,
                                          flags == RTE_TCP_SYN_FLAG ? 0 : 2};
    struct rte_mbuf *frames[BURST_SIZE];
    uint16_t outer = device->layout.inner, sent;

    if (rte_pktmbuf_alloc_bulk(device->rx_pool, frames, n) != 0)
        return 0;
    for (uint16_t i = 0; i < n; i++) {
        uint8_t *bytes = rte_pktmbuf_mtod(frames[i], uint8_t *);
        uint16_t size = frame_write_segment(traffic->options, direction, flow + i, &segment, bytes + outer);

        if (outer > 0)
            tunnel_write(traffic->options, size, bytes);
        frames[i]->data_len = (uint16_t)(outer + size);
        frames[i]->pkt_len = frames[i]->data_len;
    }
    sent = rte_eth_tx_burst(device->port_id, 0, frames, n);
    rte_pktmbuf_free_bulk(&frames[sent], n - sent);
    return sent;
}

/* One frame of every flow in 'direction', never more than a window under way. With TCP flags it is a segment with these,
 * with 0 a frame as under load. */
static int open_direction(struct traffic *traffic, unsigned int direction, uint8_t flags)
{
    uint32_t flows = traffic->options->flows, sent = 0, arrived = 0, lost = 0, stalls = 0;
    uint64_t patience = traffic_milliseconds(OPEN_PATIENCE_MS), last = rte_rdtsc();

    sender_rewind(&traffic->senders[direction]);
    while (!traffic_is_stopped(traffic) && arrived + lost < flows) {
        uint32_t under_way = sent - arrived - lost;
        uint32_t room = RTE_MIN(OPEN_WINDOW - under_way, flows - sent);
        uint16_t n;

        if (room > 0)
            sent += flags != 0 ? send_segments(traffic, direction, flags, sent, (uint16_t)room)
                               : sender_burst(&traffic->senders[direction], (uint16_t)room);
        n = receiver_burst(&traffic->receivers[direction], true);
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

static int open_connections(struct traffic *traffic)
{
    static const uint8_t flags[] = {RTE_TCP_SYN_FLAG, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, RTE_TCP_ACK_FLAG};
    bool any_length = traffic->receivers[0].any_length;
    int error = 0;

    for (unsigned int direction = 0; direction < 2; direction++)
        traffic->receivers[direction].any_length = true;
    for (unsigned int step = 0; step < RTE_DIM(flags) && error == 0; step++)
        error = open_direction(traffic, step % 2, flags[step]);
    for (unsigned int direction = 0; direction < 2; direction++)
        traffic->receivers[direction].any_length = any_length;
    return error;
}

/* Replies alone would not be let in: the first guest always asks. */
static int open_all(struct traffic *traffic)
{
    int error;

    if (traffic->options->protocol == OPTIONS_TCP)
        return open_connections(traffic);
    error = open_direction(traffic, 0, 0);
    return error == 0 && options_has_direction(traffic->options, 1) ? open_direction(traffic, 1, 0) : error;
}

static int open_flows(struct traffic *traffic)
{
    int error = 0;

    for (unsigned int round = 0; round < OPEN_ROUNDS && error == 0; round++) {
        error = open_all(traffic);
        if (traffic->lost_at_open[0] == 0 && traffic->lost_at_open[1] == 0)
            break;
    }
    return error;
}

static void wait_for_source(struct traffic *traffic)
{
    uint64_t next = 0;

    while (!traffic_is_stopped(traffic) && receiver_burst(&traffic->receivers[0], true) == 0) {
        if (rte_rdtsc() >= next) {
            announce(traffic, &traffic->devices[0]);
            next = rte_rdtsc() + traffic_milliseconds(ANNOUNCE_MS);
        }
        rte_delay_us_sleep(200);
    }
}

int opening_run(struct traffic *traffic)
{
    int error;

    if (traffic->options->source)
        announce(traffic, &traffic->devices[0]);
    if (traffic->options->sink)
        wait_for_source(traffic);
    if (traffic->n_devices == 1)
        return 0;
    error = announce_both(traffic);
    return error == 0 && !traffic->options->fresh ? open_flows(traffic) : error;
}
