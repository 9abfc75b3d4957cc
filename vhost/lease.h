// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/port.h"
#include "vhost/guest_memory.h"
#include "vhost/ring.h"

/* The rings of a connected device, taken over from rte_vhost: workers work them directly and rte_vhost's own burst
 * functions are not called meanwhile. Private to this folder.
 *
 * rte_vhost keeps the control plane. What a lease copies from it (places of rings and memory, indices, features) holds
 * until a message of the front-end is handled. So before such a message workers are sent away and waited for, and the
 * indices are handed back; after it they are taken anew, or rte_vhost goes on by itself when the device has become one
 * that is not for us: an IOMMU, a log of written pages for live migration. messages.c sees to that, and to
 * its order. All of these functions are called on the event thread, while no worker is in the rings. */
struct vhost_lease {
    uint32_t ready; /* bit i: rings[i] can be worked */
    struct guest_memory memory;
    struct ring rings[2 * PORT_QUEUES_MAX]; /* by vhost-user's number: even ones are the guest's receive rings */

    /* Several of our transmit queues may feed one ring of the guest's. */
    struct {
        atomic_flag taken;
    } __attribute__((aligned(64))) locks[PORT_QUEUES_MAX];
};

/* True when a device that negotiated 'features' may be leased. */
bool lease_suits(uint64_t features);

/* Takes over the device's rings. False when that is not possible; '*lease' is not to be used then. */
bool lease_take(struct vhost_lease *lease, int device_id);

/* Hands the rings back: rte_vhost goes on where workers stopped. */
void lease_return(const struct vhost_lease *lease, int device_id);

/* True when a request of the vhost-user protocol may change what a lease stands on. */
bool lease_is_touched_by(uint32_t request);
