// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vhost/ring_pieces.h"
#include "vhost/ring_private.h"

/* What both directions of a packed ring share (virtio 1.2, 2.8).
 *
 *     descriptors   [ address | length | id | flags ] ...    written by the guest, and over it by us
 *     events        driver's (guest's), device's (ours)
 *
 * A descriptor is available when its AVAIL flag is the wrap counter and its USED flag is not, and used when both are. A
 * buffer's used descriptor takes the place of its first one; the others of a chain are skipped. All of it but the address
 * lies in eight bytes, which are read, and written, at once.
 *
 * The guest looks at the first descriptor of those it waits for. That one is written last, so it sees all that a burst
 * took at once, as with a split ring, and does not take lines from us that we are about to write. */
#define PACKED_WRAP      0x8000u /* the wrap counter in 'next'; the slot is below it */
#define PACKED_AVAILABLE (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED      (1u << VRING_PACKED_DESC_F_USED)

/* All that is not the address: length, id, flags, from the lowest bit on. */
#define PACKED_LEN_AND_ID 0x0000ffffffffffffull
#define PACKED_FLAGS      48

/* Both as in ring.h. */
uint16_t packed_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                        struct ring_losses *losses);
uint16_t packed_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                         bool *kick);

/* Adds the entry behind those in 'pieces' (struct ring_layout's 'collect'). One that cannot be followed is counted
 * through all the same, because the guest goes on behind it. */
int packed_collect(const struct ring *ring, const struct ring_progress *progress, struct ring_pieces *pieces);

/* Struct ring_layout's 'use'. */
void packed_use(const struct ring *ring, struct ring_progress *progress, const struct ring_entry *entry);

/* Has the guest kick at the next entry, or not. */
void packed_ask_for_kicks(const struct ring *ring, bool wanted);

/* Is there an entry? */
bool packed_has_entry(const struct ring *ring);

/* Hands what a burst used to the guest. True when it wants to be told. */
bool packed_publish(struct ring *ring, const struct ring_progress *progress);

static inline struct ring_progress packed_begin(const struct ring *ring)
{
    return (struct ring_progress){.slot = ring->next & ~PACKED_WRAP, .wrap = (ring->next & PACKED_WRAP) != 0};
}

static inline uint64_t packed_load(const struct vring_packed_desc *descriptor)
{
    return __atomic_load_n((const uint64_t *)descriptor + 1, __ATOMIC_ACQUIRE);
}

static inline void packed_store(struct vring_packed_desc *descriptor, uint64_t used)
{
    __atomic_store_n((uint64_t *)descriptor + 1, used, __ATOMIC_RELEASE);
}

/* The flags of a descriptor that is available, or used, while the wrap counter is 'wrap'. */
static inline uint32_t packed_available_flags(bool wrap)
{
    return wrap ? PACKED_AVAILABLE : PACKED_USED;
}

static inline uint32_t packed_used_flags(bool wrap)
{
    return wrap ? PACKED_AVAILABLE | PACKED_USED : 0;
}

static inline bool packed_is_available(uint64_t rest, bool wrap)
{
    return (rest >> PACKED_FLAGS & (PACKED_AVAILABLE | PACKED_USED)) == packed_available_flags(wrap);
}

/* 'n' is at most the ring's size. */
static inline void packed_advance(const struct ring *ring, struct ring_progress *progress, uint32_t n)
{
    progress->slot += n;
    if (progress->slot >= ring->size) {
        progress->slot -= ring->size;
        progress->wrap = !progress->wrap;
    }
}

static inline void packed_hold(struct ring_progress *progress, uint64_t used)
{
    progress->holding = true;
    progress->first_slot = progress->slot;
    progress->first_used = used;
}

/* How many descriptors ahead lines are fetched to be written to: four lines. */
#define PACKED_AHEAD 16

/* Looks at up to 'n' descriptors in a row, until one is not available, has the processor fetch what they point to, and
 * returns how many. Ends at the ring's end, too: what follows a look knows of no wrapping. 'writable' is
 * VRING_DESC_F_WRITE or 0. The second and later descriptors of a chain show like others. */
static inline __attribute__((always_inline)) uint32_t packed_look(struct ring *ring,
                                                                  const struct ring_progress *progress, uint32_t n,
                                                                  uint16_t writable, struct ring_view *views)
{
    const uint64_t kinds = (uint64_t)(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT) << PACKED_FLAGS;
    const uint64_t turn = (uint64_t)(PACKED_AVAILABLE | PACKED_USED) << PACKED_FLAGS;
    const uint64_t expected = (uint64_t)(packed_available_flags(progress->wrap) | writable) << PACKED_FLAGS;
    const uint64_t used = (uint64_t)(packed_used_flags(progress->wrap) | writable) << PACKED_FLAGS;
    const struct vring_packed_desc *descriptors = &ring->packed_descriptors[progress->slot];
    struct ring_memo memo = ring_memo_load(ring);
    uint32_t i;

    if (!packed_is_available(packed_load(descriptors), progress->wrap))
        return 0;
    n = RTE_MIN(n, ring->size - progress->slot);
    for (i = 0; i < PACKED_AHEAD && i < n; i += 4)
        ring_fetch(&descriptors[i], true);
    for (i = 0; i < n; i++) {
        const uint64_t rest = packed_load(&descriptors[i]);
        const uint64_t difference = rest ^ expected;
        uint8_t *data;

        views[i].data = NULL;
        if (unlikely((difference & (turn | kinds)) != 0)) {
            if (difference & turn)
                break;
            continue;
        }
        if ((uintptr_t)&descriptors[i] % 64 == 0)
            ring_fetch(&descriptors[i + PACKED_AHEAD], true);
        views[i].len_and_head = (rest & PACKED_LEN_AND_ID) | used;
        if (unlikely(!ring_find(ring, &memo, *(const volatile uint64_t *)&descriptors[i].addr, (uint32_t)rest, &data)))
            continue;
        views[i].data = data;
        ring_fetch_buffer(data, writable != 0);
    }
    ring_memo_store(ring, &memo);
    return i;
}
