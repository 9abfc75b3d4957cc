// SPDX-License-Identifier: Apache-2.0
#include "vhost/ring.h"

#include <sys/eventfd.h>

#include "vhost/packed_ring.h"
#include "vhost/split_ring.h"

void ring_start(struct ring *ring, uint16_t next)
{
    ring->memo = &ring->memory->regions[0];
    ring->next = next;
    ring->starved = false;
    /* We poll. */
    if (ring->packed)
        __atomic_store_n(&ring->device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE, __ATOMIC_RELAXED);
    /* With VIRTIO_RING_F_EVENT_IDX the flags mean nothing; avail_event then stays where it is. */
    else if (!ring->event_index)
        __atomic_store_n(&ring->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
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

void ring_kick(const struct ring *ring)
{
    if (ring->call_fd >= 0)
        eventfd_write(ring->call_fd, 1);
}
