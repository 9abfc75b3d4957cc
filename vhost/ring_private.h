// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>

#include <emmintrin.h>
#include <rte_branch_prediction.h>

#include "vhost/ring.h"

/* What both directions of a ring share. */

#define RING_AHEAD 8 /* entries looked up and prefetched before their turn */

/* A buffer of one descriptor and one region, which nearly all are. */
struct ring_view {
    uint8_t *data; /* NULL: anything else */
    uint32_t len;
    uint32_t head;
};

/* Places in guest memory that take or hold one packet, and the used entries that go with them. */
struct ring_pieces {
    uint32_t total; /* bytes */
    uint16_t n;
    uint16_t n_entries;
    bool writable; /* what the descriptors must be */
    struct {
        uint8_t *data;
        uint32_t len;
    } pieces[RING_PIECES];
    struct vring_used_elem entries[RING_PIECES];
};

/* Adds the buffer that starts at descriptor 'head' to 'pieces'. 0; -EINVAL when it cannot be followed, -ENOSPC when
 * there are more pieces than fit. */
int ring_collect(const struct ring *ring, uint32_t head, struct ring_pieces *pieces);

static inline uint16_t ring_load_head(const struct ring *ring, uint16_t at)
{
    return *(const volatile uint16_t *)&ring->avail->ring[at & (ring->size - 1)];
}

/* One look at a descriptor that the guest may be changing. */
static inline struct vring_desc ring_load_descriptor(const struct vring_desc *from)
{
    struct vring_desc descriptor;
    __m128i copy = *(const volatile __m128i_u *)from;

    memcpy(&descriptor, &copy, sizeof descriptor);
    return descriptor;
}

/* How many entries are available, read once and before their contents. */
static inline uint32_t ring_available(const struct ring *ring)
{
    return (uint16_t)(__atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE) - ring->next);
}

static inline void ring_set_used(const struct ring *ring, uint16_t at, uint32_t head, uint32_t len)
{
    const uint64_t entry = (uint64_t)len << 32 | head;

    memcpy(&ring->used->ring[at & (ring->size - 1)], &entry, sizeof entry);
}

/* Hands 'n' used entries to the guest. True when it wants to be told. */
bool ring_publish(struct ring *ring, uint16_t n);

/* The guest's index is off by more than the ring has: goes on from where it says. */
void ring_resynchronise(struct ring *ring, struct ring_losses *losses);

/* Looks entry 'at' up ahead of its turn. 'writable' is VRING_DESC_F_WRITE or 0. */
static inline __attribute__((always_inline)) void ring_view(struct ring *ring, const struct guest_region **memo,
                                                            uint16_t at, uint16_t writable, struct ring_view *view)
{
    uint32_t head = ring_load_head(ring, at);
    struct vring_desc descriptor;

    view->data = NULL;
    view->len = 0;
    view->head = head;
    if (unlikely(head >= ring->size))
        return;
    descriptor = ring_load_descriptor(&ring->descriptors[head]);
    view->len = descriptor.len;
    if (likely((descriptor.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) == writable))
        view->data = guest_memory_find(ring->memory, memo, descriptor.addr, descriptor.len);
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
