// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "vhost/guest_memory.h"

struct rte_mbuf;
struct rte_mempool;

/* A virtqueue of a guest's virtio-net device, worked from the device's side. Private to this folder. It knows nothing of
 * the vhost-user protocol: only pointers to the three parts of the ring, and the memory that descriptors point to. There
 * are two layouts (virtio 1.2, 2.7 and 2.8), each worked by files of its own:
 *
 *     split    descriptors   [ address | length | flags | next ] ...    written by the guest
 *              avail         flags, idx, heads[size], used_event        written by the guest
 *              used          flags, idx, {head, length}[size], ...      written by us
 *     packed   descriptors   [ address | length | id | flags ] ...      written by both
 *              driver event  descriptor, flags                          written by the guest
 *              device event  descriptor, flags                          written by us
 *
 * The guest may be hostile and other threads of it may write while we read. So whatever is read from its memory is
 * read once, checked, and the copy used; chains have a longest length, and every address is looked up in the memory it
 * may point to. Entries that cannot be followed go back to the guest unused and are counted.
 *
 * We poll, so the guest is asked not to kick us, but for a while in which nobody looks (ring_arm()); it is kicked when it
 * wants to be. Entries are used in the order in which they were made available, and all that a burst took are used when it
 * returns: one store tells of them all. */
#define RING_BURST     64u    /* most packets per call */
#define RING_BYTES     131072 /* a call that has received so much in frames longer than a buffer ends */
#define RING_PIECES    256    /* most descriptors of one packet, all its buffers taken together */
#define RING_FRAME_MAX 65553u /* the longest IP packet behind an Ethernet header with a tag */

struct ring {
    /* Constant while workers see it. */
    union {
        struct {
            struct vring_desc *descriptors;
            struct vring_avail *avail;
            struct vring_used *used;
        };
        struct {
            struct vring_packed_desc *packed_descriptors;
            struct vring_packed_desc_event *driver_event; /* when the guest wants to be told */
            struct vring_packed_desc_event *device_event; /* when we want to */
        };
    };
    const struct guest_memory *memory;
    uint32_t size;       /* at most 32768; of a split ring a power of two */
    int call_fd;         /* tells the guest of used entries; negative: none */
    int kick_fd;         /* tells us of available ones; negative: none */
    uint16_t header_len; /* of the virtio-net header: 10 or 12 bytes */
    bool mergeable;      /* a packet may take several buffers (VIRTIO_NET_F_MRG_RXBUF) */
    bool event_index;    /* VIRTIO_RING_F_EVENT_IDX */
    bool packed;

    /* Written by the one worker that is in the ring, on a line of its own. */
    const struct guest_region *memo __attribute__((aligned(64))); /* where the last buffer was */
    /* The first entry not yet used. In a split ring its avail and used index, modulo 65536; in a packed one the slot of
     * its first descriptor, and in bit 15 the wrap counter there. */
    uint16_t next;
    bool starved; /* the last burst found no packet buffer */
    bool armed;   /* the guest is to kick */
} __attribute__((aligned(64)));

/* What a burst could not pass on. */
struct ring_losses {
    uint32_t bad_entries; /* entries that cannot be followed, or that hold no frame */
    uint32_t unsupported; /* frames whose offload request cannot be met */
    uint32_t no_buffer;   /* out of packet buffers. Entries that nothing was taken from are counted once, and stay */
};

/* Starts at entry 'next', which is as struct ring's. Of a packed ring, its slot is below the size. The other constants are set by the caller. */
void ring_start(struct ring *ring, uint16_t next);

/* Takes up to 'n' (at most RING_BURST) frames that the guest sends, into buffers of 'pool': whole frames behind the
 * virtio-net header, chained when longer than a buffer, what is unfinished described as offload.h says. Of chained ones
 * it takes no more once RING_BYTES have come: what is to be copied out again shall still be in the cache then, and the
 * receiver's ring has room for but few of them. Adds to '*losses'. Returns how many. Worker. */
uint16_t ring_receive(struct ring *ring, struct rte_mempool *pool, struct rte_mbuf **packets, uint16_t n,
                      struct ring_losses *losses);

/* Copies up to 'n' (at most RING_BURST) packets into buffers that the guest offers, in order, until there is no room
 * for one. The packets stay the caller's. Adds to '*losses'. Returns how many; '*kick' is set when the guest is to be
 * told (ring_kick()), which may be done outside of the lock that serialises callers. Worker. */
uint16_t ring_transmit(struct ring *ring, struct rte_mbuf *const *packets, uint16_t n, struct ring_losses *losses,
                       bool *kick);

/* Asks the guest to kick us when it makes the next entry available. Returns the descriptor that becomes readable then;
 * -EAGAIN, and nothing is asked, when there are entries already; -ENOTSUP when it has no way to. The descriptor may be any
 * file: it may be readable without reason and for ever. Worker, as is ring_disarm(), which takes it back. */
int ring_arm(struct ring *ring);
void ring_disarm(struct ring *ring);

/* Tells the guest that entries were used. */
void ring_kick(const struct ring *ring);
