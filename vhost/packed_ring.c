// SPDX-License-Identifier: Apache-2.0
#include "vhost/packed_ring.h"

#include <errno.h>

/* Virtio 1.2, 2.8.7: in a table only the flag that says the direction has a meaning. It is not looked at: DPDK's driver (22.11)
 * leaves it wrong in the entry of the header, and rte_vhost takes no notice either. A guest that sets it wrong harms itself. */
static int add_table(const struct ring *ring, const struct vring_packed_desc *descriptor, struct ring_pieces *pieces)
{
    const struct vring_packed_desc *table;
    uint32_t n;
    int result = 0;

    table = ring_find_table(ring, descriptor->addr, descriptor->len, descriptor->flags, &n);
    if (table == NULL)
        return -EINVAL;
    for (uint32_t i = 0; result == 0 && i < n; i++) {
        struct vring_packed_desc entry;

        ring_load_descriptor(&table[i], &entry);
        result = ring_pieces_add(ring, entry.addr, entry.len, pieces->writable ? VRING_DESC_F_WRITE : 0, pieces);
    }
    return result;
}

static int add_descriptor(const struct ring *ring, const struct vring_packed_desc *descriptor,
                          struct ring_pieces *pieces)
{
    if (descriptor->flags & VRING_DESC_F_INDIRECT)
        return add_table(ring, descriptor, pieces);
    return ring_pieces_add(ring, descriptor->addr, descriptor->len, descriptor->flags, pieces);
}

/* Adds the chain that starts at 'slot', and takes up 'most' descriptors at most. Its last one has the id. */
static int add_chain(const struct ring *ring, uint32_t slot, uint32_t most, struct ring_pieces *pieces,
                     struct ring_entry *entry)
{
    uint32_t before = pieces->total;
    int result = 0;

    for (entry->slots = 1;; entry->slots++) {
        struct vring_packed_desc descriptor;

        ring_load_descriptor(&ring->packed_descriptors[slot], &descriptor);
        entry->head = descriptor.id;
        if (result == 0)
            result = add_descriptor(ring, &descriptor, pieces);
        if (!(descriptor.flags & VRING_DESC_F_NEXT))
            break;
        if (entry->slots == most) {
            result = -EINVAL;
            break;
        }
        slot = slot + 1 == ring->size ? 0 : slot + 1;
    }
    pieces->slots += entry->slots;
    entry->len = pieces->total - before;
    return result;
}

int packed_collect(const struct ring *ring, const struct ring_progress *progress, struct ring_pieces *pieces)
{
    struct ring_progress at = *progress;
    uint32_t left = ring->size - pieces->slots;

    if (left == 0)
        return -EAGAIN;
    packed_advance(ring, &at, pieces->slots);
    if (!packed_is_available(packed_load(&ring->packed_descriptors[at.slot]), at.wrap))
        return -EAGAIN;
    /* No chain is longer than the ring, and no more than RING_PIECES are of use. */
    return add_chain(ring, at.slot, RTE_MIN(left, (uint32_t)RING_PIECES), pieces,
                     &pieces->entries[pieces->n_entries++]);
}

void packed_use(const struct ring *ring, struct ring_progress *progress, const struct ring_entry *entry)
{
    uint32_t flags = packed_used_flags(progress->wrap) | (entry->len != 0 ? VRING_DESC_F_WRITE : 0);
    uint64_t used = (uint64_t)flags << PACKED_FLAGS | (uint64_t)entry->head << 32 | entry->len;

    if (progress->holding)
        packed_store(&ring->packed_descriptors[progress->slot], used);
    else
        packed_hold(progress, used);
    packed_advance(ring, progress, entry->slots);
}

/* Virtio 1.2, 2.8.10. There is no need to name a descriptor: whoever asks has nothing to do until the next one. */
void packed_ask_for_kicks(const struct ring *ring, bool wanted)
{
    __atomic_store_n(&ring->device_event->flags,
                     wanted ? VRING_PACKED_EVENT_FLAG_ENABLE : VRING_PACKED_EVENT_FLAG_DISABLE, __ATOMIC_RELAXED);
}

bool packed_has_entry(const struct ring *ring)
{
    return packed_is_available(packed_load(&ring->packed_descriptors[ring->next & ~PACKED_WRAP]),
                               (ring->next & PACKED_WRAP) != 0);
}

/* Virtio 1.2, 2.8.10: is the descriptor that the guest waits for among those between 'before' and 'now'? Both are as
 * struct ring's 'next'. */
static bool wants_kick(const struct ring *ring, uint16_t before, uint16_t now)
{
    uint16_t flags = __atomic_load_n(&ring->driver_event->flags, __ATOMIC_ACQUIRE);
    uint16_t event, slot = now & (uint16_t)~PACKED_WRAP, old = before & (uint16_t)~PACKED_WRAP, wanted;

    if (!ring->event_index || flags != VRING_PACKED_EVENT_FLAG_DESC)
        return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
    event = *(const volatile uint16_t *)&ring->driver_event->off_wrap;
    wanted = event & (uint16_t)~PACKED_WRAP;
    /* As if the ring went on below 0, where the round before this one was. */
    if (slot <= old)
        old = (uint16_t)(old - ring->size);
    if ((event ^ now) & PACKED_WRAP)
        wanted = (uint16_t)(wanted - ring->size);
    return vring_need_event(wanted, slot, old);
}

bool packed_publish(struct ring *ring, const struct ring_progress *progress)
{
    uint16_t before = ring->next;

    if (!progress->holding)
        return false;
    ring->next = (uint16_t)(progress->slot | (progress->wrap ? PACKED_WRAP : 0));
    packed_store(&ring->packed_descriptors[progress->first_slot], progress->first_used);
    if (ring->call_fd < 0)
        return false;
    /* The guest asks to be told, then looks at the descriptor once more; we the other way round. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return wants_kick(ring, before, ring->next);
}
