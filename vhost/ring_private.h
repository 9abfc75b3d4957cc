// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>

#include <emmintrin.h>
#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "vhost/ring.h"

/* What both directions of both layouts share. */

/* A buffer of one descriptor and one region, which nearly all are. */
struct ring_view {
    uint8_t *data; /* NULL: anything else */
    union {
        struct {
            uint32_t len;
            uint32_t head; /* what the used entry says but for the length; in a packed ring id and flags */
        };
        uint64_t len_and_head;
    };
};

/* Takes buffers for up to 'n' packets, fewer when there are not as many. */
uint16_t ring_take_buffers(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                           struct ring_losses *losses);

/* Describes what the header at 'from' asks for. False, and counted, when that is not possible. */
bool ring_describe_offload(struct rte_mbuf *packet, const uint8_t *from, struct ring_losses *losses);

/* The header that a packet in 'n_buffers' buffers leaves with. */
void ring_fill_header(const struct rte_mbuf *packet, uint16_t n_buffers, struct virtio_net_hdr_mrg_rxbuf *header);

/* What a buffer just taken from the pool must say; the pool's buffers have no chain behind them. */
static inline void ring_init_packet(struct rte_mbuf *packet, uint32_t len)
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

/* The header begins with flags and gso_type. */
static inline bool ring_header_asks(const uint8_t *header)
{
    uint16_t both;

    memcpy(&both, header, sizeof both);
    return both != 0;
}

static inline __attribute__((always_inline)) void ring_write_header(const struct rte_mbuf *packet, uint32_t header_len,
                                                                    uint8_t *to)
{
    struct virtio_net_hdr_mrg_rxbuf header = {.num_buffers = 1};

    if (unlikely(offload_is_pending(packet)))
        ring_fill_header(packet, 1, &header);
    if (likely(header_len == sizeof header))
        memcpy(to, &header, sizeof header);
    else
        memcpy(to, &header.hdr, sizeof header.hdr);
}

/* The ring's memo as a burst has it in registers: a store to what the burst fills in could be one to the ring as far as
 * the compiler knows. */
struct ring_memo {
    const struct guest_region *region;
    struct guest_region copy;
};

/* Where the 'len' bytes at 'address' are that must lie in one region. False when they do not. */
static inline __attribute__((always_inline)) bool ring_find(const struct ring *ring, struct ring_memo *memo,
                                                            uint64_t address, uint32_t len, uint8_t **data)
{
    uint64_t offset = address - memo->copy.start;

    if (unlikely(offset >= memo->copy.size)) {
        const struct guest_region *region = guest_memory_region(ring->memory, address);

        if (region == NULL)
            return false;
        memo->region = region;
        memo->copy = *region;
        offset = address - region->start;
    }
    *data = memo->copy.host + offset;
    return memo->copy.size - offset >= len;
}

static inline __attribute__((always_inline)) struct ring_memo ring_memo_load(const struct ring *ring)
{
    return (struct ring_memo){ring->memo, *ring->memo};
}

static inline __attribute__((always_inline)) void ring_memo_store(struct ring *ring, const struct ring_memo *memo)
{
    if (memo->region != ring->memo)
        ring->memo = memo->region;
}

/* One look at a descriptor that the guest may be changing, in either layout. */
static inline void ring_load_descriptor(const void *from, void *descriptor)
{
    __m128i copy = *(const volatile __m128i_u *)from;

    memcpy(descriptor, &copy, sizeof copy);
}

/* Compilers make a plain prefetch of one to write to, unless told that the processor has the instruction. Those that do
 * not have it skip it. */
static inline __attribute__((always_inline)) void ring_fetch(const void *at, bool to_write)
{
    if (to_write)
        __asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
    else
        __builtin_prefetch(at);
}

/* Has the processor fetch the start of a buffer. */
static inline __attribute__((always_inline)) void ring_fetch_buffer(const uint8_t *data, bool to_write)
{
    ring_fetch(data, to_write);
    ring_fetch(data + 64, to_write);
}

/* Copies a frame, most of which are short: two halves that overlap in the middle, never more than 'len' bytes. */
static inline __attribute__((always_inline)) void ring_copy(uint8_t *to, const uint8_t *from, uint32_t len)
{
    __m128i a, b, c, d;

    if (unlikely(len < 32 || len > 128)) {
        memcpy(to, from, len);
        return;
    }
    if (len > 64) {
        a = _mm_loadu_si128((const __m128i_u *)from);
        b = _mm_loadu_si128((const __m128i_u *)(from + 16));
        c = _mm_loadu_si128((const __m128i_u *)(from + len - 64));
        d = _mm_loadu_si128((const __m128i_u *)(from + len - 48));
        _mm_storeu_si128((__m128i_u *)to, a);
        _mm_storeu_si128((__m128i_u *)(to + 16), b);
        a = _mm_loadu_si128((const __m128i_u *)(from + 32));
        b = _mm_loadu_si128((const __m128i_u *)(from + 48));
        _mm_storeu_si128((__m128i_u *)(to + 32), a);
        _mm_storeu_si128((__m128i_u *)(to + 48), b);
        _mm_storeu_si128((__m128i_u *)(to + len - 64), c);
        _mm_storeu_si128((__m128i_u *)(to + len - 48), d);
    } else {
        a = _mm_loadu_si128((const __m128i_u *)from);
        b = _mm_loadu_si128((const __m128i_u *)(from + 16));
        _mm_storeu_si128((__m128i_u *)to, a);
        _mm_storeu_si128((__m128i_u *)(to + 16), b);
    }
    c = _mm_loadu_si128((const __m128i_u *)(from + len - 32));
    d = _mm_loadu_si128((const __m128i_u *)(from + len - 16));
    _mm_storeu_si128((__m128i_u *)(to + len - 32), c);
    _mm_storeu_si128((__m128i_u *)(to + len - 16), d);
}
