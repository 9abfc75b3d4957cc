// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "vhost/ring_private.h"

/* A chain that is read byte by byte, as it were. */
struct reader {
    const struct ring_pieces *pieces;
    uint32_t piece;
    uint32_t offset; /* in that piece */
};

/* The caller has made sure that there is as much. */
static void read_bytes(struct reader *reader, uint8_t *to, uint32_t len)
{
    while (len > 0) {
        uint32_t left = reader->pieces->pieces[reader->piece].len - reader->offset;
        uint32_t n = len < left ? len : left;

        memcpy(to, reader->pieces->pieces[reader->piece].data + reader->offset, n);
        to += n;
        len -= n;
        reader->offset += n;
        if (n == left) {
            reader->piece++;
            reader->offset = 0;
        }
    }
}

/* What a buffer just taken from the pool must say; the pool's buffers have no chain behind them. */
static inline void init_packet(struct rte_mbuf *packet, uint32_t len)
{
    packet->data_off = RTE_PKTMBUF_HEADROOM;
    packet->refcnt = 1;
    packet->nb_segs = 1;
    packet->port = RTE_MBUF_PORT_INVALID;
    packet->ol_flags = 0;
    packet->packet_type = 0;
    packet->pkt_len = len;
    packet->data_len = (uint16_t)len;
    packet->vlan_tci = 0;
}

/* Reads 'len' bytes into 'packet' and as many buffers behind it as it takes. False without buffers. */
static bool read_chain(struct reader *reader, struct rte_mempool *pool, struct rte_mbuf *packet, uint32_t len,
                       uint32_t room)
{
    struct rte_mbuf *last = packet;
    uint32_t n = len < room ? len : room;

    init_packet(packet, n);
    packet->pkt_len = len;
    for (;;) {
        read_bytes(reader, rte_pktmbuf_mtod(last, uint8_t *), n);
        len -= n;
        if (len == 0)
            return true;
        last->next = rte_pktmbuf_alloc(pool);
        if (last->next == NULL)
            break;
        last = last->next;
        packet->nb_segs++;
        n = len < room ? len : room;
        last->data_len = (uint16_t)n;
    }
    rte_pktmbuf_free(packet->next);
    packet->next = NULL;
    packet->nb_segs = 1;
    return false;
}

/* The header begins with flags and gso_type. */
static inline bool header_asks(const uint8_t *header)
{
    uint16_t both;

    memcpy(&both, header, sizeof both);
    return both != 0;
}

static bool describe_offload(struct rte_mbuf *packet, const uint8_t *from, struct ring_losses *losses)
{
    struct virtio_net_hdr header;

    memcpy(&header, from, sizeof header);
    if (offload_from_virtio(packet, &header) == 0)
        return true;
    losses->unsupported++;
    return false;
}

/* An entry that is not one descriptor with a frame that fits one buffer. */
static __attribute__((noinline)) bool receive_chain(const struct ring *ring, uint32_t head, struct rte_mempool *pool,
                                                    struct rte_mbuf *packet, uint32_t room, struct ring_losses *losses)
{
    struct ring_pieces pieces;
    struct reader reader = {.pieces = &pieces};
    uint8_t header[sizeof(struct virtio_net_hdr_mrg_rxbuf)];

    pieces.n = 0;
    pieces.total = 0;
    pieces.writable = false;
    if (ring_collect(ring, head, &pieces) != 0 || pieces.total <= ring->header_len ||
        pieces.total - ring->header_len > RING_FRAME_MAX) {
        losses->bad_entries++;
        return false;
    }
    read_bytes(&reader, header, ring->header_len);
    if (!read_chain(&reader, pool, packet, pieces.total - ring->header_len, room)) {
        losses->no_buffer++;
        return false;
    }
    if (!header_asks(header) || describe_offload(packet, header, losses))
        return true;
    rte_pktmbuf_free(packet->next);
    packet->next = NULL;
    return false;
}

/* Takes buffers for up to 'n' packets, fewer when there are not as many. */
static uint16_t take_buffers(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                             struct ring_losses *losses)
{
    while (unlikely(rte_mempool_get_bulk(pool, (void **)packets, n) != 0)) {
        n /= 2;
        if (n == 0) {
            losses->no_buffer += !ring->starved;
            ring->starved = true;
            return 0;
        }
    }
    if (unlikely(ring->starved))
        ring->starved = false;
    return n;
}

static inline uint16_t at_most(uint32_t available, uint16_t n)
{
    uint32_t some = available < n ? available : n;

    return (uint16_t)RTE_MIN(some, RING_BURST);
}

uint16_t ring_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                      struct ring_losses *losses)
{
    const uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
    const uint32_t header_len = ring->header_len;
    const uint32_t available = ring_available(ring);
    const uint16_t first = ring->next;
    struct ring_view views[RING_BURST];
    struct vring_used_elem *used = ring->used->ring;
    const uint32_t mask = ring->size - 1;
    uint16_t received = 0, taken, n_buffers;
    uint32_t chained = 0; /* bytes */

    if (available == 0)
        return 0;
    if (unlikely(available > ring->size)) {
        ring_resynchronise(ring, losses);
        return 0;
    }
    n = n_buffers = take_buffers(ring, pool, packets, at_most(available, n), losses);
    ring_look(ring, first, n, 0, views);
    for (taken = 0; taken < n; taken++) {
        const struct ring_view *view = &views[taken];
        struct rte_mbuf *packet = packets[received];
        const uint8_t *data = view->data;
        uint32_t len = view->len - header_len;

        ring_set_used(used, (first + taken) & mask, view->head, 0);
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
        init_packet(packet, len);
        ring_copy(rte_pktmbuf_mtod(packet, uint8_t *), data + header_len, len);
        if (unlikely(header_asks(data)) && !describe_offload(packet, data, losses))
            continue;
        received++;
    }
    if (unlikely(received != n_buffers))
        rte_mempool_put_bulk(pool, (void **)&packets[received], n_buffers - received);
    if (likely(taken != 0) && ring_publish(ring, taken))
        ring_kick(ring);
    return received;
}
