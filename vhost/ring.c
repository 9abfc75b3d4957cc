// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "vhost/ring_private.h"

void ring_start(struct ring *ring, uint16_t next)
{
    ring->memo = &ring->memory->regions[0];
    ring->next = next;
    ring->starved = ring->armed = false;
    /* We poll. With VIRTIO_RING_F_EVENT_IDX the flags mean nothing; avail_event then stays where it is. */
    if (!ring->event_index)
        __atomic_store_n(&ring->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

/* Takes kicks that came before. Whatever the descriptor is, and however it is set, this does not wait. */
static void drain_kicks(const struct ring *ring)
{
    uint64_t count;
    struct iovec into = {&count, sizeof count};

    if (preadv2(ring->kick_fd, &into, 1, -1, RWF_NOWAIT) < 0)
        return; /* there were none, or they cannot be taken */
}

/* Virtio 1.2, 2.7.10: the guest kicks when it passes the entry of avail_event. One that is behind it does only after the
 * index has gone round. */
static void ask_for_kicks(struct ring *ring, bool wanted)
{
    uint16_t event = (uint16_t)(ring->next - !wanted);

    if (ring->event_index)
        __atomic_store_n((uint16_t *)&ring->used->ring[ring->size], event, __ATOMIC_RELAXED);
    else
        __atomic_store_n(&ring->used->flags, wanted ? 0 : VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
    ring->armed = wanted;
}

int ring_arm(struct ring *ring)
{
    if (ring->kick_fd < 0)
        return -ENOTSUP;
    drain_kicks(ring);
    ask_for_kicks(ring, true);
    /* The guest makes an entry available, then looks whether to kick; we the other way round. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (ring_available(ring) == 0)
        return ring->kick_fd;
    ask_for_kicks(ring, false);
    return -EAGAIN;
}

void ring_disarm(struct ring *ring)
{
    if (ring->armed)
        ask_for_kicks(ring, false);
}

void ring_kick(const struct ring *ring)
{
    if (ring->call_fd >= 0)
        eventfd_write(ring->call_fd, 1);
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

bool ring_publish(struct ring *ring, uint16_t n)
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

void ring_resynchronise(struct ring *ring, struct ring_losses *losses)
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
    const struct guest_region *memo = &ring->memory->regions[0];

    if (table->indirect || descriptor->flags & VRING_DESC_F_NEXT || descriptor->len == 0 ||
        descriptor->len % sizeof *descriptor != 0)
        return -EINVAL;
    table->descriptors = (const void *)guest_memory_find(ring->memory, &memo, descriptor->addr, descriptor->len);
    table->size = descriptor->len / sizeof *descriptor;
    table->indirect = true;
    return table->descriptors != NULL ? 0 : -EINVAL;
}

/* The bytes of one descriptor; they may lie in several regions. */
static int add_bytes(const struct ring *ring, const struct vring_desc *descriptor, struct ring_pieces *pieces)
{
    uint64_t address = descriptor->addr;
    uint32_t left = descriptor->len;

    if (left == 0 || !!(descriptor->flags & VRING_DESC_F_WRITE) != pieces->writable)
        return -EINVAL;
    while (left > 0) {
        uint32_t len = left;
        uint8_t *data = guest_memory_piece(ring->memory, address, &len);

        if (data == NULL)
            return -EINVAL;
        if (pieces->n == RING_PIECES)
            return -ENOSPC;
        pieces->pieces[pieces->n].data = data;
        pieces->pieces[pieces->n++].len = len;
        address += len;
        left -= len;
    }
    /* Nobody needs more, and a sum of lengths does not overflow. */
    pieces->total = descriptor->len < UINT32_MAX / 2 - pieces->total ? pieces->total + descriptor->len : UINT32_MAX / 2;
    return 0;
}

int ring_collect(const struct ring *ring, uint32_t head, struct ring_pieces *pieces)
{
    struct table table = {ring->descriptors, ring->size, false};
    uint32_t at = head;

    /* No chain is longer than its table, and no more than RING_PIECES are of use: a loop ends at either. */
    for (uint32_t left = chain_max(&table); left > 0; left--) {
        struct vring_desc descriptor;
        int result;

        if (at >= table.size)
            return -EINVAL;
        descriptor = ring_load_descriptor(&table.descriptors[at]);
        if (descriptor.flags & VRING_DESC_F_INDIRECT) {
            result = enter_table(ring, &table, &descriptor);
            left = chain_max(&table) + 1;
            at = 0;
        } else {
            result = add_bytes(ring, &descriptor, pieces);
            at = descriptor.next;
        }
        if (result != 0)
            return result;
        if (!(descriptor.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)))
            return 0;
    }
    return -EINVAL;
}
