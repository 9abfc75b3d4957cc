// SPDX-License-Identifier: Apache-2.0
#include "vhost/vhost_port.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_vhost.h>

#include "dataplane/core/err.h"
#include "dataplane/core/packet_pool.h"
#include "vhost/device.h"
#include "vhost/library.h"
#include "vhost/ring.h"
#include "vhost/socket_path.h"

#define TX_RETRIES_DEFAULT 8
#define TX_RETRIES_MAX     32

/* Ours is the only way to receive a frame that the guest did not send. */
static uint16_t receive_announcement(struct vhost_device *device, struct rte_mbuf **packet)
{
    uint64_t mac = atomic_exchange_explicit(&device->announcement, 0, memory_order_relaxed);
    struct rte_ether_addr address;

    if (mac == 0)
        return 0;
    memcpy(address.addr_bytes, &mac, sizeof address.addr_bytes);
    *packet = rte_net_make_rarp_packet(device->pool, &address);
    return *packet != NULL;
}

static void count_losses(struct port *port, const struct ring_losses *losses)
{
    if (losses->bad_entries != 0)
        atomic_fetch_add_explicit(&port->rx_bad_descriptor, losses->bad_entries, memory_order_relaxed);
    if (losses->unsupported != 0)
        atomic_fetch_add_explicit(&port->rx_unsupported, losses->unsupported, memory_order_relaxed);
    if (losses->no_buffer != 0)
        atomic_fetch_add_explicit(&port->rx_no_buffer, losses->no_buffer, memory_order_relaxed);
}

static uint16_t receive_leased(struct port *port, struct vhost_device *device, uint16_t rxq, struct rte_mbuf **packets,
                               uint16_t n)
{
    struct ring_losses losses = {0};
    uint16_t received;

    if (unlikely(atomic_load_explicit(&device->announcement, memory_order_relaxed) != 0))
        return receive_announcement(device, packets);
    received = ring_receive(&device->lease.rings[2 * rxq + 1], device->pool, packets, n, &losses);
    if (unlikely((losses.bad_entries | losses.unsupported | losses.no_buffer) != 0))
        count_losses(port, &losses);
    return received;
}

static uint16_t vhost_rx_burst(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    struct vhost_device *device = port->impl;
    uint64_t link = atomic_load_explicit(&device->link, memory_order_acquire);

    if (!(vhost_link_tx_rings(link) & 1u << rxq))
        return 0;
    if (likely(link & VHOST_LINK_LEASED))
        return receive_leased(port, device, rxq, packets, n);
    return library_receive(port, device, link, rxq, packets, n);
}

/* What else may come to the queue, an announcement or a change of the link, wakes workers. */
static int vhost_arm(struct port *port, uint16_t rxq)
{
    struct vhost_device *device = port->impl;
    uint64_t link = atomic_load_explicit(&device->link, memory_order_acquire);

    if (!(vhost_link_tx_rings(link) & 1u << rxq))
        return PORT_ARM_NOTHING;
    if (!(link & VHOST_LINK_LEASED))
        return -ENOTSUP;
    if (atomic_load_explicit(&device->announcement, memory_order_relaxed) != 0)
        return -EAGAIN;
    return ring_arm(&device->lease.rings[2 * rxq + 1]);
}

/* The lease may have ended meanwhile, but whoever ends it waits for us before the ring goes. */
static void vhost_disarm(struct port *port, uint16_t rxq)
{
    struct vhost_device *device = port->impl;

    ring_disarm(&device->lease.rings[2 * rxq + 1]);
}

static uint16_t transmit_leased(struct port *port, struct vhost_device *device, unsigned int pair,
                                struct rte_mbuf **packets, uint16_t n)
{
    atomic_flag *taken = &device->lease.locks[pair].taken;
    struct ring *ring = &device->lease.rings[2 * pair];
    struct ring_losses losses = {0};
    bool kick = false;
    uint16_t sent;

    /* Held for one burst, by workers only. */
    while (unlikely(atomic_flag_test_and_set_explicit(taken, memory_order_acquire)))
        rte_pause();
    sent = ring_transmit(ring, packets, n, &losses, &kick);
    atomic_flag_clear_explicit(taken, memory_order_release);
    if (kick)
        ring_kick(ring);
    if (unlikely(losses.bad_entries != 0))
        count_losses(port, &losses);
    return sent;
}

static uint16_t transmit(struct port *port, struct vhost_device *device, uint64_t link, unsigned int pair,
                         struct rte_mbuf **packets, uint16_t n)
{
    if (likely(link & VHOST_LINK_LEASED))
        return transmit_leased(port, device, pair, packets, n);
    return rte_vhost_enqueue_burst(vhost_link_device(link), (uint16_t)(2 * pair), packets, n);
}

static bool is_plain(const struct rte_mbuf *packet, const struct rte_mempool *pool)
{
    return packet->pool == pool && packet->nb_segs == 1 && packet->refcnt == 1 && RTE_MBUF_DIRECT(packet);
}

/* Nearly always all packets are of one pool and in one buffer that nobody else has: they go back in one piece. */
static void free_sent(struct rte_mbuf **packets, uint16_t n)
{
    struct rte_mempool *pool = packets[0]->pool;
    uint16_t plain = 0;

    while (plain < n && is_plain(packets[plain], pool))
        plain++;
    if (likely(plain > 0))
        rte_mempool_put_bulk(pool, (void **)packets, plain);
    if (unlikely(plain < n))
        rte_pktmbuf_free_bulk(packets + plain, n - plain);
}

static uint16_t vhost_tx_burst(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    struct vhost_device *device = port->impl;
    uint64_t link = atomic_load_explicit(&device->link, memory_order_acquire);
    uint64_t map = atomic_load_explicit(&device->tx_map, memory_order_relaxed);
    uint32_t retries_max = atomic_load_explicit(&device->tx_retries_max, memory_order_relaxed);
    unsigned int pair = map >> (4 * txq) & 15;
    uint32_t retries = 0;
    uint16_t sent = 0;

    if (!(vhost_link_rx_rings(link) & 1u << pair))
        return 0;
    for (;;) {
        uint16_t taken = transmit(port, device, link, pair, packets + sent, (uint16_t)(n - sent));

        sent += taken;
        /* A guest that makes no room at all would only be waited for in vain. */
        if (sent == n || taken == 0 || retries == retries_max)
            break;
        retries++;
    }
    if (unlikely(retries > 0)) {
        _Atomic uint64_t *counter = &device->txqs[txq].retries;
        uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);

        atomic_store_explicit(counter, before + retries, memory_order_relaxed);
    }
    if (sent > 0)
        free_sent(packets, sent);
    return sent;
}

static int read_retries(const struct port_config *config, uint32_t *retries, char **error)
{
    const char *text = port_config_option(config, "tx-retries-max");
    char *end = NULL;
    long value = text != NULL ? strtol(text, &end, 10) : TX_RETRIES_DEFAULT;

    if (value < 0 || value > TX_RETRIES_MAX || (text != NULL && (end == text || *end != '\0'))) {
        err_set(error, "%s: bad 'tx-retries-max' '%s': must be between 0 and %d", config->name, text, TX_RETRIES_MAX);
        return -EINVAL;
    }
    *retries = (uint32_t)value;
    return 0;
}

/* Checks the options that may change while the port lives and, when all are good, applies them. */
static int apply_live(struct vhost_device *device, const struct port_config *config, char **error)
{
    uint16_t mtu = PORT_MTU_DEFAULT;
    uint32_t retries;
    int result = port_config_mtu(config, &mtu, error);

    if (result == 0)
        result = read_retries(config, &retries, error);
    if (result != 0)
        return result;
    atomic_store_explicit(&device->tx_retries_max, retries, memory_order_relaxed);
    atomic_store_explicit(&device->mtu, mtu, memory_order_relaxed);
    return 0;
}

static int find_path(const struct vhost_device *device, const struct port_config *config, char *path, size_t size,
                     char **error)
{
    const char *from;

    if (device->server)
        return socket_path_of_server(config->vhost_socket_dir, config->name, path, size, error);
    from = port_config_option(config, "vhost-server-path");
    if (from == NULL) {
        path[0] = '\0';
        return 0;
    }
    return socket_path_of_client(from, path, size, error);
}

static int vhost_open(struct port *port, const struct port_config *config, char **error)
{
    struct vhost_device *device = aligned_alloc(64, sizeof *device);
    int result;

    if (device == NULL)
        return -ENOMEM;
    memset(device, 0, sizeof *device);
    device->port = port;
    device->device_id = -1;
    device->server = port->ops == &vhost_server_ops;
    device->tso = !config->no_tso;
    device->pool = packet_pool();
    atomic_store_explicit(&port->pool, device->pool, memory_order_relaxed);
    result = apply_live(device, config, error);
    if (result == 0)
        result = find_path(device, config, device->path, sizeof device->path, error);
    if (result == 0 && device->server)
        result = socket_path_clear(device->path, error);
    if (result != 0)
        goto fail;

    /* Before rte_vhost can call back. */
    port->impl = device;
    port->n_txq = PORT_QUEUES_MAX; /* they cost nothing: tx_map spreads them over what the guest has */
    atomic_store_explicit(&port->n_rxq, 1, memory_order_relaxed);
    atomic_store_explicit(&port->ready, false, memory_order_relaxed);
    if (device->path[0] != '\0')
        result = vhost_device_start(device, error);
    if (result != 0)
        goto fail;
    return 0;

fail:
    port->impl = NULL;
    free(device);
    return result;
}

static void vhost_close(struct port *port)
{
    struct vhost_device *device = port->impl;

    if (device->path[0] != '\0')
        vhost_device_stop(device);
    port->impl = NULL;
    free(device);
}

static int vhost_reconfigure(struct port *port, const struct port_config *config, char **error)
{
    struct vhost_device *device = port->impl;
    char path[sizeof device->path];
    int result = find_path(device, config, path, sizeof path, error);

    if (result == 0 && strcmp(path, device->path) != 0)
        return -EAGAIN;
    return result != 0 ? result : apply_live(device, config, error);
}

static void vhost_get_status(struct port *port, struct port_status *status)
{
    struct vhost_device *device = port->impl;
    struct vhost_device_state state;
    char key[40];

    vhost_device_get_state(device, &state);
    status->admin_up = true;
    status->link_up = state.connected && state.ring_enabled;
    status->mtu = atomic_load_explicit(&device->mtu, memory_order_relaxed);
    status->full_duplex = true;
    status->link_resets = state.link_resets;
    port_status_add(status, "mode", "%s", device->server ? "server" : "client");
    port_status_add(status, "status", "%s", state.connected ? "connected" : "disconnected");
    if (device->path[0] != '\0')
        port_status_add(status, "socket", "%s", device->path);
    if (!state.connected)
        return;
    port_status_add(status, "features", "0x%016" PRIx64, state.features);
    if (state.guest_mtu != 0)
        port_status_add(status, "mtu", "%u", state.guest_mtu);
    port_status_add(status, "numa", "%d", state.numa_node);
    port_status_add(status, "num_of_vrings", "%u", state.n_rings);
    for (unsigned int i = 0; i < RTE_MIN(state.n_rings, 2u * PORT_QUEUES_MAX); i++) {
        snprintf(key, sizeof key, "vring_%u_size", i);
        port_status_add(status, key, "%u", state.ring_sizes[i]);
    }
}

static void vhost_get_stats(struct port *port, struct port_stats *stats)
{
    struct vhost_device *device = port->impl;
    uint64_t retries = 0;

    for (unsigned int i = 0; i < PORT_QUEUES_MAX; i++)
        retries += atomic_load_explicit(&device->txqs[i].retries, memory_order_relaxed);
    port_stats_add(stats, "ovs_tx_retries", retries);
}

const struct port_ops vhost_client_ops = {
    .type = "dpdkvhostuserclient",
    .open = vhost_open,
    .close = vhost_close,
    .reconfigure = vhost_reconfigure,
    .rx_burst = vhost_rx_burst,
    .tx_burst = vhost_tx_burst,
    .arm = vhost_arm,
    .disarm = vhost_disarm,
    .get_status = vhost_get_status,
    .get_stats = vhost_get_stats,
};

const struct port_ops vhost_server_ops = {
    .type = "dpdkvhostuser",
    .open = vhost_open,
    .close = vhost_close,
    .reconfigure = vhost_reconfigure,
    .rx_burst = vhost_rx_burst,
    .tx_burst = vhost_tx_burst,
    .arm = vhost_arm,
    .disarm = vhost_disarm,
    .get_status = vhost_get_status,
    .get_stats = vhost_get_stats,
};
