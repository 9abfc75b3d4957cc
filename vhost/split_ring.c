// SPDX-License-Identifier: Apache-2.0
#include "vhost/split_ring.h"

#include <errno.h>

/* Virtio 1.2, 2.7.10: the guest kicks when it passes the entry of avail_event. One that is behind it does only after the
 * index has gone round. */
void split_ask_for_kicks(const struct ring *ring, bool wanted)
{
    uint16_t event = (uint16_t)(ring->next - !wanted);

    if (ring->event_index)
        __atomic_store_n((uint16_t *)&ring->used->ring[ring->size], event, __ATOMIC_RELAXED);
    else
        __atomic_store_n(&ring->used->flags, wanted ? 0 : VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

/* Virtio 1.2, 2.7.7.2 and 2.7.10: was the entry that the guest waits for among those just used? */
static bool wants_kick(const struct ring *ring, uint16_t before, uint16_t now)
{
    uint16_t event;

    if (!ring->event_index)
        return !(*(const volatile uint16_t *)&ring->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
    event = *(const volatile uint16_t *)&ring->avail->ring[ring->size];
    return vring_need_event(event, now, before);
}

bool split_publish(struct ring *ring, uint16_t n)
{
    uint16_t before = ring->next;

    ring->next = (uint16_t)(before + n);
    __atomic_store_n(&ring->used->idx, ring->next, __ATOMIC_RELEASE);
    if (ring->call_fd < 0)
        return false;
    /* The guest asks to be told, then looks at the index once more; we the other way round. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return wants_kick(ring, before, ring->next);
}

void split_resynchronise(struct ring *ring, struct ring_losses *losses)
{
    losses->bad_entries++;
    ring->next = __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE);
    __atomic_store_n(&ring->used->idx, ring->next, __ATOMIC_RELEASE);
}

/* Where a chain is read from: the ring's own descriptors or an indirect table. */
struct table {
    const struct vring_desc *descriptors;
    uint32_t size; /* entries */
    bool indirect;
};

static uint32_t chain_max(const struct table *table)
{
    return table->size < RING_PIECES ? table->size : RING_PIECES;
}

/* Virtio 1.2, 2.7.5.3: a table in a table, a table that chains go on behind, or one of odd length is none. */
static int enter_table(const struct ring *ring, struct table *table, const struct vring_desc *descriptor)
{
    if (table->indirect)
        return -EINVAL;
    table->descriptors = ring_find_table(ring, descriptor->addr, descriptor->len, descriptor->flags, &table->size);
    table->indirect = true;
    return table->descriptors != NULL ? 0 : -EINVAL;
}

int split_collect(const struct ring *ring, uint32_t head, struct ring_pieces *pieces)
{
    struct table table = {ring->descriptors, ring->size, false};
    uint32_t at = head;

    /* No chain is longer than its table, and no more than RING_PIECES are of use: a loop ends at either. */
    for (uint32_t left = chain_max(&table); left > 0; left--) {
        struct vring_desc descriptor;
        int result;

        if (at >= table.size)
            return -EINVAL;
        ring_load_descriptor(&table.descriptors[at], &descriptor);
        if (descriptor.flags & VRING_DESC_F_INDIRECT) {
            result = enter_table(ring, &table, &descriptor);
            if (result == 0)
                left = chain_max(&table) + 1;
            at = 0;
        } else {
            result = ring_pieces_add(ring, descriptor.addr, descriptor.len, descriptor.flags, pieces);
            at = descriptor.next;
        }
        if (result != 0)
            return result;
        if (!(descriptor.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)))
            return 0;
    }
    return -EINVAL;
}
