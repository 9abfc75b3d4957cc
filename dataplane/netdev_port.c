// SPDX-License-Identifier: Apache-2.0
#include "dataplane/netdev_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/core/err.h"
#include "dataplane/core/offload.h"
#include "dataplane/core/packet_pool.h"
#include "dataplane/frame_buffers.h"
#include "dataplane/kernel_capture.h"
#include "dataplane/kernel_link.h"
#include "dataplane/packet_socket.h"

/* As for taps: a receive call that found nothing is not repeated for this long, so that an idle device costs the
 * worker next to nothing. */
#define IDLE_MICROSECONDS 50

#define KERNEL_TAKES (OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_ECN)

struct netdev {
    /* The worker that polls. */
    struct packet_socket socket;
    struct rte_mempool *pool;
    uint64_t idle_cycles;
    uint64_t empty_at; /* TSC of the last receive that found nothing */

    /* The worker that sends. */
    _Atomic uint64_t tx_errors;

    /* Control side. */
    int control_fd;
    uint32_t ifindex;
    uint64_t rx_missed;
    char name[IFNAMSIZ];
};

/* Turns a received frame into a packet. NULL when it is lost, and counted. */
static struct rte_mbuf *take_frame(struct port *port, struct netdev *netdev, const struct packet_frame *frame)
{
    struct iovec whole = {.iov_base = frame->data, .iov_len = frame->len};
    struct rte_mbuf *packet = NULL;

    if (!frame->truncated) {
        packet = frame_from_memory(netdev->pool, &whole, 1);
        if (packet == NULL) {
            atomic_fetch_add_explicit(&port->rx_no_buffer, 1, memory_order_relaxed);
            return NULL;
        }
        if ((frame->header.flags | frame->header.gso_type) == 0 || offload_from_virtio(packet, &frame->header) == 0)
            return packet;
    }
    atomic_fetch_add_explicit(&port->rx_unsupported, 1, memory_order_relaxed);
    rte_pktmbuf_free(packet);
    return NULL;
}

static uint16_t netdev_rx_burst(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    struct netdev *netdev = port->impl;
    struct packet_frame frame;
    uint16_t received = 0;
    bool asked = false;

    while (received < n) {
        if (packet_socket_next(&netdev->socket, &frame)) {
            packets[received] = take_frame(port, netdev, &frame);
            received += packets[received] != NULL;
            continue;
        }
        if (asked || rte_rdtsc() - netdev->empty_at < netdev->idle_cycles)
            break;
        asked = true;
        if (packet_socket_receive(&netdev->socket, n - received) == 0)
            netdev->empty_at = rte_rdtsc();
    }
    return received;
}

/* Readable while there are frames; a burst leaves none behind that it took from there. */
static int netdev_arm(struct port *port, uint16_t rxq)
{
    const struct netdev *netdev = port->impl;

    return netdev->socket.fd;
}

static void netdev_disarm(struct port *port, uint16_t rxq)
{
}

static uint16_t netdev_tx_burst(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    struct netdev *netdev = port->impl;
    uint16_t sent = 0;

    while (sent < n) {
        int result = packet_socket_send(&netdev->socket, packets + sent, n - sent);

        if (result > 0) {
            sent += (uint16_t)result;
            continue;
        }
        if (result == -EAGAIN || result == -ENOBUFS || result == -ENETDOWN || result == -ENXIO || result == -ENODEV)
            break;
        /* This frame is refused for good, such as one beyond the MTU; the others need not suffer. */
        atomic_fetch_add_explicit(&netdev->tx_errors, 1, memory_order_relaxed);
        sent++;
    }
    rte_pktmbuf_free_bulk(packets, sent);
    return sent;
}

static int fail(const struct port_config *config, int result, char **error)
{
    err_set(error, "could not open network device %s (%s)", config->name, strerror(-result));
    return result;
}

/* The MTU of a device that is not ours is set only when asked for. */
static int apply(struct netdev *netdev, const struct port_config *config, char **error)
{
    struct kernel_link link;
    uint16_t mtu = 0;
    int result = port_config_mtu(config, &mtu, error);

    if (result != 0 || mtu == 0)
        return result;
    result = kernel_link_get(netdev->control_fd, netdev->name, &link);
    if (result == 0 && link.mtu != mtu)
        result = kernel_link_set_mtu(netdev->control_fd, netdev->name, mtu);
    if (result != 0)
        err_set(error, "failed to set MTU for network device %s: %s", config->name, strerror(-result));
    return result;
}

static int bind_device(struct netdev *netdev, const struct port_config *config, char **error)
{
    struct kernel_link link;
    int result = kernel_link_get(netdev->control_fd, netdev->name, &link);

    if (result != 0)
        return fail(config, result, error);
    netdev->ifindex = link.ifindex;
    result = apply(netdev, config, error);
    if (result != 0)
        return result;
    result = kernel_link_set_up(netdev->control_fd, netdev->name);
    if (result == 0)
        result = packet_socket_open(&netdev->socket, link.ifindex);
    if (result != 0)
        return fail(config, result, error);
    result = kernel_capture_start(link.ifindex);
    if (result != 0) {
        packet_socket_close(&netdev->socket);
        err_set(error, "network device %s cannot be taken from the kernel's own stack (%s)", config->name,
                strerror(-result));
    }
    return result;
}

static int netdev_open(struct port *port, const struct port_config *config, char **error)
{
    struct netdev *netdev;
    int result;

    if (strlen(config->name) >= IFNAMSIZ)
        return fail(config, -ENODEV, error);
    netdev = calloc(1, sizeof *netdev);
    if (netdev == NULL)
        return -ENOMEM;
    snprintf(netdev->name, sizeof netdev->name, "%.*s", IFNAMSIZ - 1, config->name);
    netdev->idle_cycles = rte_get_tsc_hz() / 1000000 * IDLE_MICROSECONDS;
    netdev->pool = packet_pool();
    netdev->control_fd = kernel_link_socket();
    if (netdev->control_fd < 0) {
        result = fail(config, netdev->control_fd, error);
        goto fail_socket;
    }
    result = bind_device(netdev, config, error);
    if (result != 0)
        goto fail_bind;
    port->impl = netdev;
    atomic_store_explicit(&port->pool, netdev->pool, memory_order_relaxed);
    port->n_txq = 1;
    atomic_store_explicit(&port->tx_offloads, config->no_tso ? OFFLOAD_CHECKSUM : KERNEL_TAKES, memory_order_relaxed);
    atomic_store_explicit(&port->n_rxq, 1, memory_order_relaxed);
    atomic_store_explicit(&port->ready, true, memory_order_relaxed);
    return 0;

fail_bind:
    close(netdev->control_fd);
fail_socket:
    free(netdev);
    return result;
}

static void netdev_close(struct port *port)
{
    struct netdev *netdev = port->impl;

    kernel_capture_stop(netdev->ifindex);
    packet_socket_close(&netdev->socket);
    close(netdev->control_fd);
    port->impl = NULL;
    free(netdev);
}

static int netdev_reconfigure(struct port *port, const struct port_config *config, char **error)
{
    struct netdev *netdev = port->impl;
    struct kernel_link link;

    /* Deleted, and perhaps made again under the same name: the socket belongs to the old one. */
    if (kernel_link_get(netdev->control_fd, netdev->name, &link) != 0 || link.ifindex != netdev->ifindex)
        return -EAGAIN;
    return apply(netdev, config, error);
}

static void netdev_get_status(struct port *port, struct port_status *status)
{
    const struct netdev *netdev = port->impl;

    kernel_link_status(netdev->control_fd, netdev->name, status);
}

static void netdev_get_stats(struct port *port, struct port_stats *stats)
{
    struct netdev *netdev = port->impl;

    netdev->rx_missed += packet_socket_missed(&netdev->socket);
    port_stats_add(stats, "rx_missed_errors", netdev->rx_missed);
    port_stats_add(stats, "tx_errors", atomic_load_explicit(&netdev->tx_errors, memory_order_relaxed));
}

const struct port_ops system_ops = {
    .type = "system",
    .open = netdev_open,
    .close = netdev_close,
    .reconfigure = netdev_reconfigure,
    .rx_burst = netdev_rx_burst,
    .tx_burst = netdev_tx_burst,
    .arm = netdev_arm,
    .disarm = netdev_disarm,
    .get_status = netdev_get_status,
    .get_stats = netdev_get_stats,
};

const struct port_ops tap_netdev_ops = {
    .type = "tap",
    .open = netdev_open,
    .close = netdev_close,
    .reconfigure = netdev_reconfigure,
    .rx_burst = netdev_rx_burst,
    .tx_burst = netdev_tx_burst,
    .arm = netdev_arm,
    .disarm = netdev_disarm,
    .get_status = netdev_get_status,
    .get_stats = netdev_get_stats,
};
