// SPDX-License-Identifier: Apache-2.0
#include "vhost/library.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>

#include "dataplane/core/offload.h"
#include "vhost/device.h"

/* Turns off the kicks of a queue pair: we poll. At its first poll after a change, because when rte_vhost tells of the
 * change it may hold the lock that this takes. */
static void quiet_guest(uint64_t link, uint16_t pair)
{
    if (vhost_link_tx_rings(link) & 1u << pair)
        rte_vhost_enable_guest_notification(vhost_link_device(link), (uint16_t)(2 * pair + 1), 0);
    if (vhost_link_rx_rings(link) & 1u << pair)
        rte_vhost_enable_guest_notification(vhost_link_device(link), (uint16_t)(2 * pair), 0);
    /* After a lease rte_vhost would go on as if entries used meanwhile had been told of long ago. */
    if (vhost_link_tx_rings(link) & 1u << pair)
        rte_vhost_vring_call(vhost_link_device(link), (uint16_t)(2 * pair + 1));
    if (vhost_link_rx_rings(link) & 1u << pair)
        rte_vhost_vring_call(vhost_link_device(link), (uint16_t)(2 * pair));
}

/* rte_vhost does not say why it takes nothing from a ring. One that has entries (of split rings that can be told from
 * outside) and yet stays silent has none that can be followed, unless it is us who have no buffer: look at it now and
 * then, and count it once. */
#define SILENT_POLLS 128

static void count_lost(struct port *port, struct vhost_device *device, uint32_t n)
{
    struct rte_mbuf *packet = rte_pktmbuf_alloc(device->pool);

    atomic_fetch_add_explicit(packet != NULL ? &port->rx_bad_descriptor : &port->rx_no_buffer, n, memory_order_relaxed);
    rte_pktmbuf_free(packet);
}

static void examine_silent_ring(struct port *port, struct vhost_device *device, uint64_t link, uint16_t rxq)
{
    uint32_t *silence = &device->rxqs[rxq].silence;

    if (link & VHOST_LINK_PACKED || *silence == VHOST_SILENCE_COUNTED ||
        rte_vhost_avail_entries(vhost_link_device(link), (uint16_t)(2 * rxq + 1)) == 0)
        return;
    /* An entry may have come this very moment: only the second time in a row is sure. */
    if (++*silence != VHOST_SILENCE_COUNTED)
        return;
    count_lost(port, device, 1);
}

/* Where rte_vhost stands in a ring; false for a packed one, whose entries cannot be counted from outside. */
static bool ring_index(uint64_t link, uint16_t rxq, uint16_t *index)
{
    uint16_t used;

    return !(link & VHOST_LINK_PACKED) &&
           rte_vhost_get_vring_base(vhost_link_device(link), (uint16_t)(2 * rxq + 1), index, &used) == 0;
}

/* Entries too short for a frame are taken by rte_vhost without a word: they are what it has taken beyond the frames. */
static void count_swallowed(struct port *port, struct vhost_device *device, uint64_t link, uint16_t rxq)
{
    struct vhost_rxq *queue = &device->rxqs[rxq];
    uint16_t index;

    if (!ring_index(link, rxq, &index) || index == queue->taken)
        return;
    count_lost(port, device, (uint16_t)(index - queue->taken));
    queue->taken = index;
}

/* Describes what guests left undone as the switch does, and drops what cannot be done. Returns how many packets remain. */
static uint16_t take_offloads(struct port *port, struct rte_mbuf **packets, uint16_t n)
{
    uint16_t kept = 0;

    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *packet = packets[i];

        if (unlikely((packet->ol_flags & (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO)) != 0) &&
            offload_from_rx_flags(packet) != 0) {
            atomic_fetch_add_explicit(&port->rx_unsupported, 1, memory_order_relaxed);
            rte_pktmbuf_free(packet);
            continue;
        }
        packets[kept++] = packet;
    }
    return kept;
}

/* rte_vhost gives no more than this per call: it is called again while the ring has more. */
#define LIBRARY_BURST 32

static uint16_t dequeue(struct vhost_device *device, uint64_t link, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    uint16_t received = 0, some;

    do {
        some = rte_vhost_dequeue_burst(vhost_link_device(link), (uint16_t)(2 * rxq + 1), device->pool,
                                       packets + received, (uint16_t)(n - received));
        received += some;
    } while (some == LIBRARY_BURST && received < n);
    return received;
}

uint16_t library_receive(struct port *port, struct vhost_device *device, uint64_t link, uint16_t rxq,
                         struct rte_mbuf **packets, uint16_t n)
{
    struct vhost_rxq *queue = &device->rxqs[rxq];
    uint16_t received;

    if (unlikely(queue->quieted != vhost_link_change(link))) {
        quiet_guest(link, rxq);
        queue->quieted = vhost_link_change(link);
        queue->silence = VHOST_SILENCE_NONE;
        ring_index(link, rxq, &queue->taken);
    }
    received = dequeue(device, link, rxq, packets, n);
    if (received != 0) {
        queue->empty_polls = 0;
        queue->silence = VHOST_SILENCE_NONE;
        queue->taken = (uint16_t)(queue->taken + received);
    } else if (unlikely(++queue->empty_polls == SILENT_POLLS)) {
        queue->empty_polls = 0;
        count_swallowed(port, device, link, rxq);
        examine_silent_ring(port, device, link, rxq);
    }
    return take_offloads(port, packets, received);
}
