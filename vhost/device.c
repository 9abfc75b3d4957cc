// SPDX-License-Identifier: Apache-2.0
#include "vhost/device.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <rte_log.h>
#include <rte_vhost.h>

#include "dataplane/core/err.h"
#include "dataplane/core/packet_pool.h"
#include "dataplane/core/qsbr.h"
#include "vhost/connection.h"
#include "vhost/event_thread.h"
#include "vhost/lease.h"
#include "vhost/messages.h"

static struct vhost_device *devices;

/* What rte_vhost would offer and we do not take, whatever the configuration: UDP frames to be fragmented, and a bit that is
 * in no standard. */
#define FEATURES_NEVER (1ULL << VIRTIO_NET_F_GSO | 1ULL << VIRTIO_NET_F_GUEST_UFO | 1ULL << VIRTIO_NET_F_HOST_UFO)

/* What is not offered without TSO. */
#define FEATURES_TSO                                                                                      \
    (1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN | \
     1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | 1ULL << VIRTIO_NET_F_HOST_ECN)

static struct vhost_device *find_by_path(const char *path)
{
    struct vhost_device *device = devices;

    while (device != NULL && strcmp(device->path, path) != 0)
        device = device->next;
    return device;
}

static int new_connection(int device_id)
{
    char path[PATH_MAX];
    struct vhost_device *owner;

    if (device_id >= RTE_MAX_VHOST_DEVICE || rte_vhost_get_ifname(device_id, path, sizeof path) != 0)
        return -1;
    connection_lock();
    owner = find_by_path(path);
    connection_set(device_id, owner);
    connection_unlock();
    if (owner == NULL)
        return -1;
    return rte_vhost_extern_callback_register(device_id, &message_hooks, NULL);
}

static void destroy_connection(int device_id)
{
    connection_lock();
    connection_set(device_id, NULL);
    connection_unlock();
}

static int new_device(int device_id)
{
    uint16_t n_rings = rte_vhost_get_vring_num(device_id);
    struct rte_vhost_vring ring;
    uint16_t sizes[2 * PORT_QUEUES_MAX] = {0};
    uint64_t features = 0;
    uint16_t mtu = 0;
    int numa_node = rte_vhost_get_numa_node(device_id);
    struct rte_mempool *pool = packet_pool_near(numa_node);
    struct connection *connection;
    struct vhost_device *device;
    bool leased;

    rte_vhost_get_negotiated_features(device_id, &features);
    rte_vhost_get_mtu(device_id, &mtu);
    for (uint16_t i = 0; i < RTE_MIN(n_rings, 2 * PORT_QUEUES_MAX); i++) {
        if (rte_vhost_get_vhost_vring(device_id, i, &ring) == 0)
            sizes[i] = ring.size;
    }

    connection_lock();
    connection = connection_of(device_id);
    device = connection != NULL ? connection->owner : NULL;
    connection_unlock();
    if (device == NULL)
        return -1;
    /* A second front-end on a server's socket takes over: the first may be a QEMU that died unnoticed. */
    messages_end_lease(device, true);
    leased = lease_take(&device->lease, device_id);

    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL) {
        connection->interrupted = false;
        device->leased = leased;
        device->device_id = device_id;
        device->features = features;
        device->guest_mtu = mtu;
        device->numa_node = numa_node;
        device->pool = pool;
        atomic_store_explicit(&device->port->pool, pool, memory_order_relaxed);
        device->n_rings = n_rings;
        memcpy(device->ring_sizes, sizes, sizeof sizes);
        device->link_resets++;
        connection_publish(device);
    }
    connection_unlock();
    return connection != NULL ? 0 : -1;
}

static void destroy_device(int device_id)
{
    struct vhost_device *device = connection_device(device_id);
    struct connection *connection;

    if (device != NULL)
        messages_end_lease(device, true);
    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id) {
        connection->owner->device_id = -1;
        connection_publish(connection->owner);
    }
    connection_unlock();
    /* Phase two: whoever still had the id from before the change is out after this. */
    qsbr_synchronize();
}

/* May be called with the rings' locks held by rte_vhost, for which workers spin: it must never wait for workers. */
static int vring_state_changed(int device_id, uint16_t ring, int enable)
{
    struct connection *connection;

    if (ring >= 2 * PORT_QUEUES_MAX)
        return 0;
    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL) {
        uint16_t *rings = ring & 1 ? &connection->tx_rings : &connection->rx_rings;
        uint16_t bit = (uint16_t)(1u << ring / 2);
        uint16_t now = enable ? *rings | bit : *rings & (uint16_t)~bit;
        bool changed = now != *rings;

        *rings = now;
        if (changed && connection->owner->device_id == device_id)
            connection_publish(connection->owner);
    }
    connection_unlock();
    return 0;
}

static int features_changed(int device_id, uint64_t features)
{
    struct connection *connection;

    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id)
        connection->owner->features = features;
    connection_unlock();
    return 0;
}

static const struct rte_vhost_device_ops callbacks = {
    .new_connection = new_connection,
    .destroy_connection = destroy_connection,
    .new_device = new_device,
    .destroy_device = destroy_device,
    .vring_state_changed = vring_state_changed,
    .features_changed = features_changed,
};

static int enlist(struct vhost_device *device, char **error)
{
    struct vhost_device *other;

    connection_lock();
    other = find_by_path(device->path);
    if (other == NULL) {
        device->next = devices;
        devices = device;
    } else {
        err_set(error, "socket '%s' is already in use by '%s'", device->path, other->port->name);
    }
    connection_unlock();
    return other == NULL ? 0 : -EEXIST;
}

static void delist(struct vhost_device *device)
{
    struct vhost_device **link = &devices;

    connection_lock();
    while (*link != device)
        link = &(*link)->next;
    *link = device->next;
    connection_forget(device);
    connection_unlock();
}

int vhost_device_start(struct vhost_device *device, char **error)
{
    /* Received packets (of packed rings) then say what was left undone, and checksums inside tunnels of the guest's own are summed. Without the
     * flag those would stay open, and nothing would say so. */
    uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS | (device->server ? 0 : RTE_VHOST_USER_CLIENT);
    int result;

    device->device_id = -1;
    /* rte_vhost writes a line for each bad descriptor: a guest could fill the disk with them. */
    rte_log_set_level_pattern("lib.vhost.data", RTE_LOG_CRIT);
    result = enlist(device, error);
    if (result != 0)
        return result;
    event_thread_init(); /* best effort; see vhost_device_stop() */
    if (rte_vhost_driver_register(device->path, flags) != 0) {
        err_set(error, "could not register vhost-user socket '%s'", device->path);
        delist(device);
        return -EIO;
    }
    if (rte_vhost_driver_callback_register(device->path, &callbacks) != 0 ||
        rte_vhost_driver_disable_features(device->path, FEATURES_NEVER | (device->tso ? 0 : FEATURES_TSO)) != 0 ||
        rte_vhost_driver_start(device->path) != 0) {
        err_set(error, "could not %s vhost-user socket '%s'", device->server ? "create" : "open", device->path);
        vhost_device_stop(device);
        return -EIO;
    }
    return 0;
}

static void unregister(void *context)
{
    const struct vhost_device *device = context;

    rte_vhost_driver_unregister(device->path);
}

void vhost_device_stop(struct vhost_device *device)
{
    /* When a client's connection breaks while it is being unregistered, DPDK 22.11 may put it on the list of those to
     * be connected again after it was taken off, and then uses freed memory with the next server at that path.
     * Connections break on the event thread only, so there it cannot happen. */
    if (event_thread_run(unregister, device) == -ENOTCONN)
        unregister(device);
    delist(device);
}

void vhost_device_get_state(struct vhost_device *device, struct vhost_device_state *state)
{
    uint64_t link = atomic_load_explicit(&device->link, memory_order_acquire);

    connection_lock();
    state->connected = device->device_id >= 0;
    state->ring_enabled = (vhost_link_rx_rings(link) | vhost_link_tx_rings(link)) != 0;
    state->features = device->features;
    state->guest_mtu = device->guest_mtu;
    state->numa_node = device->numa_node;
    state->n_rings = device->n_rings;
    memcpy(state->ring_sizes, device->ring_sizes, sizeof state->ring_sizes);
    state->link_resets = device->link_resets;
    connection_unlock();
}
