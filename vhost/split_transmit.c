// SPDX-License-Identifier: Apache-2.0
#include "vhost/split_ring.h"

#include <errno.h>

static int collect_entry(const struct ring *ring, const struct ring_progress *progress, struct ring_pieces *pieces)
{
    uint16_t at = (uint16_t)(progress->taken + pieces->n_entries);
    struct ring_entry *entry = &pieces->entries[pieces->n_entries];
    uint32_t before = pieces->total;
    int result;

    if (at == progress->available)
        return -EAGAIN;
    entry->head = split_load_head(ring, (uint16_t)(progress->first + at));
    result = split_collect(ring, entry->head, pieces);
    entry->len = pieces->total - before;
    pieces->n_entries++;
    return result;
}

static void use_entry(const struct ring *ring, struct ring_progress *progress, const struct ring_entry *entry)
{
    split_set_used(ring->used->ring, (uint32_t)(progress->first + progress->taken++) & (ring->size - 1), entry->head,
                   entry->len);
}

static const struct ring_layout layout = {.collect = collect_entry, .use = use_entry};

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
        ring_write_header(packet, header_len, data);
        ring_copy(data + header_len, rte_pktmbuf_mtod(packet, const uint8_t *), len);
        split_set_used(used, (first + i) & mask, views[i].head, header_len + len);
    }
    return i;
}

static uint32_t some_entries(const struct ring_progress *progress, int n)
{
    int left = RTE_MIN(n, progress->available - progress->taken);

    return RTE_MIN((uint32_t)left, RING_BURST);
}

uint16_t split_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                        bool *kick)
{
    const uint32_t available = split_available(ring);
    struct ring_progress progress = {.first = ring->next, .available = (uint16_t)available};
    struct ring_view views[RING_BURST];
    uint32_t looked_from = 0, looked_to = 0; /* entries that 'views' has */
    uint16_t sent = 0;

    if (unlikely(available > ring->size)) {
        split_resynchronise(ring, losses);
        return 0;
    }
    while (sent < n && progress.taken < progress.available) {
        uint16_t first = (uint16_t)(progress.first + progress.taken);
        uint32_t some, plain;

        if (progress.taken >= looked_to) {
            looked_from = progress.taken;
            looked_to = looked_from + some_entries(&progress, n - sent);
            split_look(ring, first, looked_to - looked_from, VRING_DESC_F_WRITE, views);
        }
        some = looked_to - progress.taken;
        plain = transmit_plain(ring, first, packets + sent, RTE_MIN(some, (uint32_t)(n - sent)),
                               &views[progress.taken - looked_from]);
        sent += (uint16_t)plain;
        progress.taken += (uint16_t)plain;
        if (likely(sent == n || plain == some))
            continue;
        if (!ring_write_packet(ring, &layout, &progress, packets[sent], losses))
            break;
        sent++;
    }
    if (likely(progress.taken != 0) && split_publish(ring, progress.taken))
        *kick = true;
    return sent;
}
