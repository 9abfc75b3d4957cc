// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vhost/device.h"

/* Connections of front-ends, by rte_vhost's device id, and what workers are told of them. Private to this folder.
 *
 * A device is "running" between new_device() and destroy_device(); rings may be enabled before that, so their state is
 * kept per connection. */
struct connection {
    struct vhost_device *owner;
    uint16_t tx_rings; /* of the guest, enabled */
    uint16_t rx_rings;
    /* Why workers may not see it though it runs. */
    bool memory_changing; /* the guest's memory is being mapped anew, or that failed */
    bool interrupted;     /* it was leased before the message that is being handled; no worker is in its rings */
};

/* The lock guards the list of devices, the connections and the locked part of each device. A leaf: rte_vhost may hold its
 * own locks when it calls back, so nothing of rte_vhost is called with this one held, and holders do not wait. */
void connection_lock(void);
void connection_unlock(void);

/* The rest is called with the lock held, but for connection_device(). */

/* The connection with that id, or NULL. */
struct connection *connection_of(int device_id);

/* A connection begins, or with 'owner' NULL ends. */
void connection_set(int device_id, struct vhost_device *owner);

/* Ends all connections of a device that goes. */
void connection_forget(const struct vhost_device *device);

/* Makes the locked state known to workers and control. */
void connection_publish(struct vhost_device *device);

/* The device that a connection is the current one of, or NULL. It lives as long as rte_vhost may call back for it. Takes
 * the lock. */
struct vhost_device *connection_device(int device_id);
