// SPDX-License-Identifier: Apache-2.0
#include "vhost/device.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <linux/virtio_config.h>

#include <rte_log.h>
#include <rte_vhost.h>

#include "dataplane/core/err.h"
#include "dataplane/core/notifier.h"
#include "dataplane/core/offload.h"
#include "dataplane/core/packet_pool.h"
#include "dataplane/core/qsbr.h"
#include "vhost/event_thread.h"
#include "vhost/lease.h"
#include "vhost/requests.h"

/* A front-end's connection, by rte_vhost's device id. A device is "running" between new_device() and
 * destroy_device(); rings may be enabled before that, so their state is kept per connection. */
struct connection {
    struct vhost_device *owner;
    uint16_t tx_rings; /* of the guest, enabled */
    uint16_t rx_rings;
    /* Why workers may not see it though it runs; the event thread's. */
    bool memory_changing; /* the guest's memory is being mapped anew, or that failed */
    bool interrupted;     /* it was leased before the message that is being handled; no worker is in its rings */
};

/* Guards the list of devices, the connections and the locked part of each device. A leaf: rte_vhost may hold its own
 * locks when it calls back, so nothing of rte_vhost is called with this one held, and holders do not wait. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vhost_device *devices;
static struct connection connections[RTE_MAX_VHOST_DEVICE];

/* What rte_vhost would offer and we do not take, whatever the configuration: UDP frames to be fragmented, and a bit that is
 * in no standard. */
#define FEATURES_NEVER (1ULL << VIRTIO_NET_F_GSO | 1ULL << VIRTIO_NET_F_GUEST_UFO | 1ULL << VIRTIO_NET_F_HOST_UFO)

/* What is not offered without TSO. */
#define FEATURES_TSO                                                                                      \
    (1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN | \
     1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | 1ULL << VIRTIO_NET_F_HOST_ECN)

static struct connection *connection_of(int device_id)
{
    if (device_id < 0 || device_id >= RTE_MAX_VHOST_DEVICE || connections[device_id].owner == NULL)
        return NULL;
    return &connections[device_id];
}

/* Spreads the transmit queues over the guest's enabled rx rings, round robin. */
static uint64_t map_txqs(uint16_t rx_rings)
{
    uint64_t map = 0;
    unsigned int pair = 0;

    if (rx_rings == 0)
        return 0;
    for (unsigned int txq = 0; txq < PORT_QUEUES_MAX; txq++) {
        while (!(rx_rings & 1u << pair))
            pair = (pair + 1) % PORT_QUEUES_MAX;
        map |= (uint64_t)pair << (4 * txq);
        pair = (pair + 1) % PORT_QUEUES_MAX;
    }
    return map;
}

/* Those of the queue pairs in 'rings' whose ring with the number 2 * pair + 'side' is good to be worked. */
static uint16_t leased_rings(const struct vhost_lease *lease, uint16_t rings, unsigned int side)
{
    for (unsigned int pair = 0; pair < PORT_QUEUES_MAX; pair++) {
        if (!(lease->ready & 1u << (2 * pair + side)))
            rings &= (uint16_t) ~(1u << pair);
    }
    return rings;
}

static uint64_t make_link(const struct vhost_device *device, const struct connection *connection)
{
    uint16_t rx_rings = connection->rx_rings, tx_rings = connection->tx_rings;
    uint64_t link = VHOST_LINK_PRESENT | (uint64_t)device->device_id;

    if (device->leased) {
        link |= VHOST_LINK_LEASED;
        rx_rings = leased_rings(&device->lease, rx_rings, 0);
        tx_rings = leased_rings(&device->lease, tx_rings, 1);
    }
    if (device->features & 1ULL << VIRTIO_F_RING_PACKED)
        link |= VHOST_LINK_PACKED;
    return link | (uint64_t)rx_rings << 32 | (uint64_t)tx_rings << 16;
}

/* What the guest's driver takes unfinished. rte_vhost cannot tell it of CWR, so frames with that are cut for it. */
static uint32_t offloads_of(uint64_t features)
{
    uint32_t offloads = OFFLOAD_CHECKSUM;

    if (!(features & 1ULL << VIRTIO_NET_F_GUEST_CSUM))
        return 0;
    if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO4)
        offloads |= OFFLOAD_TSO4;
    if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO6)
        offloads |= OFFLOAD_TSO6;
    return offloads;
}

/* Makes the locked state known to workers and control. */
static void publish(struct vhost_device *device)
{
    const struct connection *connection = connection_of(device->device_id);
    struct port *port = device->port;
    uint64_t link = 0;
    uint16_t n_rxq = 1;

    if (connection != NULL && !connection->memory_changing && !connection->interrupted)
        link = make_link(device, connection);
    if (connection != NULL && connection->tx_rings != 0)
        n_rxq = (uint16_t)(32 - __builtin_clz(connection->tx_rings));
    link |= (uint64_t)++device->changes << 51;
    atomic_store_explicit(&port->tx_offloads, connection != NULL ? offloads_of(device->features) : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&device->tx_map, map_txqs(vhost_link_rx_rings(link)), memory_order_relaxed);
    atomic_store_explicit(&device->link, link, memory_order_release);
    atomic_store_explicit(&port->n_rxq, n_rxq, memory_order_relaxed);
    atomic_store_explicit(&port->ready, vhost_link_rx_rings(link) != 0, memory_order_relaxed);
    notifier_raise();
}

static struct vhost_device *find_by_path(const char *path)
{
    struct vhost_device *device = devices;

    while (device != NULL && strcmp(device->path, path) != 0)
        device = device->next;
    return device;
}

/* Ends the lease of a device's rings, if there is one: workers are sent away and waited for, then rte_vhost knows where
 * they stopped. 'gone': the device is not running any more.
 *
 * Waiting is safe on the event thread even though it mostly holds the locks of this device's rings: workers only spin
 * for such locks inside rte_vhost's burst functions, those of a leased device are not called, and of no other device a
 * lock is held. What does have to hold is that none of them is inside with this device's id from before the lease; see
 * begin_lease(). The lock of this file is not held meanwhile. */
static void end_lease(struct vhost_device *device, bool gone)
{
    int device_id;
    bool leased;

    pthread_mutex_lock(&lock);
    leased = device->leased;
    device_id = device->device_id;
    device->leased = false;
    if (leased) {
        if (gone)
            device->device_id = -1;
        else
            connection_of(device_id)->interrupted = true;
        publish(device);
    }
    pthread_mutex_unlock(&lock);
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

    pthread_mutex_lock(&lock);
    if (device->device_id == device_id) {
        device->leased = leased;
        connection_of(device_id)->interrupted = false;
        publish(device);
    }
    pthread_mutex_unlock(&lock);
}

/* The device that a connection is the current one of, or NULL. It lives as long as rte_vhost may call back for it. */
static struct vhost_device *device_of(int device_id)
{
    struct connection *connection;
    struct vhost_device *device = NULL;

    pthread_mutex_lock(&lock);
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id)
        device = connection->owner;
    pthread_mutex_unlock(&lock);
    return device;
}

/* On the event thread, holding no locks of rings: workers that are inside rte_vhost get out. */
static void lease_wanted(void)
{
    for (;;) {
        struct vhost_device *device;
        int device_id = -1;

        pthread_mutex_lock(&lock);
        for (device = devices; device != NULL && !device->lease_wanted;)
            device = device->next;
        if (device != NULL) {
            struct connection *connection = connection_of(device->device_id);

            device->lease_wanted = false;
            if (connection != NULL && !device->leased && !connection->memory_changing) {
                connection->interrupted = true;
                device_id = device->device_id;
                publish(device);
            }
        }
        pthread_mutex_unlock(&lock);
        if (device == NULL)
            return;
        if (device_id >= 0) {
            qsbr_synchronize();
            begin_lease(device, device_id);
        }
    }
}

/* A device in rte_vhost's care has become one that could be leased: migration was given up, say. */
static void lease_later(struct vhost_device *device)
{
    bool wanted;

    pthread_mutex_lock(&lock);
    wanted = device->lease_wanted = lease_suits(device->features);
    pthread_mutex_unlock(&lock);
    if (wanted)
        event_thread_post(lease_wanted);
}

/* Takes the device from workers before its memory is mapped anew, and gives it back when that went well. When it did
 * not, DPDK 22.11 leaves the rings in memory that is no longer there until the connection is closed, which follows: a
 * worker that still came by would crash. No waiting for workers here: they may be waiting for a ring's lock, which is
 * held now and keeps them out. (Those of a leased device have been waited for.) */
static void set_memory_changing(int device_id, bool changing)
{
    struct connection *connection;

    pthread_mutex_lock(&lock);
    connection = connection_of(device_id);
    if (connection != NULL && connection->memory_changing != changing) {
        connection->memory_changing = changing;
        if (connection->owner->device_id == device_id)
            publish(connection->owner);
    }
    pthread_mutex_unlock(&lock);
}

/* rte_vhost has a RARP frame come out of its own receive function; of a leased device it is ours to make, and rte_vhost
 * need not hear of it. */
static bool announce(struct vhost_device *device, uint64_t mac)
{
    if (device->leased)
        atomic_store_explicit(&device->announcement, (mac & 0xffffffffffff) | 1ULL << 48, memory_order_relaxed);
    return device->leased;
}

static enum rte_vhost_msg_result before_message(int device_id, void *message)
{
    struct vhost_device *device = device_of(device_id);
    uint32_t request = request_of(message);

    if (device != NULL && lease_is_touched_by(request))
        end_lease(device, false);
    else if (device != NULL && request == VHOST_USER_SEND_RARP && announce(device, request_payload(message)))
        return RTE_VHOST_MSG_RESULT_OK;
    if (request == VHOST_USER_SET_MEM_TABLE)
        set_memory_changing(device_id, true);
    return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

/* Only after messages that were handled without an error. After one that was not, the device stays hidden: until the
 * connection is closed, or a message goes well. */
static enum rte_vhost_msg_result after_message(int device_id, void *message)
{
    struct vhost_device *device = device_of(device_id);
    uint32_t request = request_of(message);

    if (request == VHOST_USER_SET_MEM_TABLE)
        set_memory_changing(device_id, false);
    if (device != NULL && connections[device_id].interrupted && !connections[device_id].memory_changing)
        begin_lease(device, device_id);
    else if (device != NULL && !device->leased && request == VHOST_USER_SET_FEATURES)
        lease_later(device);
    return request == VHOST_USER_SET_MEM_TABLE ? RTE_VHOST_MSG_RESULT_OK : RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops message_hooks = {
    .pre_msg_handle = before_message,
    .post_msg_handle = after_message,
};

static int new_connection(int device_id)
{
    char path[PATH_MAX];
    struct vhost_device *owner;

    if (device_id >= RTE_MAX_VHOST_DEVICE || rte_vhost_get_ifname(device_id, path, sizeof path) != 0)
        return -1;
    pthread_mutex_lock(&lock);
    owner = find_by_path(path);
    connections[device_id] = (struct connection){.owner = owner};
    pthread_mutex_unlock(&lock);
    if (owner == NULL)
        return -1;
    return rte_vhost_extern_callback_register(device_id, &message_hooks, NULL);
}

static void destroy_connection(int device_id)
{
    pthread_mutex_lock(&lock);
    connections[device_id] = (struct connection){0};
    pthread_mutex_unlock(&lock);
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

    pthread_mutex_lock(&lock);
    connection = connection_of(device_id);
    device = connection != NULL ? connection->owner : NULL;
    pthread_mutex_unlock(&lock);
    if (device == NULL)
        return -1;
    /* A second front-end on a server's socket takes over: the first may be a QEMU that died unnoticed. */
    end_lease(device, true);
    leased = lease_take(&device->lease, device_id);

    pthread_mutex_lock(&lock);
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
        publish(device);
    }
    pthread_mutex_unlock(&lock);
    return connection != NULL ? 0 : -1;
}

static void destroy_device(int device_id)
{
    struct vhost_device *device = device_of(device_id);
    struct connection *connection;

    if (device != NULL)
        end_lease(device, true);
    pthread_mutex_lock(&lock);
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id) {
        connection->owner->device_id = -1;
        publish(connection->owner);
    }
    pthread_mutex_unlock(&lock);
    /* Phase two: whoever still had the id from before the change is out after this. */
    qsbr_synchronize();
}

/* May be called with the rings' locks held by rte_vhost, for which workers spin: it must never wait for workers. */
static int vring_state_changed(int device_id, uint16_t ring, int enable)
{
    struct connection *connection;

    if (ring >= 2 * PORT_QUEUES_MAX)
        return 0;
    pthread_mutex_lock(&lock);
    connection = connection_of(device_id);
    if (connection != NULL) {
        uint16_t *rings = ring & 1 ? &connection->tx_rings : &connection->rx_rings;
        uint16_t bit = (uint16_t)(1u << ring / 2);
        uint16_t now = enable ? *rings | bit : *rings & (uint16_t)~bit;
        bool changed = now != *rings;

        *rings = now;
        if (changed && connection->owner->device_id == device_id)
            publish(connection->owner);
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static int features_changed(int device_id, uint64_t features)
{
    struct connection *connection;

    pthread_mutex_lock(&lock);
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id)
        connection->owner->features = features;
    pthread_mutex_unlock(&lock);
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

    pthread_mutex_lock(&lock);
    other = find_by_path(device->path);
    if (other == NULL) {
        device->next = devices;
        devices = device;
    } else {
        err_set(error, "socket '%s' is already in use by '%s'", device->path, other->port->name);
    }
    pthread_mutex_unlock(&lock);
    return other == NULL ? 0 : -EEXIST;
}

static void delist(struct vhost_device *device)
{
    struct vhost_device **link = &devices;

    pthread_mutex_lock(&lock);
    while (*link != device)
        link = &(*link)->next;
    *link = device->next;
    for (int i = 0; i < RTE_MAX_VHOST_DEVICE; i++) {
        if (connections[i].owner == device)
            connections[i] = (struct connection){0};
    }
    pthread_mutex_unlock(&lock);
}

int vhost_device_start(struct vhost_device *device, char **error)
{
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

    pthread_mutex_lock(&lock);
    state->connected = device->device_id >= 0;
    state->ring_enabled = (vhost_link_rx_rings(link) | vhost_link_tx_rings(link)) != 0;
    state->features = device->features;
    state->guest_mtu = device->guest_mtu;
    state->numa_node = device->numa_node;
    state->n_rings = device->n_rings;
    memcpy(state->ring_sizes, device->ring_sizes, sizeof state->ring_sizes);
    state->link_resets = device->link_resets;
    pthread_mutex_unlock(&lock);
}
