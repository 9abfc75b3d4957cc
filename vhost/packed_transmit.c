// SPDX-License-Identifier: Apache-2.0
#include "vhost/packed_ring.h"

static const struct ring_layout layout = {.collect = packed_collect, .use = packed_use};

/* Sends packets to single buffers, one each, and up to the end of the ring. Ends before the first packet or buffer that is
 * not like that. Returns how many. */
static __attribute__((noinline)) uint32_t transmit_plain(struct ring *ring, struct ring_progress *progress,
                                                         struct rte_mbuf *const *packets, uint32_t n,
                                                         const struct ring_view *views)
{
    const uint32_t header_len = ring->header_len;
    struct vring_packed_desc *descriptors = &ring->packed_descriptors[progress->slot];
    const uint32_t first = progress->holding ? UINT32_MAX : 0;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct rte_mbuf *packet = packets[i];
        uint8_t *data = views[i].data;
        uint32_t len = packet->data_len;
        uint64_t used = (uint64_t)views[i].head << 32 | (header_len + len);

        if (unlikely(data == NULL || packet->nb_segs != 1 || views[i].len < header_len + len))
            break;
        ring_write_header(packet, header_len, data);
        ring_copy(data + header_len, rte_pktmbuf_mtod(packet, const uint8_t *), len);
        if (unlikely(i == first))
            packed_hold(progress, used);
        else
            packed_store(&descriptors[i], used);
    }
    packed_advance(ring, progress, i);
    return i;
}

uint16_t packed_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                         bool *kick)
{
    struct ring_progress progress = packed_begin(ring);
    struct ring_view views[RING_BURST];
    uint32_t looked_from = 0, looked_to = 0; /* slots that 'views' has, of the round with the same wrap counter */
    bool looked_wrap = progress.wrap;
    uint16_t sent = 0;

    while (sent < n) {
        uint32_t some, plain;

        if (progress.slot >= looked_to || progress.wrap != looked_wrap) {
            looked_from = progress.slot;
            looked_wrap = progress.wrap;
            looked_to = looked_from + packed_look(ring, &progress, RTE_MIN((uint32_t)(n - sent), RING_BURST),
                                                  VRING_DESC_F_WRITE, views);
            if (looked_to == looked_from)
                break;
        }
        some = RTE_MIN(looked_to - progress.slot, (uint32_t)(n - sent));
        plain = transmit_plain(ring, &progress, packets + sent, some, &views[progress.slot - looked_from]);
        sent += (uint16_t)plain;
        if (likely(plain == some))
            continue;
        if (!ring_write_packet(ring, &layout, &progress, packets[sent], losses))
            break;
        sent++;
    }
    if (packed_publish(ring, &progress))
        *kick = true;
    return sent;
}
