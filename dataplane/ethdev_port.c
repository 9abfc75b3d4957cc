// SPDX-License-Identifier: Apache-2.0
#include "dataplane/ethdev_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "dataplane/core/err.h"
#include "dataplane/core/offload.h"
#include "dataplane/ethdev_buffers.h"
#include "dataplane/ethdev_device.h"
#include "dataplane/ethdev_tx.h"

#define XSTATS_MAX         64
#define DEVARGS_SIZE       256
#define FOREIGN_BURSTS_MAX 1024 /* more than the driver's ring holds */
#define RSS_TYPES          (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

/* What the options ask for; a change of any needs the device stopped. */
struct ethdev_options {
    uint16_t n_rxq;
    uint16_t n_rxq_desc;
    uint16_t n_txq_desc;
};

struct ethdev {
    uint16_t device; /* DPDK's port id */
    bool attached;   /* by us, so to be removed */
    char devargs[DEVARGS_SIZE];
    struct ethdev_options options;
    unsigned int n_workers;
    struct rte_eth_dev_info info;
    struct ethdev_buffers buffers;
    uint64_t tx_capabilities; /* RTE_ETH_TX_OFFLOAD_*, configured */
    _Atomic uint64_t tx_refused;
    size_t n_xstats; /* the error and drop counters of the driver */
    uint64_t xstat_ids[XSTATS_MAX];
    char xstat_names[XSTATS_MAX][RTE_ETH_XSTATS_NAME_SIZE];
};

static uint16_t ethdev_rx_burst(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    const struct ethdev *ethdev = port->impl;

    return rte_eth_rx_burst(ethdev->device, rxq, packets, n);
}

static uint16_t ethdev_tx_burst(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    struct ethdev *ethdev = port->impl;
    uint64_t flags = 0;
    uint32_t n_refused = 0;
    uint16_t sent;

    for (uint16_t i = 0; i < n; i++)
        flags |= packets[i]->ol_flags;
    if (likely((flags & OFFLOAD_PENDING) == 0))
        return rte_eth_tx_burst(ethdev->device, txq, packets, n);
    sent = ethdev_tx_unfinished(ethdev->device, txq, ethdev->tx_capabilities, packets, n, &n_refused);
    if (unlikely(n_refused != 0))
        atomic_fetch_add_explicit(&ethdev->tx_refused, n_refused, memory_order_relaxed);
    return sent;
}

static int read_number(const struct port_config *config, const char *key, uint16_t max, uint16_t *value, char **error)
{
    const char *text = port_config_option(config, key);
    char *end;
    unsigned long number;

    if (text == NULL)
        return 0;
    number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number < 1 || number > max) {
        err_set(error, "%s: bad '%s' '%s': must be between 1 and %u", config->name, key, text, max);
        return -EINVAL;
    }
    *value = (uint16_t)number;
    return 0;
}

static int read_options(const struct port_config *config, struct ethdev_options *options, char **error)
{
    int result;

    *options = (struct ethdev_options){1, ETHDEV_DESCRIPTORS_DEFAULT, ETHDEV_DESCRIPTORS_DEFAULT};
    result = read_number(config, "n_rxq", PORT_QUEUES_MAX, &options->n_rxq, error);
    if (result == 0)
        result = read_number(config, "n_rxq_desc", ETHDEV_DESCRIPTORS_MAX, &options->n_rxq_desc, error);
    if (result == 0)
        result = read_number(config, "n_txq_desc", ETHDEV_DESCRIPTORS_MAX, &options->n_txq_desc, error);
    if (result == 0 && port_config_option(config, "dpdk-devargs") == NULL) {
        err_set(error, "'%s' is missing 'options:dpdk-devargs'. The old 'dpdk<port_id>' names are not supported",
                config->name);
        result = -EINVAL;
    } else if (result == 0 && strlen(port_config_option(config, "dpdk-devargs")) >= DEVARGS_SIZE) {
        err_set(error, "%s: 'dpdk-devargs' is longer than %d bytes", config->name, DEVARGS_SIZE - 1);
        result = -EINVAL;
    }
    return result;
}

static int set_up_queues(const struct ethdev *ethdev, uint16_t n_rxq, uint16_t n_txq)
{
    int socket = rte_eth_dev_socket_id(ethdev->device);
    uint16_t n_rxq_desc = ethdev->options.n_rxq_desc;
    uint16_t n_txq_desc = ethdev->options.n_txq_desc;
    int result = rte_eth_dev_adjust_nb_rx_tx_desc(ethdev->device, &n_rxq_desc, &n_txq_desc);

    for (uint16_t q = 0; result == 0 && q < n_rxq; q++)
        result =
            rte_eth_rx_queue_setup(ethdev->device, q, n_rxq_desc, (unsigned int)socket, NULL, ethdev->buffers.rx.pool);
    for (uint16_t q = 0; result == 0 && q < n_txq; q++)
        result = rte_eth_tx_queue_setup(ethdev->device, q, n_txq_desc, (unsigned int)socket, NULL);
    return result;
}

static struct rte_eth_conf make_conf(const struct ethdev *ethdev, uint16_t n_rxq, uint16_t mtu)
{
    const struct rte_eth_dev_info *info = &ethdev->info;
    struct rte_eth_conf conf = {.rxmode.mtu = mtu};
    uint32_t room = packet_pool_room(ethdev->buffers.rx.size);

    conf.txmode.offloads = ethdev->tx_capabilities;
    if (mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2u * RTE_VLAN_HLEN > room)
        conf.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
    if (n_rxq > 1) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = RSS_TYPES & info->flow_type_rss_offloads;
    }
    return conf;
}

/* As many queues as are asked for and the device may have, at least one each. */
static void count_queues(const struct ethdev *ethdev, uint16_t *n_rxq, uint16_t *n_txq)
{
    *n_rxq = RTE_MIN(ethdev->options.n_rxq, ethdev->info.max_rx_queues);
    *n_rxq = RTE_MAX(*n_rxq, 1);
    *n_txq = (uint16_t)RTE_MIN(ethdev->n_workers, (unsigned int)PORT_QUEUES_MAX);
    *n_txq = RTE_MIN(*n_txq, ethdev->info.max_tx_queues);
    *n_txq = RTE_MAX(*n_txq, 1);
}

static int claim_buffers(struct ethdev *ethdev, struct port *port, uint16_t mtu, char **error)
{
    struct packet_demand_device demand = {
        .n_rxq_desc = ethdev->options.n_rxq_desc, .n_txq_desc = ethdev->options.n_txq_desc, .mtu = mtu};
    int node = rte_eth_dev_socket_id(ethdev->device);
    int result;

    count_queues(ethdev, &demand.n_rxq, &demand.n_txq);
    result = ethdev_buffers_claim(&ethdev->buffers, port->name, &ethdev->info, node, &demand, error);
    atomic_store_explicit(&port->pool, ethdev->buffers.rx.pool, memory_order_relaxed);
    return result;
}

/* Configures with as many queues as the device will give. */
static int configure(struct ethdev *ethdev, struct port *port, uint16_t mtu)
{
    uint16_t n_rxq, n_txq;
    int result;

    count_queues(ethdev, &n_rxq, &n_txq);
    for (;;) {
        struct rte_eth_conf conf = make_conf(ethdev, n_rxq, mtu);

        result = rte_eth_dev_configure(ethdev->device, n_rxq, n_txq, &conf);
        if (result == 0)
            result = set_up_queues(ethdev, n_rxq, n_txq);
        if (result == 0 || (n_rxq == 1 && n_txq == 1))
            break;
        if (n_txq > 1)
            n_txq /= 2;
        else
            n_rxq /= 2;
    }
    port->n_txq = n_txq;
    atomic_store_explicit(&port->n_rxq, n_rxq, memory_order_relaxed);
    return result;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Remembers which of the driver's own counters tell of trouble. The generic ones have their names of old already. */
static void choose_xstats(struct ethdev *ethdev)
{
    int n = rte_eth_xstats_get_names(ethdev->device, NULL, 0);
    struct rte_eth_xstat_name *names = n > 0 ? calloc((size_t)n, sizeof *names) : NULL;

    ethdev->n_xstats = 0;
    if (names == NULL || rte_eth_xstats_get_names(ethdev->device, names, (unsigned int)n) != n) {
        free(names);
        return;
    }
    for (int i = 0; i < n && ethdev->n_xstats < XSTATS_MAX; i++) {
        const char *name = names[i].name;

        if (!(ends_in(name, "_errors") || ends_in(name, "_dropped") || ends_in(name, "_drops")) ||
            strcmp(name, "rx_missed_errors") == 0 || strcmp(name, "rx_errors") == 0 || strcmp(name, "tx_errors") == 0 ||
            strcmp(name, "rx_mbuf_allocation_errors") == 0)
            continue;
        memcpy(ethdev->xstat_names[ethdev->n_xstats], name, RTE_ETH_XSTATS_NAME_SIZE);
        ethdev->xstat_ids[ethdev->n_xstats++] = (uint64_t)i;
    }
    free(names);
}

/* The driver's sockets receive from every device of the host until they are bound to theirs, so that a switch would take
 * frames of its other ports for frames of this one. */
static void discard_foreign(const struct ethdev *ethdev, struct port *port)
{
    struct rte_mbuf *packets[PORT_BURST];
    uint16_t n_rxq = atomic_load_explicit(&port->n_rxq, memory_order_relaxed);

    for (uint16_t q = 0; q < n_rxq; q++) {
        uint16_t n = PORT_BURST;

        for (unsigned int bursts = 0; n == PORT_BURST && bursts < FOREIGN_BURSTS_MAX; bursts++) {
            n = rte_eth_rx_burst(ethdev->device, q, packets, PORT_BURST);
            rte_pktmbuf_free_bulk(packets, n);
        }
    }
}

static int start(struct ethdev *ethdev, struct port *port, const struct port_config *config, char **error)
{
    uint16_t mtu = PORT_MTU_DEFAULT;
    int result = port_config_mtu(config, &mtu, error);

    if (result == 0 && config->mtu != 0 && ethdev->info.max_mtu != 0 && mtu > ethdev->info.max_mtu) {
        err_set(error, "%s: unsupported MTU %u: the device takes up to %u", config->name, mtu, ethdev->info.max_mtu);
        result = -EINVAL;
    }
    if (result == 0)
        result = claim_buffers(ethdev, port, mtu, error);
    if (result != 0)
        return result;
    ethdev->tx_capabilities = ethdev_tx_capabilities(&ethdev->info, config->no_tso);
    result = configure(ethdev, port, mtu);
    if (result == 0)
        result = rte_eth_dev_start(ethdev->device);
    if (result != 0) {
        err_set(error, "could not start device '%s' (%s)", ethdev->devargs, rte_strerror(-result));
        return result;
    }
    /* Not every virtual device has these modes; those see all frames anyway. */
    rte_eth_promiscuous_enable(ethdev->device);
    rte_eth_allmulticast_enable(ethdev->device);
    choose_xstats(ethdev);
    if (strcmp(ethdev->info.driver_name, "net_af_packet") == 0)
        discard_foreign(ethdev, port);
    atomic_store_explicit(&port->tx_offloads, ethdev_tx_offloads(&ethdev->info, ethdev->tx_capabilities),
                          memory_order_relaxed);
    return 0;
}

static int ethdev_open(struct port *port, const struct port_config *config, char **error)
{
    struct ethdev *ethdev = calloc(1, sizeof *ethdev);
    int result;

    if (ethdev == NULL)
        return -ENOMEM;
    result = read_options(config, &ethdev->options, error);
    if (result != 0)
        goto fail_options;
    ethdev->n_workers = config->n_workers;
    snprintf(ethdev->devargs, sizeof ethdev->devargs, "%s", port_config_option(config, "dpdk-devargs"));
    result = ethdev_device_take(ethdev->devargs, config->name, &ethdev->device, &ethdev->attached, error);
    if (result != 0)
        goto fail_options;
    result = rte_eth_dev_info_get(ethdev->device, &ethdev->info);
    if (result != 0)
        err_set(error, "could not query device '%s' (%s)", ethdev->devargs, rte_strerror(-result));
    else
        result = start(ethdev, port, config, error);
    if (result != 0)
        goto fail_start;
    port->impl = ethdev;
    atomic_store_explicit(&port->ready, true, memory_order_relaxed);
    return 0;

fail_start:
    ethdev_device_release(ethdev->device, ethdev->attached);
    ethdev_buffers_release(&ethdev->buffers);
fail_options:
    free(ethdev);
    return result;
}

static void ethdev_close(struct port *port)
{
    struct ethdev *ethdev = port->impl;

    rte_eth_dev_stop(ethdev->device);
    ethdev_device_release(ethdev->device, ethdev->attached);
    ethdev_buffers_release(&ethdev->buffers);
    port->impl = NULL;
    free(ethdev);
}

static int ethdev_reconfigure(struct port *port, const struct port_config *config, char **error)
{
    struct ethdev *ethdev = port->impl;
    struct ethdev_options options;
    uint16_t mtu = PORT_MTU_DEFAULT, current;
    int result = read_options(config, &options, error);

    if (result == 0)
        result = port_config_mtu(config, &mtu, error);
    if (result != 0)
        return result;
    if (memcmp(&options, &ethdev->options, sizeof options) != 0 || config->n_workers != ethdev->n_workers ||
        strcmp(port_config_option(config, "dpdk-devargs"), ethdev->devargs) != 0)
        return -EAGAIN;
    if (rte_eth_dev_get_mtu(ethdev->device, &current) != 0 || current == mtu)
        return 0;
    if (ethdev->info.max_mtu != 0 && mtu > ethdev->info.max_mtu) {
        err_set(error, "%s: unsupported MTU %u: the device takes up to %u", config->name, mtu, ethdev->info.max_mtu);
        return -EINVAL;
    }
    /* Buffers and chaining depend on it, and many drivers want to be stopped for it. */
    return -EAGAIN;
}

/* "10Gbps" */
static void add_link_speed(struct port_status *status, uint32_t mbps)
{
    if (mbps == RTE_ETH_SPEED_NUM_NONE || mbps == RTE_ETH_SPEED_NUM_UNKNOWN)
        port_status_add(status, "link_speed", "Not Defined");
    else if (mbps < 1000)
        port_status_add(status, "link_speed", "%uMbps", mbps);
    else
        port_status_add(status, "link_speed", "%gGbps", mbps / 1000.0);
}

static void add_device(struct port_status *status, const struct ethdev *ethdev)
{
    const struct rte_eth_dev_info *info = &ethdev->info;
    const char *bus_info = rte_dev_bus_info(info->device);
    const char *bus_name = rte_bus_name(rte_dev_bus(info->device));

    port_status_add(status, "port_no", "%u", ethdev->device);
    port_status_add(status, "numa_id", "%d", rte_eth_dev_socket_id(ethdev->device));
    port_status_add(status, "driver_name", "%s", info->driver_name);
    port_status_add(status, "min_rx_bufsize", "%u", info->min_rx_bufsize);
    port_status_add(status, "max_rx_pktlen", "%u", info->max_rx_pktlen);
    port_status_add(status, "max_rx_queues", "%u", info->max_rx_queues);
    port_status_add(status, "max_tx_queues", "%u", info->max_tx_queues);
    port_status_add(status, "max_mac_addrs", "%u", info->max_mac_addrs);
    port_status_add(status, "max_hash_mac_addrs", "%u", info->max_hash_mac_addrs);
    port_status_add(status, "max_vfs", "%u", info->max_vfs);
    port_status_add(status, "max_vmdq_pools", "%u", info->max_vmdq_pools);
    port_status_add(status, "n_rxq_desc", "%u", ethdev->options.n_rxq_desc);
    port_status_add(status, "n_txq_desc", "%u", ethdev->options.n_txq_desc);
    port_status_add(status, "if_type", "6"); /* ethernetCsmacd, RFC 2863 */
    port_status_add(status, "if_descr", "%s %s", rte_version(), info->driver_name);
    if (bus_info != NULL && bus_info[0] != '\0')
        port_status_add(status, "bus_info", "bus_name=%s, %s", bus_name, bus_info);
    else
        port_status_add(status, "bus_info", "bus_name=%s", bus_name);
}

/* DPDK devices have no index of the kernel; readers of the database still want one that stays: 24 bits of FNV-1a. */
static uint32_t index_of_name(const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return (hash ^ hash >> 24) & 0xffffff;
}

static void ethdev_get_status(struct port *port, struct port_status *status)
{
    const struct ethdev *ethdev = port->impl;
    struct rte_ether_addr mac = {0};
    struct rte_eth_link link = {0};

    if (rte_eth_link_get_nowait(ethdev->device, &link) == 0) {
        status->link_up = link.link_status == RTE_ETH_LINK_UP;
        status->full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
        if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
            status->link_speed = (uint64_t)link.link_speed * 1000 * 1000;
    }
    status->admin_up = true;
    rte_eth_macaddr_get(ethdev->device, &mac);
    memcpy(status->mac.bytes, mac.addr_bytes, sizeof status->mac.bytes);
    rte_eth_dev_get_mtu(ethdev->device, &status->mtu);
    status->ifindex = index_of_name(port->name);
    add_device(status, ethdev);
    add_link_speed(status, link.link_speed);
    port_status_add(status, "n_rxq", "%u", atomic_load_explicit(&port->n_rxq, memory_order_relaxed));
    port_status_add(status, "n_txq", "%u", port->n_txq);
}

static void ethdev_get_stats(struct port *port, struct port_stats *stats)
{
    struct ethdev *ethdev = port->impl;
    struct rte_eth_stats counters;
    uint64_t values[XSTATS_MAX];

    if (rte_eth_stats_get(ethdev->device, &counters) == 0) {
        port_stats_add(stats, "rx_missed_errors", counters.imissed);
        port_stats_add(stats, "rx_errors", counters.ierrors);
        port_stats_add(stats, "tx_errors",
                       counters.oerrors + atomic_load_explicit(&ethdev->tx_refused, memory_order_relaxed));
        port_stats_add(stats, "rx_mbuf_allocation_errors", counters.rx_nombuf);
    }
    if (ethdev->n_xstats == 0 || rte_eth_xstats_get_by_id(ethdev->device, ethdev->xstat_ids, values,
                                                          (unsigned int)ethdev->n_xstats) != (int)ethdev->n_xstats)
        return;
    for (size_t i = 0; i < ethdev->n_xstats; i++)
        port_stats_add(stats, ethdev->xstat_names[i], values[i]);
}

const struct port_ops ethdev_ops = {
    .type = "dpdk",
    .open = ethdev_open,
    .close = ethdev_close,
    .reconfigure = ethdev_reconfigure,
    .rx_burst = ethdev_rx_burst,
    .tx_burst = ethdev_tx_burst,
    .get_status = ethdev_get_status,
    .get_stats = ethdev_get_stats,
};
