// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>

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
    if ((header[0] | header[1]) == 0 || describe_offload(packet, header, losses))
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

static inline __attribute__((always_inline)) void look_ahead(struct ring *ring, const struct guest_region **memo,
                                                             uint16_t at, struct ring_view *view)
{
    ring_view(ring, memo, at, 0, view);
    rte_prefetch0(view->data);
    rte_prefetch0(view->data + 64);
}

uint16_t ring_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                      struct ring_losses *losses)
{
    uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
    uint32_t header_len = ring->header_len;
    const struct guest_region *memo = ring->memo;
    struct ring_view views[2 * RING_AHEAD];
    uint32_t available = ring_available(ring);
    uint16_t first = ring->next, received = 0;

    if (available == 0)
        return 0;
    if (unlikely(available > ring->size)) {
        ring_resynchronise(ring, losses);
        return 0;
    }
    n = take_buffers(ring, pool, packets, available < n ? (uint16_t)available : n, losses);
    if (unlikely(n == 0))
        return 0;
    for (uint16_t i = 0; i < n && i < RING_AHEAD; i++)
        look_ahead(ring, &memo, (uint16_t)(first + i), &views[i]);
    for (uint16_t i = 0; i < n; i++) {
        const struct ring_view *view = &views[i % (2 * RING_AHEAD)];
        struct rte_mbuf *packet = packets[received];
        uint32_t len = view->len - header_len;

        if (i + RING_AHEAD < n)
            look_ahead(ring, &memo, (uint16_t)(first + i + RING_AHEAD), &views[(i + RING_AHEAD) % (2 * RING_AHEAD)]);
        ring_set_used(ring, (uint16_t)(first + i), view->head, 0);
        if (unlikely(view->data == NULL || len - 1 >= room)) { /* 'len' wraps when it is shorter than a header */
            received += receive_chain(ring, view->head, pool, packet, room, losses);
            continue;
        }
        init_packet(packet, len);
        ring_copy(rte_pktmbuf_mtod(packet, uint8_t *), view->data + header_len, len);
        if (unlikely(*(const volatile uint16_t *)view->data != 0) && !describe_offload(packet, view->data, losses))
            continue;
        received++;
    }
    if (memo != ring->memo)
        ring->memo = memo;
    if (unlikely(received != n))
        rte_mempool_put_bulk(pool, (void **)&packets[received], n - received);
    if (ring_publish(ring, n))
        ring_kick(ring);
    return received;
}
