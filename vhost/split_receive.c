// SPDX-License-Identifier: Apache-2.0
#include "vhost/split_ring.h"

/* An entry that is not one descriptor with a frame that fits one buffer. */
static __attribute__((noinline)) bool receive_chain(const struct ring *ring, uint32_t head, struct rte_mempool *pool,
                                                    struct rte_mbuf *packet, uint32_t room, struct ring_losses *losses)
{
    struct ring_pieces pieces;
    int result;

    ring_pieces_start(&pieces, false);
    result = split_collect(ring, head, &pieces);
    return ring_read_packet(ring, result, &pieces, pool, packet, room, losses);
}

static inline uint16_t at_most(uint32_t available, uint16_t n)
{
    uint32_t some = available < n ? available : n;

    return (uint16_t)RTE_MIN(some, RING_BURST);
}

uint16_t split_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                       struct ring_losses *losses)
{
    const uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
    const uint32_t header_len = ring->header_len;
    const uint32_t available = split_available(ring);
    const uint16_t first = ring->next;
    struct ring_view views[RING_BURST];
    struct vring_used_elem *used = ring->used->ring;
    const uint32_t mask = ring->size - 1;
    uint16_t received = 0, taken, n_buffers;
    uint32_t chained = 0; /* bytes */

    if (available == 0)
        return 0;
    if (unlikely(available > ring->size)) {
        split_resynchronise(ring, losses);
        return 0;
    }
    n = n_buffers = ring_take_buffers(ring, pool, packets, at_most(available, n), losses);
    split_look(ring, first, n, 0, views);
    for (taken = 0; taken < n; taken++) {
        const struct ring_view *view = &views[taken];
        struct rte_mbuf *packet = packets[received];
        const uint8_t *data = view->data;
        uint32_t len = view->len - header_len;

        split_set_used(used, (first + taken) & mask, view->head, 0);
        /* The length wraps when there is not even a header. */
        if (unlikely(data == NULL || len - 1 >= room)) {
            if (!receive_chain(ring, view->head, pool, packet, room, losses))
                continue;
            received++;
            chained += packet->pkt_len;
            if (chained >= RING_BYTES)
                n = taken; /* the last one */
            continue;
        }
        ring_init_packet(packet, len);
        ring_copy(rte_pktmbuf_mtod(packet, uint8_t *), data + header_len, len);
        if (unlikely(ring_header_asks(data)) && !ring_describe_offload(packet, data, losses))
            continue;
        received++;
    }
    if (unlikely(received != n_buffers))
        rte_mempool_put_bulk(pool, (void **)&packets[received], n_buffers - received);
    if (likely(taken != 0) && split_publish(ring, taken))
        ring_kick(ring);
    return received;
}
