// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/sender.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tools/gen/gso.h"
#include "tools/gen/tunnel.h"

/* Straight from the pool: a buffer comes back as it was sent, and a reset would cost as much as the sending. */
static bool take_equal(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    return rte_mempool_get_bulk(sender->device->tx_pools[0], (void **)frames, n) == 0;
}

static void give_back_equal(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    rte_mempool_put_bulk(sender->device->tx_pools[0], (void **)frames, n);
}

static bool take_mixed(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    struct rte_mbuf *of_size[IMIX_SIZES][BURST_SIZE];
    uint16_t left[IMIX_SIZES] = {0};
    unsigned int place = (unsigned int)(sender->position % IMIX_PERIOD);

    for (uint16_t i = 0; i < n; i++)
        left[imix_pattern[(place + i) % IMIX_PERIOD]]++;
    for (unsigned int size = 0; size < IMIX_SIZES; size++) {
        if (rte_mempool_get_bulk(sender->device->tx_pools[size], (void **)of_size[size], left[size]) == 0)
            continue;
        while (size-- > 0)
            rte_mempool_put_bulk(sender->device->tx_pools[size], (void **)of_size[size], left[size]);
        return false;
    }
    for (uint16_t i = 0; i < n; i++) {
        unsigned int size = imix_pattern[(place + i) % IMIX_PERIOD];

        frames[i] = of_size[size][--left[size]];
    }
    return true;
}

static void give_back_mixed(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++)
        rte_mempool_put(frames[i]->pool, frames[i]);
}

static bool take_large(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    if (!take_equal(sender, frames, n))
        return false;
    if (gso_attach(sender->options, sender->device->payload_pool, frames, n))
        return true;
    give_back_equal(sender, frames, n);
    return false;
}

static void give_back_large(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    gso_detach(frames, n);
    give_back_equal(sender, frames, n);
}

static void address_ports(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    const struct options *options = sender->options;
    unsigned int direction = sender->direction;
    uint16_t offset = sender->device->layout.ports;
    uint32_t flow = sender->next_flow;

    for (uint16_t i = 0; i < n; i++) {
        frame_set_ports(frames[i], offset, frame_ports(options, direction, flow));
        flow = flow + 1 == sender->flows ? 0 : flow + 1;
    }
}

static void address_balanced(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    const struct frame_layout *layout = &sender->device->layout;
    uint32_t flow = sender->next_flow;

    for (uint16_t i = 0; i < n; i++) {
        uint32_t ports = frame_ports(sender->options, sender->direction, flow);

        frame_set_ports(frames[i], layout->ports, ports);
        frame_set_ports(frames[i], layout->balance, ~ports);
        flow = flow + 1 == sender->flows ? 0 : flow + 1;
    }
}

/* Whatever frames carry. */
static void address_tunnelled(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    const struct frame_layout *layout = &sender->device->layout;
    uint32_t flow = sender->next_flow;

    for (uint16_t i = 0; i < n; i++) {
        uint32_t ports = frame_ports(sender->options, sender->direction, flow);

        tunnel_set_port(frames[i], flow);
        frame_set_ports(frames[i], layout->ports, ports);
        if (layout->balance > 0)
            frame_set_ports(frames[i], layout->balance, ~ports);
        flow = flow + 1 == sender->flows ? 0 : flow + 1;
    }
}

void sender_init(struct sender *sender, const struct options *options, struct device *device, unsigned int direction,
                 struct counters *counters)
{
    *sender = (struct sender){
        .options = options,
        .device = device,
        .direction = direction,
        .flows = direction == FRAME_FLOOD ? options_fresh_flows(options) : options->flows,
        .burst = options->gso > 0 ? GSO_BURST : BURST_SIZE,
        .take = options->gso > 0 ? take_large
                : options->imix  ? take_mixed
                                 : take_equal,
        .give_back = options->gso > 0                        ? give_back_large
                     : options->imix || options->latency > 0 ? give_back_mixed
                                                             : give_back_equal,
        .address = device->layout.inner > 0     ? address_tunnelled
                   : device->layout.balance > 0 ? address_balanced
                                                : address_ports,
        .sent = &counters->sent[direction],
    };
}

void sender_rewind(struct sender *sender)
{
    sender->next_flow = 0;
}

/* The place of the first frame in a burst that is to carry a stamp. */
static uint16_t first_stamp(const struct sender *sender)
{
    uint64_t behind = sender->position % sender->options->latency;

    return (uint16_t)RTE_MIN(behind == 0 ? 0 : sender->options->latency - behind, BURST_SIZE);
}

/* Puts frames for stamps in the place of others of the same size. Without one left there is one sample less. */
static void exchange(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    struct device *device = sender->device;

    for (uint32_t i = first_stamp(sender); i < n; i += sender->options->latency) {
        unsigned int size = sender->options->imix ? imix_pattern[(sender->position + i) % IMIX_PERIOD] : 0;
        void *stamped;

        if (rte_mempool_get(device->stamp_pools[size], &stamped) != 0)
            continue;
        rte_mempool_put(device->tx_pools[size], frames[i]);
        frames[i] = stamped;
    }
}

static void stamp(struct sender *sender, struct rte_mbuf **frames, uint16_t n)
{
    struct rte_mempool *const *pools = sender->device->stamp_pools;
    uint64_t now = rte_rdtsc();

    for (uint32_t i = first_stamp(sender); i < n; i += sender->options->latency) {
        if (frames[i]->pool == pools[0] || frames[i]->pool == pools[1] || frames[i]->pool == pools[2])
            frame_write_stamp(&sender->device->layout, now, rte_pktmbuf_mtod(frames[i], uint8_t *));
    }
}

uint16_t sender_burst(struct sender *sender, uint16_t n)
{
    struct rte_mbuf *frames[BURST_SIZE];
    bool stamped = sender->options->latency > 0 && sender->direction != FRAME_FLOOD;
    uint16_t sent;

    n = RTE_MIN(n, sender->burst);
    if (!sender->take(sender, frames, n))
        return 0;
    if (stamped)
        exchange(sender, frames, n);
    sender->address(sender, frames, n);
    if (stamped)
        stamp(sender, frames, n);
    if (sender->options->gso > 0)
        rte_eth_tx_prepare(sender->device->port_id, 0, frames, n);
    sent = rte_eth_tx_burst(sender->device->port_id, 0, frames, n);
    if (sent < n)
        sender->give_back(sender, &frames[sent], (uint16_t)(n - sent));
    sender->next_flow = (sender->next_flow + sent) % sender->flows;
    sender->position += sent;
    counter_add(sender->sent, sent);
    return sent;
}
