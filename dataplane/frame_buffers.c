// SPDX-License-Identifier: Apache-2.0
#include "dataplane/frame_buffers.h"

#include <string.h>

#include <rte_mbuf.h>

struct rte_mbuf *frame_extend(struct rte_mempool *pool, struct rte_mbuf *head, struct rte_mbuf *last)
{
    struct rte_mbuf *next = rte_pktmbuf_alloc(pool);

    if (next == NULL)
        return NULL;
    next->data_off = 0;
    last->next = next;
    head->nb_segs++;
    return next;
}

struct rte_mbuf *frame_from_memory(struct rte_mempool *pool, const struct iovec *pieces, unsigned int n)
{
    struct rte_mbuf *head = rte_pktmbuf_alloc(pool);
    struct rte_mbuf *last = head;

    if (head == NULL)
        return NULL;
    for (unsigned int i = 0; i < n; i++) {
        const uint8_t *from = pieces[i].iov_base;
        size_t left = pieces[i].iov_len;

        while (left > 0) {
            uint16_t room = rte_pktmbuf_tailroom(last);
            uint16_t len = (uint16_t)RTE_MIN(left, (size_t)room);

            if (room == 0) {
                last = frame_extend(pool, head, last);
                if (last == NULL) {
                    rte_pktmbuf_free(head);
                    return NULL;
                }
                continue;
            }
            memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), from, len);
            last->data_len += len;
            head->pkt_len += len;
            from += len;
            left -= len;
        }
    }
    return head;
}

unsigned int frame_to_pieces(const struct rte_mbuf *packet, struct iovec *pieces, unsigned int max)
{
    unsigned int n = 0;

    for (const struct rte_mbuf *segment = packet; segment != NULL; segment = segment->next) {
        if (n == max)
            return 0;
        pieces[n].iov_base = rte_pktmbuf_mtod(segment, void *);
        pieces[n++].iov_len = segment->data_len;
    }
    return n;
}

void frame_spares_init(struct frame_spares *spares, struct rte_mempool *pool, uint32_t frame_len)
{
    uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;

    memset(spares, 0, sizeof *spares);
    spares->pool = pool;
    spares->wanted = RTE_MIN(frame_len / room + 1, (uint32_t)FRAME_SPARES_MAX);
}

void frame_spares_free(struct frame_spares *spares)
{
    rte_pktmbuf_free_bulk(spares->buffers, spares->n);
    spares->n = 0;
}

bool frame_spares_fill(struct frame_spares *spares)
{
    while (spares->n < spares->wanted) {
        struct rte_mbuf *buffer = rte_pktmbuf_alloc(spares->pool);

        if (buffer == NULL)
            return false;
        spares->pieces[spares->n].iov_base = rte_pktmbuf_mtod(buffer, void *);
        spares->pieces[spares->n].iov_len = rte_pktmbuf_tailroom(buffer);
        spares->buffers[spares->n++] = buffer;
    }
    return true;
}

struct rte_mbuf *frame_spares_take(struct frame_spares *spares, uint32_t len)
{
    struct rte_mbuf *head = spares->buffers[0];
    unsigned int used = 0;
    uint32_t left = len;

    do {
        struct rte_mbuf *segment = spares->buffers[used];

        segment->data_len = (uint16_t)RTE_MIN((size_t)left, spares->pieces[used].iov_len);
        left -= segment->data_len;
        used++;
        segment->next = left > 0 && used < spares->n ? spares->buffers[used] : NULL;
    } while (left > 0 && used < spares->n);
    head->nb_segs = (uint16_t)used;
    head->pkt_len = len - left;
    spares->n -= used;
    memmove(spares->buffers, spares->buffers + used, spares->n * sizeof spares->buffers[0]);
    memmove(spares->pieces, spares->pieces + used, spares->n * sizeof spares->pieces[0]);
    return head;
}
