// SPDX-License-Identifier: Apache-2.0
#include "vhost/packed_ring.h"

/* An entry that is not one descriptor with a frame that fits one buffer. Returns how many descriptors it took. */
static __attribute__((noinline)) uint32_t receive_chain(const struct ring *ring, struct ring_progress *progress,
                                                        struct rte_mempool *pool, struct rte_mbuf *packet,
                                                        uint32_t room, struct ring_losses *losses, uint16_t *received)
{
    struct ring_pieces pieces;
    int result;

    ring_pieces_start(&pieces, false);
    result = packed_collect(ring, progress, &pieces);
    if (pieces.n_entries == 0)
        return 0; /* the guest has taken it back */
    if (ring_read_packet(ring, result, &pieces, pool, packet, room, losses)) {
        (*received)++;
        progress->chained += packet->pkt_len;
    }
    pieces.entries[0].len = 0;
    packed_use(ring, progress, &pieces.entries[0]);
    return pieces.slots;
}

/* Takes the frames of 'n' descriptors in a row, some of which may belong together. Returns how many there were. */
static __attribute__((noinline)) uint16_t receive_run(struct ring *ring, struct ring_progress *progress,
                                                      const struct ring_view *views, uint32_t n,
                                                      struct rte_mempool *pool, struct rte_mbuf **packets,
                                                      struct ring_losses *losses)
{
    const uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
    const uint32_t header_len = ring->header_len;
    struct vring_packed_desc *descriptors = &ring->packed_descriptors[progress->slot];
    uint32_t first = progress->holding ? UINT32_MAX : 0; /* the one whose used descriptor is held back */
    uint32_t i = 0, told = 0;                            /* descriptors that 'progress' says */
    uint16_t received = 0;

    while (i < n) {
        const struct ring_view *view = &views[i];
        struct rte_mbuf *packet = packets[received];
        const uint8_t *data = view->data;
        uint32_t len = view->len - header_len;

        /* The length wraps when there is not even a header. */
        if (unlikely(data == NULL || len - 1 >= room)) {
            uint32_t slots;

            packed_advance(ring, progress, i - told);
            slots = receive_chain(ring, progress, pool, packet, room, losses, &received);
            i += slots;
            told = i;
            if (slots == 0 || progress->chained >= RING_BYTES)
                break;
            continue;
        }
        ring_init_packet(packet, len);
        ring_copy(rte_pktmbuf_mtod(packet, uint8_t *), data + header_len, len);
        received += likely(!ring_header_asks(data)) || ring_describe_offload(packet, data, losses);
        if (unlikely(i == first))
            packed_hold(progress, (uint64_t)view->head << 32);
        else
            packed_store(&descriptors[i], (uint64_t)view->head << 32);
        i++;
    }
    packed_advance(ring, progress, i - told);
    return received;
}

uint16_t packed_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                        struct ring_losses *losses)
{
    struct ring_progress progress = packed_begin(ring);
    struct ring_view views[RING_BURST];
    uint16_t received = 0;

    n = (uint16_t)RTE_MIN(n, RING_BURST);
    /* To the ring's end and on from its start, no further: a guest can make descriptors available without end. */
    for (unsigned int run = 0; run < 2 && received < n; run++) {
        uint32_t some = packed_look(ring, &progress, n - received, 0, views);
        const bool wrap = progress.wrap;
        uint16_t taken;

        if (some == 0)
            break;
        some = ring_take_buffers(ring, pool, packets + received, (uint16_t)some, losses);
        taken = receive_run(ring, &progress, views, some, pool, packets + received, losses);
        if (unlikely(taken != some))
            rte_mempool_put_bulk(pool, (void **)&packets[received + taken], some - taken);
        received += taken;
        if (progress.wrap == wrap || progress.chained >= RING_BYTES)
            break;
    }
    if (packed_publish(ring, &progress))
        ring_kick(ring);
    return received;
}
