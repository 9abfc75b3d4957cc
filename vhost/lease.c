// SPDX-License-Identifier: Apache-2.0
#include "vhost/lease.h"

#include <fcntl.h>
#include <stdlib.h>

#include <linux/virtio_config.h>

#include <rte_vhost.h>

#include "vhost/requests.h"

/* What needs rte_vhost to be there at every access. */
#define UNSUITED_FEATURES (1ULL << VHOST_F_LOG_ALL | 1ULL << VIRTIO_F_IOMMU_PLATFORM)

/* Those that only ask, or set what no ring depends on. All others count as touching, those unknown to DPDK 22.11 too. */
#define HARMLESS_REQUESTS                                                                                         \
    (1ULL << VHOST_USER_GET_FEATURES | 1ULL << VHOST_USER_SET_OWNER | 1ULL << VHOST_USER_SET_VRING_ERR |          \
     1ULL << VHOST_USER_GET_PROTOCOL_FEATURES | 1ULL << VHOST_USER_GET_QUEUE_NUM | 1ULL << VHOST_USER_SEND_RARP | \
     1ULL << VHOST_USER_NET_SET_MTU | 1ULL << VHOST_USER_GET_STATUS)

bool lease_is_touched_by(uint32_t request)
{
    return request > 63 || !(HARMLESS_REQUESTS >> request & 1);
}

bool lease_suits(uint64_t features)
{
    return (features & UNSUITED_FEATURES) == 0;
}

static bool copy_memory(int device_id, struct guest_memory *memory)
{
    struct rte_vhost_memory *table = NULL;
    bool good;

    if (rte_vhost_get_mem_table(device_id, &table) != 0)
        return false;
    good = table->nregions >= 1 && table->nregions <= GUEST_REGIONS_MAX;
    memory->n_regions = table->nregions;
    for (uint32_t i = 0; good && i < table->nregions; i++) {
        const struct rte_vhost_mem_region *from = &table->regions[i];

        memory->regions[i] =
            (struct guest_region){from->guest_phys_addr, from->size, (uint8_t *)(uintptr_t)from->host_user_addr};
    }
    free(table);
    return good;
}

/* True when the 'len' bytes at 'part' are whole and in the guest's memory. rte_vhost has looked, but at the ring's size
 * of that time. */
static bool part_is_good(const struct guest_memory *memory, const void *part, uint64_t len, uintptr_t alignment)
{
    uintptr_t at = (uintptr_t)part;

    for (uint32_t i = 0; at % alignment == 0 && i < memory->n_regions; i++) {
        uintptr_t offset = at - (uintptr_t)memory->regions[i].host;

        if (offset < memory->regions[i].size && memory->regions[i].size - offset >= len)
            return true;
    }
    return false;
}

/* Virtio 1.2, 2.8: sizes and alignments. An event area is four bytes. */
static bool packed_ring_is_good(const struct guest_memory *memory, const struct rte_vhost_vring *from)
{
    return part_is_good(memory, from->desc_packed, 16ull * from->size, 16) &&
           part_is_good(memory, from->driver_event, 4, 4) && part_is_good(memory, from->device_event, 4, 4);
}

/* Virtio 1.2, 2.7: sizes and alignments. The six bytes are flags, index and the event index at the end. */
static bool split_ring_is_good(const struct guest_memory *memory, const struct rte_vhost_vring *from)
{
    return (from->size & (from->size - 1)) == 0 && part_is_good(memory, from->desc, 16ull * from->size, 16) &&
           part_is_good(memory, from->avail, 2ull * from->size + 6, 2) &&
           part_is_good(memory, from->used, 8ull * from->size + 6, 4);
}

static bool ring_is_good(const struct guest_memory *memory, const struct rte_vhost_vring *from, bool packed)
{
    return from->size != 0 && from->size <= 32768 &&
           (packed ? packed_ring_is_good(memory, from) : split_ring_is_good(memory, from));
}

/* A full counter, or whatever else hides behind the descriptor, must not make a worker wait. */
static void make_nonblocking(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* False when rte_vhost has the ring at a place where we cannot go on. */
static bool copy_ring(struct vhost_lease *lease, int device_id, uint16_t number, uint64_t features)
{
    const bool packed = (features & 1ULL << VIRTIO_F_RING_PACKED) != 0;
    struct rte_vhost_vring from = {0};
    uint16_t avail, used;

    /* Not set up yet, or not any more. */
    if (rte_vhost_get_vhost_vring(device_id, number, &from) != 0 || !ring_is_good(&lease->memory, &from, packed))
        return true;
    if (rte_vhost_get_vring_base(device_id, number, &avail, &used) != 0 || avail != used)
        return false;
    /* A front-end can say that. */
    if (packed && (avail & 0x7fff) >= from.size)
        return true;
    make_nonblocking(from.callfd);
    lease->rings[number] = (struct ring){
        .memory = &lease->memory,
        .size = from.size,
        .call_fd = from.callfd,
        .kick_fd = from.kickfd,
        .header_len = features & (1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_F_VERSION_1) ? 12 : 10,
        .mergeable = (features & 1ULL << VIRTIO_NET_F_MRG_RXBUF) != 0,
        .event_index = (features & 1ULL << VIRTIO_RING_F_EVENT_IDX) != 0,
        .packed = packed,
    };
    if (packed) {
        lease->rings[number].packed_descriptors = from.desc_packed;
        lease->rings[number].driver_event = from.driver_event;
        lease->rings[number].device_event = from.device_event;
    } else {
        lease->rings[number].descriptors = from.desc;
        lease->rings[number].avail = from.avail;
        lease->rings[number].used = from.used;
    }
    ring_start(&lease->rings[number], avail);
    lease->ready |= 1u << number;
    return true;
}

bool lease_take(struct vhost_lease *lease, int device_id)
{
    uint16_t n_rings = rte_vhost_get_vring_num(device_id);
    uint64_t features;

    lease->ready = 0;
    if (rte_vhost_get_negotiated_features(device_id, &features) != 0 || !lease_suits(features) ||
        !copy_memory(device_id, &lease->memory))
        return false;
    for (uint16_t i = 0; i < n_rings && i < 2 * PORT_QUEUES_MAX; i++) {
        if (!copy_ring(lease, device_id, i, features))
            return false;
    }
    for (unsigned int i = 0; i < PORT_QUEUES_MAX; i++)
        atomic_flag_clear(&lease->locks[i].taken);
    return true;
}

void lease_return(const struct vhost_lease *lease, int device_id)
{
    for (uint16_t i = 0; i < 2 * PORT_QUEUES_MAX; i++) {
        if (!(lease->ready & 1u << i))
            continue;
        rte_vhost_set_vring_base(device_id, i, lease->rings[i].next, lease->rings[i].next);
        /* It does not know since when the guest waits; one needless call does no harm. */
        ring_kick(&lease->rings[i]);
    }
}
