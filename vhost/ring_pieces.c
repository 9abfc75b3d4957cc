// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring_pieces.h"

#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "vhost/ring_private.h"

/* Entries given back unused, in one call. */
#define BAD_MAX 64

int ring_pieces_add(const struct ring *ring, uint64_t address, uint32_t len, uint16_t flags, struct ring_pieces *pieces)
{
    uint32_t left = len;

    if (len == 0 || !!(flags & VRING_DESC_F_WRITE) != pieces->writable)
        return -EINVAL;
    while (left > 0) {
        uint32_t part = left;
        uint8_t *data = guest_memory_piece(ring->memory, address, &part);

        if (data == NULL)
            return -EINVAL;
        if (pieces->n == RING_PIECES)
            return -ENOSPC;
        pieces->pieces[pieces->n].data = data;
        pieces->pieces[pieces->n++].len = part;
        address += part;
        left -= part;
    }
    /* Nobody needs more, and a sum of lengths does not overflow. */
    pieces->total = len < UINT32_MAX / 2 - pieces->total ? pieces->total + len : UINT32_MAX / 2;
    return 0;
}

const void *ring_find_table(const struct ring *ring, uint64_t address, uint32_t len, uint16_t flags, uint32_t *n)
{
    const struct guest_region *memo = &ring->memory->regions[0];

    if (flags & VRING_DESC_F_NEXT || len == 0 || len % sizeof(struct vring_desc) != 0)
        return NULL;
    *n = len / sizeof(struct vring_desc);
    return guest_memory_find(ring->memory, &memo, address, len);
}

/* Pieces that are read or written byte by byte, as it were. */
struct place {
    const struct ring_pieces *pieces;
    uint32_t piece;
    uint32_t offset; /* in that piece */
};

/* Where it goes on, and at most how far, with '*n' cut to that. */
static uint8_t *next_bytes(struct place *place, uint32_t *n)
{
    uint32_t left = place->pieces->pieces[place->piece].len - place->offset;
    uint8_t *data = place->pieces->pieces[place->piece].data + place->offset;

    if (*n < left) {
        place->offset += *n;
    } else {
        *n = left;
        place->piece++;
        place->offset = 0;
    }
    return data;
}

/* The caller has made sure that there is as much. */
static void read_bytes(struct place *place, uint8_t *to, uint32_t len)
{
    while (len > 0) {
        uint32_t n = len;
        const uint8_t *data = next_bytes(place, &n);

        memcpy(to, data, n);
        to += n;
        len -= n;
    }
}

static void write_bytes(struct place *place, const uint8_t *from, uint32_t len)
{
    while (len > 0) {
        uint32_t n = len;
        uint8_t *data = next_bytes(place, &n);

        memcpy(data, from, n);
        from += n;
        len -= n;
    }
}

/* Reads 'len' bytes into 'packet' and as many buffers behind it as it takes. False without buffers. */
static bool read_chain(struct place *place, struct rte_mempool *pool, struct rte_mbuf *packet, uint32_t len,
                       uint32_t room)
{
    struct rte_mbuf *last = packet;
    uint32_t n = len < room ? len : room;

    ring_init_packet(packet, n);
    packet->pkt_len = len;
    for (;;) {
        read_bytes(place, rte_pktmbuf_mtod(last, uint8_t *), n);
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

bool ring_describe_offload(struct rte_mbuf *packet, const uint8_t *from, struct ring_losses *losses)
{
    struct virtio_net_hdr header;

    memcpy(&header, from, sizeof header);
    if (offload_from_virtio(packet, &header) == 0)
        return true;
    losses->unsupported++;
    return false;
}

bool ring_read_packet(const struct ring *ring, int result, const struct ring_pieces *pieces, struct rte_mempool *pool,
                      struct rte_mbuf *packet, uint32_t room, struct ring_losses *losses)
{
    struct place place = {.pieces = pieces};
    uint8_t header[sizeof(struct virtio_net_hdr_mrg_rxbuf)];

    if (result != 0 || pieces->total <= ring->header_len || pieces->total - ring->header_len > RING_FRAME_MAX) {
        losses->bad_entries++;
        return false;
    }
    read_bytes(&place, header, ring->header_len);
    if (!read_chain(&place, pool, packet, pieces->total - ring->header_len, room)) {
        losses->no_buffer++;
        return false;
    }
    if (!ring_header_asks(header) || ring_describe_offload(packet, header, losses))
        return true;
    rte_pktmbuf_free(packet->next);
    packet->next = NULL;
    return false;
}

uint16_t ring_take_buffers(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
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

void ring_fill_header(const struct rte_mbuf *packet, uint16_t n_buffers, struct virtio_net_hdr_mrg_rxbuf *header)
{
    memset(header, 0, sizeof *header);
    if (offload_is_pending(packet))
        offload_to_virtio(packet, &header->hdr);
    header->num_buffers = n_buffers;
}

/* Collects as many entries as 'len' bytes take, or says why not: -EINVAL: the last one cannot be followed, -ENOSPC. */
static int collect_entries(const struct ring *ring, const struct ring_layout *layout,
                           const struct ring_progress *progress, uint32_t len, struct ring_pieces *pieces)
{
    ring_pieces_start(pieces, true);
    do {
        int result;

        if (pieces->n_entries == RING_PIECES || (pieces->n_entries != 0 && !ring->mergeable))
            return -ENOSPC;
        result = layout->collect(ring, progress, pieces);
        if (result == -ENOSPC && pieces->n_entries == 1)
            return -EINVAL; /* never of any use */
        if (result != 0)
            return result;
    } while (pieces->total < len);
    return 0;
}

/* Gives entries back without anything in them. */
static void give_back(const struct ring *ring, const struct ring_layout *layout, struct ring_progress *progress,
                      struct ring_pieces *pieces, struct ring_losses *losses)
{
    for (uint16_t i = 0; i < pieces->n_entries; i++) {
        pieces->entries[i].len = 0;
        layout->use(ring, progress, &pieces->entries[i]);
    }
    progress->bad += pieces->n_entries;
    losses->bad_entries++;
}

static void write_pieces(const struct ring *ring, const struct ring_pieces *pieces, const struct rte_mbuf *packet)
{
    struct virtio_net_hdr_mrg_rxbuf header;
    struct place place = {.pieces = pieces};

    ring_fill_header(packet, pieces->n_entries, &header);
    write_bytes(&place, (const uint8_t *)&header, ring->header_len);
    for (const struct rte_mbuf *segment = packet; segment != NULL; segment = segment->next)
        write_bytes(&place, rte_pktmbuf_mtod(segment, const uint8_t *), segment->data_len);
}

bool ring_write_packet(const struct ring *ring, const struct ring_layout *layout, struct ring_progress *progress,
                       const struct rte_mbuf *packet, struct ring_losses *losses)
{
    uint32_t len = ring->header_len + packet->pkt_len;
    struct ring_pieces pieces;
    int result;

    while ((result = collect_entries(ring, layout, progress, len, &pieces)) == -EINVAL) {
        give_back(ring, layout, progress, &pieces, losses);
        if (progress->bad >= BAD_MAX)
            return false;
    }
    if (result != 0)
        return false;
    write_pieces(ring, &pieces, packet);
    for (uint16_t i = 0; i < pieces.n_entries; i++) {
        struct ring_entry *entry = &pieces.entries[i];

        entry->len = RTE_MIN(len, entry->len);
        len -= entry->len;
        layout->use(ring, progress, entry);
    }
    return true;
}
