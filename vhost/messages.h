// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct rte_vhost_user_extern_ops;
struct vhost_device;

/* What happens around the messages of a front-end: leases (lease.h) end before and begin after those that touch them,
 * and workers stay away from memory that is mapped anew. Private to this folder. */

/* Called by rte_vhost before and after it handles a message, on the event thread. */
extern const struct rte_vhost_user_extern_ops message_hooks;

/* Ends the lease of a device's rings, if there is one: workers are sent away and waited for, then rte_vhost knows where
 * they stopped. 'gone': the device is not running any more. Event thread, without the lock of connection.h. */
void messages_end_lease(struct vhost_device *device, bool gone);
