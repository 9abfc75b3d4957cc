// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vhost/ring_pieces.h"
#include "vhost/ring_private.h"

/* What both directions of a split ring share. */

/* Both as in ring.h. */
uint16_t split_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                       struct ring_losses *losses);
uint16_t split_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                        bool *kick);

/* Adds the buffer that starts at descriptor 'head' to 'pieces'. 0; -EINVAL when it cannot be followed, -ENOSPC when
 * there are more pieces than fit. */
int split_collect(const struct ring *ring, uint32_t head, struct ring_pieces *pieces);

static inline uint16_t split_load_head(const struct ring *ring, uint16_t at)
{
    return *(const volatile uint16_t *)&ring->avail->ring[at & (ring->size - 1)];
}

/* How many entries are available, read once and before their contents. */
static inline uint32_t split_available(const struct ring *ring)
{
    return (uint16_t)(__atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE) - ring->next);
}

static inline void split_set_used(struct vring_used_elem *used, uint32_t slot, uint32_t head, uint32_t len)
{
    const uint64_t entry = (uint64_t)len << 32 | head;

    memcpy(&used[slot], &entry, sizeof entry);
}

/* Has the guest kick at the next entry, or not. */
void split_ask_for_kicks(const struct ring *ring, bool wanted);

/* Hands 'n' used entries to the guest. True when it wants to be told. */
bool split_publish(struct ring *ring, uint16_t n);

/* The guest's index is off by more than the ring has: goes on from where it says. */
void split_resynchronise(struct ring *ring, struct ring_losses *losses);

/* Looks up 'n' entries from 'first' on, and has the processor fetch what they point to. All that a burst takes, before
 * any of it is touched: then the misses overlap. 'writable' is VRING_DESC_F_WRITE or 0.
 *
 * The ring's constants are copied first, because a store to 'views' could be one to them as far as the compiler knows. */
static inline __attribute__((always_inline)) void split_look(struct ring *ring, uint16_t first, uint32_t n,
                                                             uint16_t writable, struct ring_view *views)
{
    const uint64_t kinds = (uint64_t)(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT) << 32;
    const volatile uint16_t *heads = ring->avail->ring;
    const struct vring_desc *descriptors = ring->descriptors;
    const uint32_t size = ring->size;
    struct ring_memo memo = ring_memo_load(ring);

    /* The guest reads the used ring all the time: its lines have to come from there. */
    for (uint32_t i = 0; i < n; i += 8)
        ring_fetch(&ring->used->ring[(first + i) & (size - 1)], true);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t head = heads[(first + i) & (size - 1)];
        const volatile uint64_t *descriptor = (const volatile uint64_t *)&descriptors[head];
        uint64_t address, rest;
        uint8_t *data;

        views[i].head = head;
        views[i].data = NULL;
        if (unlikely(head >= size))
            continue;
        address = descriptor[0];
        rest = descriptor[1]; /* length, flags, next */
        views[i].len = (uint32_t)rest;
        if (unlikely((rest & kinds) != (uint64_t)writable << 32))
            continue;
        if (unlikely(!ring_find(ring, &memo, address, (uint32_t)rest, &data)))
            continue;
        views[i].data = data;
        ring_fetch_buffer(data, writable != 0);
    }
    ring_memo_store(ring, &memo);
}
