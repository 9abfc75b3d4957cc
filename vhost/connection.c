// SPDX-License-Identifier: Apache-2.0
#include "vhost/connection.h"

#include <pthread.h>

#include <linux/virtio_config.h>

#include <rte_vhost.h>

#include "dataplane/core/notifier.h"
#include "dataplane/core/offload.h"
#include "dataplane/core/wake.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection connections[RTE_MAX_VHOST_DEVICE];

void connection_lock(void)
{
    pthread_mutex_lock(&lock);
}

void connection_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void connection_set(int device_id, struct vhost_device *owner)
{
    connections[device_id] = (struct connection){.owner = owner};
}

void connection_forget(const struct vhost_device *device)
{
    for (int i = 0; i < RTE_MAX_VHOST_DEVICE; i++) {
        if (connections[i].owner == device)
            connection_set(i, NULL);
    }
}

struct connection *connection_of(int device_id)
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

/* What the guest's driver takes unfinished. rte_vhost cannot tell it of CWR, so frames with that are cut while rings are
 * not leased. */
static uint32_t offloads_of(uint64_t features, bool leased)
{
    uint32_t offloads = OFFLOAD_CHECKSUM;

    if (!(features & 1ULL << VIRTIO_NET_F_GUEST_CSUM))
        return 0;
    if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO4)
        offloads |= OFFLOAD_TSO4;
    if (features & 1ULL << VIRTIO_NET_F_GUEST_TSO6)
        offloads |= OFFLOAD_TSO6;
    if (features & 1ULL << VIRTIO_NET_F_GUEST_ECN && leased)
        offloads |= OFFLOAD_ECN;
    return offloads;
}

void connection_publish(struct vhost_device *device)
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
    atomic_store_explicit(&port->tx_offloads, connection != NULL ? offloads_of(device->features, device->leased) : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&device->tx_map, map_txqs(vhost_link_rx_rings(link)), memory_order_relaxed);
    atomic_store_explicit(&device->link, link, memory_order_release);
    atomic_store_explicit(&port->n_rxq, n_rxq, memory_order_relaxed);
    atomic_store_explicit(&port->ready, vhost_link_rx_rings(link) != 0, memory_order_relaxed);
    notifier_raise();
    wake_all();
}

struct vhost_device *connection_device(int device_id)
{
    struct connection *connection;
    struct vhost_device *device = NULL;

    connection_lock();
    connection = connection_of(device_id);
    if (connection != NULL && connection->owner->device_id == device_id)
        device = connection->owner;
    connection_unlock();
    return device;
}
