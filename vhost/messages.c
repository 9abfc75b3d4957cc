// SPDX-License-Identifier: Apache-2.0
#include "vhost/messages.h"

#include <rte_vhost.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/core/wake.h"
#include "vhost/connection.h"
#include "vhost/event_thread.h"
#include "vhost/lease.h"
#include "vhost/requests.h"

/* Waiting is safe on the event thread even though it mostly holds the locks of this device's rings: workers only spin
 * for such locks inside rte_vhost's burst functions, those of a leased device are not called, and of no other device a
 * lock is held. What does have to hold is that none of them is inside with this device's id from before the lease; see
 * begin_lease(). Control may go on: our own lock is not held meanwhile. */
void messages_end_lease(struct vhost_device *device, bool gone)
{
    int device_id;
    bool leased;

    connection_lock();
    leased = device->leased;
    device_id = device->device_id;
    device->leased = false;
    if (leased) {
        if (gone)
            device->device_id = -1;
        else
            connection_of(device_id)->interrupted = true;
        connection_publish(device);
    }
    connection_unlock();
    if (!leased)
        return;
    qsbr_synchronize();
    lease_return(&device->lease, device_id);
}

/* Leases a device that runs, when it suits. Only when no worker can be inside rte_vhost with its id: workers have not
 * been told of it yet, or a grace period is over since it was hidden from them. A device that workers know and that is
 * not leased stays so until then. */
static void begin_lease(struct vhost_device *device, int device_id)
{
    bool leased = lease_take(&device->lease, device_id);

    connection_lock();
    if (device->device_id == device_id) {
        device->leased = leased;
        connection_of(device_id)->interrupted = false;
        connection_publish(device);
    }
    connection_unlock();
}

/* Hides the device with that id, when it wants to be leased. */
static struct vhost_device *hide_wanting(int device_id)
{
    struct vhost_device *device = NULL;
    struct connection *connection;

    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id && connection->owner->lease_wanted) {
        connection->owner->lease_wanted = false;
        if (!connection->owner->leased && !connection->memory_changing) {
            device = connection->owner;
            connection->interrupted = true;
            connection_publish(device);
        }
    }
    connection_unlock();
    return device;
}

/* On the event thread, holding no locks of rings: workers that are inside rte_vhost get out. */
static void lease_wanting(void)
{
    for (int i = 0; i < RTE_MAX_VHOST_DEVICE; i++) {
        struct vhost_device *device = hide_wanting(i);

        if (device != NULL) {
            qsbr_synchronize();
            begin_lease(device, i);
        }
    }
}

/* A device in rte_vhost's care has become one that could be leased: migration was given up, say. */
static void lease_later(struct vhost_device *device)
{
    bool wanted;

    connection_lock();
    wanted = device->lease_wanted = lease_suits(device->features);
    connection_unlock();
    if (wanted)
        event_thread_post(lease_wanting);
}

/* Takes the device from workers before its memory is mapped anew, and gives it back when that went well. When it did
 * not, DPDK 22.11 leaves the rings in memory that is no longer there until the connection is closed, which follows: a
 * worker that still came by would crash. No waiting for workers here: they may be waiting for a ring's lock, which is
 * held now and keeps them out. (Those of a leased device have been waited for.) */
static void set_memory_changing(int device_id, bool changing)
{
    struct connection *connection;

    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL && connection->memory_changing != changing) {
        connection->memory_changing = changing;
        if (connection->owner->device_id == device_id)
            connection_publish(connection->owner);
    }
    connection_unlock();
}

/* rte_vhost has a RARP frame come out of its own receive function; of a leased device it is ours to make, and rte_vhost
 * need not hear of it. */
static bool announce(struct vhost_device *device, uint64_t mac)
{
    if (device->leased)
        atomic_store_explicit(&device->announcement, (mac & 0xffffffffffff) | 1ULL << 48, memory_order_relaxed);
    wake_all();
    return device->leased;
}

static enum rte_vhost_msg_result before_message(int device_id, void *message)
{
    struct vhost_device *device = connection_device(device_id);
    uint32_t request = request_of(message);

    if (device != NULL && lease_is_touched_by(request))
        messages_end_lease(device, false);
    else if (device != NULL && request == VHOST_USER_SEND_RARP && announce(device, request_payload(message)))
        return RTE_VHOST_MSG_RESULT_OK;
    if (request == VHOST_USER_SET_MEM_TABLE)
        set_memory_changing(device_id, true);
    return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

/* True when the device was leased before and nothing hides it but that. */
static bool may_go_on(int device_id)
{
    const struct connection *connection;
    bool may;

    connection_lock();
    connection = connection_of(device_id);
    may = connection != NULL && connection->interrupted && !connection->memory_changing;
    connection_unlock();
    return may;
}

/* Only after messages that were handled without an error. After one that was not, the device stays hidden: until the
 * connection is closed, or a message goes well. */
static enum rte_vhost_msg_result after_message(int device_id, void *message)
{
    struct vhost_device *device = connection_device(device_id);
    uint32_t request = request_of(message);

    if (request == VHOST_USER_SET_MEM_TABLE)
        set_memory_changing(device_id, false);
    if (device != NULL && may_go_on(device_id))
        begin_lease(device, device_id);
    else if (device != NULL && !device->leased && request == VHOST_USER_SET_FEATURES)
        lease_later(device);
    return request == VHOST_USER_SET_MEM_TABLE ? RTE_VHOST_MSG_RESULT_OK : RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

const struct rte_vhost_user_extern_ops message_hooks = {
    .pre_msg_handle = before_message,
    .post_msg_handle = after_message,
};
