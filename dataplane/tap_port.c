// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tap_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/core/err.h"
#include "dataplane/core/offload.h"
#include "dataplane/core/packet_pool.h"
#include "dataplane/frame_buffers.h"
#include "dataplane/kernel_link.h"
#include "dataplane/netdev_port.h"

/* A read of an empty tap costs about as much as forwarding ten packets, so one that came back empty is not repeated
 * for this long. Traffic of a tap takes system calls anyway; 50 us do not show in its latency. */
#define IDLE_MICROSECONDS 50

#define FRAME_MAX     (UINT16_MAX + 22) /* before it is cut; Ethernet header and two tags */
#define FRAME_CUT_MAX (PORT_MTU_MAX + 22)

/* To us, and from us. */
#define KERNEL_LEAVES (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define KERNEL_TAKES  (OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_ECN)

struct tap {
    /* The worker that polls. */
    int fd;
    uint64_t idle_cycles;
    uint64_t empty_at; /* TSC of the last read that found nothing */
    struct frame_spares spares;

    /* The worker that sends. */
    _Atomic uint64_t tx_errors;

    /* Control side. */
    int control_fd;
    char name[IFNAMSIZ];
};

/* Without buffers the next frame is lost: it is read for nothing but to be rid of it, which takes room for its header.
 * False when there is none. */
static bool lose_frame(struct port *port, const struct tap *tap)
{
    struct virtio_net_hdr header;

    if (read(tap->fd, &header, sizeof header) <= 0)
        return false;
    atomic_fetch_add_explicit(&port->rx_no_buffer, 1, memory_order_relaxed);
    return true;
}

/* One frame and its virtio-net header. Returns the bytes of both, or less than a header's when there is none. */
static ssize_t read_frame(struct tap *tap, struct virtio_net_hdr *header)
{
    struct iovec pieces[1 + FRAME_SPARES_MAX] = {{.iov_base = header, .iov_len = sizeof *header}};

    memcpy(pieces + 1, tap->spares.pieces, tap->spares.n * sizeof pieces[0]);
    return readv(tap->fd, pieces, (int)(1 + tap->spares.n));
}

static uint16_t tap_rx_burst(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    struct tap *tap = port->impl;
    uint16_t received = 0, lost = 0;

    if (rte_rdtsc() - tap->empty_at < tap->idle_cycles)
        return 0;
    while (received + lost < n) {
        struct virtio_net_hdr header;
        struct rte_mbuf *packet;
        ssize_t len;

        if (!frame_spares_fill(&tap->spares)) {
            if (!lose_frame(port, tap))
                break;
            lost++;
            continue;
        }
        len = read_frame(tap, &header);
        if (len <= (ssize_t)sizeof header) {
            if (received == 0)
                tap->empty_at = rte_rdtsc();
            break;
        }
        packet = frame_spares_take(&tap->spares, (uint32_t)len - (uint32_t)sizeof header);
        if ((header.flags | header.gso_type) != 0 && offload_from_virtio(packet, &header) != 0) {
            atomic_fetch_add_explicit(&port->rx_unsupported, 1, memory_order_relaxed);
            rte_pktmbuf_free(packet);
            continue;
        }
        packets[received++] = packet;
    }
    return received;
}

/* Readable while there are frames, so nothing needs to be asked for or taken back. */
static int tap_arm(struct port *port, uint16_t rxq)
{
    const struct tap *tap = port->impl;

    return tap->fd;
}

static void tap_disarm(struct port *port, uint16_t rxq)
{
}

static uint16_t tap_tx_burst(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    struct tap *tap = port->impl;
    struct virtio_net_hdr header;
    struct iovec pieces[1 + FRAME_SEGMENTS_MAX] = {{.iov_base = &header, .iov_len = sizeof header}};
    uint16_t sent = 0;

    for (; sent < n; sent++) {
        unsigned int n_pieces = frame_to_pieces(packets[sent], pieces + 1, FRAME_SEGMENTS_MAX);

        offload_to_virtio(packets[sent], &header);
        if (n_pieces != 0 && writev(tap->fd, pieces, (int)(1 + n_pieces)) >= 0)
            continue;
        if (n_pieces != 0 && (errno == EAGAIN || errno == ENOBUFS))
            break;
        /* Refused for good, such as while the host has set the device down. */
        atomic_fetch_add_explicit(&tap->tx_errors, 1, memory_order_relaxed);
    }
    rte_pktmbuf_free_bulk(packets, sent);
    return sent;
}

static int fail(const struct port_config *config, int result, char **error)
{
    err_set(error, "could not open network device %s (%s)", config->name, strerror(-result));
    return result;
}

static int create(struct tap *tap, unsigned int leaves)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int header_len = sizeof(struct virtio_net_hdr);
    int result = 0;

    tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap->fd < 0)
        return -errno;
    memcpy(request.ifr_name, tap->name, sizeof request.ifr_name);
    if (ioctl(tap->fd, TUNSETIFF, &request) != 0)
        result = -errno;
    else if (strcmp(request.ifr_name, tap->name) != 0) /* the kernel takes "%d" in a name for a pattern */
        result = -EINVAL;
    else if (ioctl(tap->fd, TUNSETVNETHDRSZ, &header_len) != 0 || ioctl(tap->fd, TUNSETOFFLOAD, leaves) != 0)
        result = -errno;
    if (result != 0)
        close(tap->fd);
    return result;
}

/* Settings that may change while the port lives; those that are not asked for stay. */
static int apply(struct tap *tap, const struct port_config *config, char **error)
{
    struct kernel_link link;
    uint16_t mtu = 0;
    int result = port_config_mtu(config, &mtu, error);

    if (result != 0)
        return result;
    result = kernel_link_get(tap->control_fd, tap->name, &link);
    if (result != 0)
        return fail(config, result, error);
    if (config->has_mac && !mac_addr_equal(&link.mac, &config->mac)) {
        result = kernel_link_set_mac(tap->control_fd, tap->name, &config->mac);
        if (result != 0) {
            err_set(error, "failed to set MAC address of %s (%s)", config->name, strerror(-result));
            return result;
        }
    }
    if (mtu != 0 && mtu != link.mtu) {
        result = kernel_link_set_mtu(tap->control_fd, tap->name, mtu);
        if (result != 0)
            err_set(error, "failed to set MTU for network device %s: %s", config->name, strerror(-result));
    }
    return result;
}

static int tap_open(struct port *port, const struct port_config *config, char **error)
{
    struct tap *tap;
    int result;

    if (strlen(config->name) >= IFNAMSIZ)
        return fail(config, -ENAMETOOLONG, error);
    tap = calloc(1, sizeof *tap);
    if (tap == NULL)
        return -ENOMEM;
    snprintf(tap->name, sizeof tap->name, "%.*s", IFNAMSIZ - 1, config->name);
    tap->idle_cycles = rte_get_tsc_hz() / 1000000 * IDLE_MICROSECONDS;
    tap->control_fd = kernel_link_socket();
    if (tap->control_fd < 0) {
        result = fail(config, tap->control_fd, error);
        goto fail_socket;
    }
    result = create(tap, config->no_tso ? TUN_F_CSUM : KERNEL_LEAVES);
    if (result != 0) {
        fail(config, result, error);
        goto fail_create;
    }
    kernel_link_announce_changes(tap->name);
    result = apply(tap, config, error);
    if (result != 0)
        goto fail_apply;
    result = kernel_link_set_up(tap->control_fd, tap->name);
    if (result != 0) {
        fail(config, result, error);
        goto fail_apply;
    }
    frame_spares_init(&tap->spares, packet_pool(), config->no_tso ? FRAME_CUT_MAX : FRAME_MAX);
    atomic_store_explicit(&port->pool, packet_pool(), memory_order_relaxed);
    port->impl = tap;
    port->n_txq = 1;
    atomic_store_explicit(&port->tx_offloads, config->no_tso ? OFFLOAD_CHECKSUM : KERNEL_TAKES, memory_order_relaxed);
    atomic_store_explicit(&port->n_rxq, 1, memory_order_relaxed);
    atomic_store_explicit(&port->ready, true, memory_order_relaxed);
    return 0;

fail_apply:
    close(tap->fd);
fail_create:
    close(tap->control_fd);
fail_socket:
    free(tap);
    return result;
}

static int tap_or_netdev_open(struct port *port, const struct port_config *config, char **error)
{
    if (!kernel_link_exists(config->name))
        return tap_open(port, config, error);
    port->ops = &tap_netdev_ops;
    return port->ops->open(port, config, error);
}

static void tap_close(struct port *port)
{
    struct tap *tap = port->impl;

    frame_spares_free(&tap->spares);
    close(tap->fd);
    close(tap->control_fd);
    port->impl = NULL;
    free(tap);
}

static int tap_reconfigure(struct port *port, const struct port_config *config, char **error)
{
    return apply(port->impl, config, error);
}

static void tap_get_status(struct port *port, struct port_status *status)
{
    const struct tap *tap = port->impl;

    kernel_link_status(tap->control_fd, tap->name, status);
}

static void tap_get_stats(struct port *port, struct port_stats *stats)
{
    struct tap *tap = port->impl;

    port_stats_add(stats, "tx_errors", atomic_load_explicit(&tap->tx_errors, memory_order_relaxed));
}

const struct port_ops internal_ops = {
    .type = "internal",
    .open = tap_open,
    .close = tap_close,
    .reconfigure = tap_reconfigure,
    .rx_burst = tap_rx_burst,
    .tx_burst = tap_tx_burst,
    .arm = tap_arm,
    .disarm = tap_disarm,
    .get_status = tap_get_status,
    .get_stats = tap_get_stats,
};

const struct port_ops tap_ops = {
    .type = "tap",
    .open = tap_or_netdev_open,
    .close = tap_close,
    .reconfigure = tap_reconfigure,
    .rx_burst = tap_rx_burst,
    .tx_burst = tap_tx_burst,
    .arm = tap_arm,
    .disarm = tap_disarm,
    .get_status = tap_get_status,
    .get_stats = tap_get_stats,
};
