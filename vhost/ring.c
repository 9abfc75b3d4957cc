// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "vhost/packed_ring.h"
#include "vhost/split_ring.h"

void ring_start(struct ring *ring, uint16_t next)
{
    ring->memo = &ring->memory->regions[0];
    ring->next = next;
    ring->starved = ring->armed = false;
    /* We poll. */
    if (ring->packed)
        packed_ask_for_kicks(ring, false);
    /* With VIRTIO_RING_F_EVENT_IDX the flags mean nothing; avail_event then stays where it is. */
    else if (!ring->event_index)
        split_ask_for_kicks(ring, false);
}

uint16_t ring_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                      struct ring_losses *losses)
{
    return ring->packed ? packed_receive(ring, pool, packets, n, losses)
                        : split_receive(ring, pool, packets, n, losses);
}

uint16_t ring_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                       bool *kick)
{
    return ring->packed ? packed_transmit(ring, packets, n, losses, kick)
                        : split_transmit(ring, packets, n, losses, kick);
}

/* Takes kicks that came before. Whatever the descriptor is, and however it is set, this does not wait. */
static void drain_kicks(const struct ring *ring)
{
    uint64_t count;
    struct iovec into = {&count, sizeof count};

    if (preadv2(ring->kick_fd, &into, 1, -1, RWF_NOWAIT) < 0)
        return; /* there were none, or they cannot be taken */
}

static void ask_for_kicks(struct ring *ring, bool wanted)
{
    if (ring->packed)
        packed_ask_for_kicks(ring, wanted);
    else
        split_ask_for_kicks(ring, wanted);
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
    if (ring->packed ? !packed_has_entry(ring) : split_available(ring) == 0)
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
