// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "dataplane/core/port.h"
#include "vhost/lease.h"

/* One vhost-user port and the virtio device that is connected to it now, if any. Private to this folder.
 *
 * rte_vhost calls back on threads of its own, some of the time with locks of its own held, when a front-end connects,
 * enables or disables a ring, or goes. What workers must know of it is folded into one word, 'link', so that a worker
 * always sees a consistent picture with one load:
 *
 *     63      51   50     49      48    47          32 31          16 15        0
 *    +----------+--------+----+---------+--------------+--------------+------------+
 *    | change   | leased | pk | present | rx rings on  | tx rings on  | device id  |
 *    +----------+--------+----+---------+--------------+--------------+------------+
 *
 * "rx" and "tx" are the guest's: we dequeue from its tx rings and enqueue to its rx rings. Bit q stands for queue pair
 * q; "pk" says that the rings are packed ones. "leased" says that workers work the rings themselves (lease.h) instead of
 * by rte_vhost's burst functions; they do the one or the other, never both at a time. When a device goes, its id leaves 'link' first and rte_vhost is held up
 * for a grace period, so no worker can be inside rte_vhost with the id of a device that is being freed. A ring that is
 * only disabled needs no such care: rte_vhost checks that itself, under a lock of the ring. */
#define VHOST_LINK_PRESENT (1ULL << 48)
#define VHOST_LINK_PACKED  (1ULL << 49)
#define VHOST_LINK_LEASED  (1ULL << 50)

static inline int vhost_link_device(uint64_t link)
{
    return (int)(link & 0xffff);
}

static inline uint16_t vhost_link_tx_rings(uint64_t link)
{
    return (uint16_t)(link >> 16);
}

static inline uint16_t vhost_link_rx_rings(uint64_t link)
{
    return (uint16_t)(link >> 32);
}

/* A number that differs after every change; never 0. */
static inline uint32_t vhost_link_change(uint64_t link)
{
    return (uint32_t)(link >> 51) | 1u << 31;
}

/* Owned by the worker that polls, or sends to, the queue. */
enum vhost_silence {
    VHOST_SILENCE_NONE,      /* frames come, or there are none */
    VHOST_SILENCE_SUSPECTED, /* nothing came though there are entries */
    VHOST_SILENCE_COUNTED,
};

struct vhost_rxq {
    uint32_t quieted;     /* the link change for which guest kicks were turned off */
    uint32_t empty_polls; /* in a row */
    uint32_t silence;     /* enum vhost_silence */
    uint16_t taken;       /* ring index that the frames received so far account for */
} __attribute__((aligned(64)));

struct vhost_txq {
    _Atomic uint64_t retries;
} __attribute__((aligned(64)));

struct vhost_device {
    /* Read by workers. Written with the lock of connection.h held, by rte_vhost's threads and the control side. */
    _Atomic uint64_t link;
    _Atomic uint64_t tx_map; /* 4 bits per txq: the queue pair whose rx ring it feeds */
    _Atomic uint64_t
        announcement; /* a RARP frame to receive in the name of a leased guest: its MAC, and bit 48; or 0 */
    _Atomic uint32_t tx_retries_max;
    _Atomic(struct rte_mempool *) pool; /* near the guest */
    struct vhost_rxq rxqs[PORT_QUEUES_MAX];
    struct vhost_txq txqs[PORT_QUEUES_MAX];
    struct vhost_lease lease; /* while 'link' says so: the event thread's before and after */

    /* Control side; constant after open(), but for 'mtu'. */
    struct port *port;
    bool server;
    bool tso;                                             /* offered to the guest */
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* empty: a client that has no path yet */
    _Atomic uint16_t mtu;

    /* Under the lock of connection.h. */
    int device_id; /* -1: not connected */
    bool leased;
    bool lease_wanted;
    uint64_t features;
    uint16_t guest_mtu; /* negotiated; 0: not */
    int numa_node;
    uint16_t n_rings;
    uint16_t ring_sizes[2 * PORT_QUEUES_MAX];
    uint32_t changes;
    uint32_t link_resets;
    struct vhost_device *next;
};

/* What the control side shows of a device, copied under the lock. */
struct vhost_device_state {
    bool connected;
    bool ring_enabled;
    uint64_t features;
    uint16_t guest_mtu;
    int numa_node;
    uint16_t n_rings;
    uint16_t ring_sizes[2 * PORT_QUEUES_MAX];
    uint32_t link_resets;
};

/* Starts serving or connecting to device->path. 0, or negative errno with '*error' set (-EEXIST: another port has the
 * path). Control or builder thread. */
int vhost_device_start(struct vhost_device *device, char **error);

/* The reverse; returns when rte_vhost will not call back for it any more. Waits for grace periods: builder thread. */
void vhost_device_stop(struct vhost_device *device);

/* Control thread. */
void vhost_device_get_state(struct vhost_device *device, struct vhost_device_state *state);
