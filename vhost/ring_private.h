// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>

#include <emmintrin.h>
#include <rte_branch_prediction.h>

#include "vhost/ring.h"

/* What both directions of a ring share. */

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

static inline void ring_set_used(struct vring_used_elem *used, uint32_t slot, uint32_t head, uint32_t len)
{
    const uint64_t entry = (uint64_t)len << 32 | head;

    memcpy(&used[slot], &entry, sizeof entry);
}

/* Hands 'n' used entries to the guest. True when it wants to be told. */
bool ring_publish(struct ring *ring, uint16_t n);

/* The guest's index is off by more than the ring has: goes on from where it says. */
void ring_resynchronise(struct ring *ring, struct ring_losses *losses);

/* Compilers make a plain prefetch of one to write to, unless told that the processor has the instruction. Those that do
 * not have it skip it. */
static inline __attribute__((always_inline)) void ring_fetch(const void *at, bool to_write)
{
    if (to_write)
        __asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
    else
        __builtin_prefetch(at);
}

/* Looks up 'n' entries from 'first' on, and has the processor fetch what they point to. All that a burst takes, before
 * any of it is touched: then the misses overlap. 'writable' is VRING_DESC_F_WRITE or 0.
 *
 * The ring's constants are copied first, because a store to 'views' could be one to them as far as the compiler knows. */
static inline __attribute__((always_inline)) void ring_look(struct ring *ring, uint16_t first, uint32_t n,
                                                            uint16_t writable, struct ring_view *views)
{
    const uint64_t kinds = (uint64_t)(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT) << 32;
    const volatile uint16_t *heads = ring->avail->ring;
    const struct vring_desc *descriptors = ring->descriptors;
    const uint32_t size = ring->size;
    const struct guest_region *region = ring->memo;
    struct guest_region memo = *region;

    /* The guest reads the used ring all the time: its lines have to come from there. */
    for (uint32_t i = 0; i < n; i += 8)
        ring_fetch(&ring->used->ring[(first + i) & (size - 1)], true);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t head = heads[(first + i) & (size - 1)];
        const volatile uint64_t *descriptor = (const volatile uint64_t *)&descriptors[head];
        uint64_t address, rest, offset;

        views[i].head = head;
        views[i].data = NULL;
        if (unlikely(head >= size))
            continue;
        address = descriptor[0];
        rest = descriptor[1]; /* length, flags, next */
        views[i].len = (uint32_t)rest;
        if (unlikely((rest & kinds) != (uint64_t)writable << 32))
            continue;
        offset = address - memo.start;
        if (unlikely(offset >= memo.size)) {
            region = guest_memory_region(ring->memory, address);
            if (region == NULL) {
                region = ring->memo;
                continue;
            }
            memo = *region;
            offset = address - memo.start;
        }
        if (unlikely(memo.size - offset < (uint32_t)rest))
            continue;
        views[i].data = memo.host + offset;
        ring_fetch(memo.host + offset, writable != 0);
        ring_fetch(memo.host + offset + 64, writable != 0);
    }
    if (region != ring->memo)
        ring->memo = region;
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
