// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <errno.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "vhost/ring_private.h"

/* Entries given back unused, in one call. */
#define BAD_MAX 64

/* Where entries of the ring are taken from and looked at ahead. */
struct writer {
    const struct guest_region *memo;
    uint16_t first;
    uint16_t available;
    uint16_t taken;  /* entries so far, of which the used entry is written */
    uint16_t looked; /* entries that 'views' knows */
    uint16_t wanted; /* no further */
    uint16_t bad;
    struct ring_view views[2 * RING_AHEAD];
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

/* Gives entries back without anything in them. */
static void give_back(const struct ring *ring, struct writer *writer, const struct ring_pieces *pieces,
                      struct ring_losses *losses)
{
    for (uint16_t i = 0; i < pieces->n_entries; i++)
        ring_set_used(ring, (uint16_t)(writer->first + writer->taken++), pieces->entries[i].id, 0);
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

        ring_set_used(ring, (uint16_t)(writer->first + writer->taken++), pieces->entries[i].id, part);
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

static inline __attribute__((always_inline)) void look_ahead(struct ring *ring, struct writer *writer)
{
    struct ring_view *view = &writer->views[writer->looked % (2 * RING_AHEAD)];

    ring_view(ring, &writer->memo, (uint16_t)(writer->first + writer->looked), VRING_DESC_F_WRITE, view);
    __builtin_prefetch(view->data, 1);
    __builtin_prefetch(view->data + 64, 1);
    writer->looked++;
}

static inline __attribute__((always_inline)) void write_header(const struct ring *ring, const struct rte_mbuf *packet,
                                                               uint8_t *to)
{
    struct virtio_net_hdr_mrg_rxbuf header = {.num_buffers = 1};

    if (unlikely(offload_is_pending(packet)))
        fill_header(packet, 1, &header);
    if (likely(ring->header_len == sizeof header))
        memcpy(to, &header, sizeof header);
    else
        memcpy(to, &header.hdr, sizeof header.hdr);
}

/* What follows a packet that took other entries than the next one. */
static void catch_up(struct writer *writer, uint16_t packets_left)
{
    uint32_t wanted = (uint32_t)writer->taken + packets_left;

    writer->wanted = (uint16_t)RTE_MIN(wanted, writer->available);
    if (writer->looked < writer->taken)
        writer->looked = writer->taken;
}

uint16_t ring_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                       bool *kick)
{
    uint32_t header_len = ring->header_len;
    uint32_t available = ring_available(ring);
    struct writer writer;
    uint16_t sent;

    if (unlikely(available == 0 || n == 0))
        return 0;
    if (unlikely(available > ring->size)) {
        ring_resynchronise(ring, losses);
        return 0;
    }
    writer.memo = ring->memo;
    writer.first = ring->next;
    writer.available = (uint16_t)available;
    writer.taken = writer.looked = writer.bad = 0;
    writer.wanted = RTE_MIN(n, writer.available);
    for (sent = 0; sent < n && writer.taken != writer.available; sent++) {
        const struct rte_mbuf *packet = packets[sent];
        const struct ring_view *view = &writer.views[writer.taken % (2 * RING_AHEAD)];
        uint32_t len = packet->data_len;

        while (writer.looked < writer.wanted && writer.looked - writer.taken < RING_AHEAD)
            look_ahead(ring, &writer);
        if (unlikely(view->data == NULL || packet->nb_segs != 1 || view->len < header_len + len)) {
            if (!transmit_pieces(ring, &writer, packet, losses))
                break;
            catch_up(&writer, n - sent - 1);
            continue;
        }
        write_header(ring, packet, view->data);
        ring_copy(view->data + header_len, rte_pktmbuf_mtod(packet, const uint8_t *), len);
        ring_set_used(ring, (uint16_t)(writer.first + writer.taken), view->head, header_len + len);
        writer.taken++;
    }
    if (writer.memo != ring->memo)
        ring->memo = writer.memo;
    if (likely(writer.taken != 0) && ring_publish(ring, writer.taken))
        *kick = true;
    return sent;
}
