// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

/* Packet buffers for unit tests, without EAL and without a pool: struct and bytes are two heap blocks, and the bytes
 * end where the buffer ends, so that AddressSanitizer sees the first byte read beyond the packet. Free them with
 * mbuf_free(), never with rte_pktmbuf_free(). */

static inline struct rte_mbuf *mbuf_segment(const void *bytes, uint16_t len, uint16_t headroom)
{
    struct rte_mbuf *mbuf = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof *mbuf);
    uint8_t *buffer = malloc((size_t)headroom + len + (headroom + len == 0));

    if (mbuf == NULL || buffer == NULL)
        abort();
    memset(mbuf, 0, sizeof *mbuf);
    memset(buffer, 0xa5, headroom);
    if (len != 0)
        memcpy(buffer + headroom, bytes, len);
    mbuf->buf_addr = buffer;
    mbuf->buf_len = (uint16_t)(headroom + len);
    mbuf->data_off = headroom;
    mbuf->data_len = len;
    mbuf->pkt_len = len;
    mbuf->nb_segs = 1;
    mbuf->refcnt = 1;
    mbuf->port = RTE_MBUF_PORT_INVALID;
    return mbuf;
}

/* The packet of 'len' bytes, in segments of at most 'segment_len'; the first has 'headroom'. */
static inline struct rte_mbuf *mbuf_chain(const void *bytes, uint32_t len, uint16_t segment_len, uint16_t headroom)
{
    const uint8_t *next = bytes;
    struct rte_mbuf *head = NULL;
    struct rte_mbuf **link = &head;
    uint32_t left = len;

    do {
        uint16_t part = left < segment_len ? (uint16_t)left : segment_len;

        *link = mbuf_segment(next, part, head == NULL ? headroom : 0);
        if (*link != head)
            head->nb_segs++;
        link = &(*link)->next;
        next += part;
        left -= part;
    } while (left != 0);
    head->pkt_len = len;
    return head;
}

/* One segment with the usual headroom. */
static inline struct rte_mbuf *mbuf_make(const void *bytes, uint16_t len)
{
    return mbuf_segment(bytes, len, RTE_PKTMBUF_HEADROOM);
}

static inline void mbuf_free(struct rte_mbuf *mbuf)
{
    while (mbuf != NULL) {
        struct rte_mbuf *next = mbuf->next;

        free(mbuf->buf_addr);
        free(mbuf);
        mbuf = next;
    }
}

/* Copies all segments to 'out' (of at least pkt_len bytes); returns their length. */
static inline uint32_t mbuf_bytes(const struct rte_mbuf *mbuf, uint8_t *out)
{
    uint32_t used = 0;

    for (; mbuf != NULL; mbuf = mbuf->next) {
        memcpy(out + used, rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len);
        used += mbuf->data_len;
    }
    return used;
}
