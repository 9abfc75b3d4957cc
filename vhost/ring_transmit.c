// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <errno.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "vhost/ring_private.h"

/* Entries given back unused, in one call. */
#define BAD_MAX 64

/* How far a burst has come. */
struct writer {
    uint16_t first;
    uint16_t available;
    uint16_t taken; /* entries, whose used entries are written */
    uint16_t bad;   /* of these, given back unused */
};

/* Writes 'len' bytes to where the pieces go on, which the caller has made sure are as many. */
struct place {
    const struct ring_pieces *pieces;
    uint32_t piece;
    uint32_t offset;
};

static void write_bytes(struct place *place, const uint8_t *from, uint32_t len)
{
    while (len > 0) {
        uint32_t left = place->pieces->pieces[place->piece].len - place->offset;
        uint32_t n = len < left ? len : left;

        memcpy(place->pieces->pieces[place->piece].data + place->offset, from, n);
        from += n;
        len -= n;
        place->offset += n;
        if (n == left) {
            place->piece++;
            place->offset = 0;
        }
    }
}

/* Collects as many entries as 'len' bytes take, or says why not: -EINVAL: the last one cannot be followed, -ENOSPC. */
static int collect_entries(const struct ring *ring, const struct writer *writer, uint32_t len,
                           struct ring_pieces *pieces)
{
    pieces->n = pieces->n_entries = 0;
    pieces->total = 0;
    pieces->writable = true;
    do {
        uint16_t at = (uint16_t)(writer->taken + pieces->n_entries);
        uint32_t before = pieces->total, head;
        int result;

        if (at == writer->available || pieces->n_entries == RING_PIECES || (at != writer->taken && !ring->mergeable))
            return -ENOSPC;
        head = ring_load_head(ring, (uint16_t)(writer->first + at));
        result = ring_collect(ring, head, pieces);
        pieces->entries[pieces->n_entries].id = head;
        pieces->entries[pieces->n_entries++].len = pieces->total - before;
        if (result == -ENOSPC && pieces->n_entries == 1)
            return -EINVAL; /* never of any use */
        if (result != 0)
            return result;
    } while (pieces->total < len);
    return 0;
}

static void use_entry(const struct ring *ring, struct writer *writer, uint32_t head, uint32_t len)
{
    ring_set_used(ring->used->ring, (uint32_t)(writer->first + writer->taken++) & (ring->size - 1), head, len);
}

/* Gives entries back without anything in them. */
static void give_back(const struct ring *ring, struct writer *writer, const struct ring_pieces *pieces,
                      struct ring_losses *losses)
{
    for (uint16_t i = 0; i < pieces->n_entries; i++)
        use_entry(ring, writer, pieces->entries[i].id, 0);
    writer->bad += pieces->n_entries;
    losses->bad_entries++;
}

static void fill_header(const struct rte_mbuf *packet, uint16_t n_buffers, struct virtio_net_hdr_mrg_rxbuf *header)
{
    memset(header, 0, sizeof *header);
    if (offload_is_pending(packet))
        offload_to_virtio(packet, &header->hdr);
    header->num_buffers = n_buffers;
}

static void write_packet(const struct ring *ring, struct writer *writer, const struct ring_pieces *pieces,
                         const struct rte_mbuf *packet, uint32_t len)
{
    struct virtio_net_hdr_mrg_rxbuf header;
    struct place place = {.pieces = pieces};

    fill_header(packet, pieces->n_entries, &header);
    write_bytes(&place, (const uint8_t *)&header, ring->header_len);
    for (const struct rte_mbuf *segment = packet; segment != NULL; segment = segment->next)
        write_bytes(&place, rte_pktmbuf_mtod(segment, const uint8_t *), segment->data_len);
    for (uint16_t i = 0; i < pieces->n_entries; i++) {
        uint32_t part = len < pieces->entries[i].len ? len : pieces->entries[i].len;

        use_entry(ring, writer, pieces->entries[i].id, part);
        len -= part;
    }
}

/* A packet or a buffer that is not in one piece. False when there is no room for it. */
static __attribute__((noinline)) bool transmit_pieces(const struct ring *ring, struct writer *writer,
                                                      const struct rte_mbuf *packet, struct ring_losses *losses)
{
    uint32_t len = ring->header_len + packet->pkt_len;
    struct ring_pieces pieces;
    int result;

    while ((result = collect_entries(ring, writer, len, &pieces)) == -EINVAL) {
        give_back(ring, writer, &pieces, losses);
        if (writer->bad >= BAD_MAX)
            return false;
    }
    if (result != 0)
        return false;
    write_packet(ring, writer, &pieces, packet, len);
    return true;
}

static inline __attribute__((always_inline)) void write_header(const struct rte_mbuf *packet, uint32_t header_len,
                                                               uint8_t *to)
{
    struct virtio_net_hdr_mrg_rxbuf header = {.num_buffers = 1};

    if (unlikely(offload_is_pending(packet)))
        fill_header(packet, 1, &header);
    if (likely(header_len == sizeof header))
        memcpy(to, &header, sizeof header);
    else
        memcpy(to, &header.hdr, sizeof header.hdr);
}

/* Sends packets to single buffers, one each. Ends before the first packet or buffer that is not like that. Returns how
 * many. */
static inline __attribute__((always_inline)) uint32_t transmit_plain(const struct ring *ring, uint16_t first,
                                                                     struct rte_mbuf *const *packets, uint32_t n,
                                                                     const struct ring_view *views)
{
    const uint32_t header_len = ring->header_len;
    const uint32_t mask = ring->size - 1;
    struct vring_used_elem *used = ring->used->ring;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct rte_mbuf *packet = packets[i];
        uint8_t *data = views[i].data;
        uint32_t len = packet->data_len;

        if (unlikely(data == NULL || packet->nb_segs != 1 || views[i].len < header_len + len))
            break;
        write_header(packet, header_len, data);
        ring_copy(data + header_len, rte_pktmbuf_mtod(packet, const uint8_t *), len);
        ring_set_used(used, (first + i) & mask, views[i].head, header_len + len);
    }
    return i;
}

static uint32_t some_entries(const struct writer *writer, int n)
{
    int left = RTE_MIN(n, writer->available - writer->taken);

    return RTE_MIN((uint32_t)left, RING_BURST);
}

uint16_t ring_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                       bool *kick)
{
    const uint32_t available = ring_available(ring);
    struct writer writer = {.first = ring->next, .available = (uint16_t)available};
    struct ring_view views[RING_BURST];
    uint32_t looked_from = 0, looked_to = 0; /* entries that 'views' has */
    uint16_t sent = 0;

    if (unlikely(available > ring->size)) {
        ring_resynchronise(ring, losses);
        return 0;
    }
    while (sent < n && writer.taken < writer.available) {
        uint16_t first = (uint16_t)(writer.first + writer.taken);
        uint32_t some, plain;

        if (writer.taken >= looked_to) {
            looked_from = writer.taken;
            looked_to = looked_from + some_entries(&writer, n - sent);
            ring_look(ring, first, looked_to - looked_from, VRING_DESC_F_WRITE, views);
        }
        some = looked_to - writer.taken;
        plain = transmit_plain(ring, first, packets + sent, RTE_MIN(some, (uint32_t)(n - sent)),
                               &views[writer.taken - looked_from]);
        sent += (uint16_t)plain;
        writer.taken += (uint16_t)plain;
        if (likely(sent == n || plain == some))
            continue;
        if (!transmit_pieces(ring, &writer, packets[sent], losses))
            break;
        sent++;
    }
    if (likely(writer.taken != 0) && ring_publish(ring, writer.taken))
        *kick = true;
    return sent;
}
