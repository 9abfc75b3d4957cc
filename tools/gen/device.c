// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/device.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tools/gen/frame.h"

#define POOL_CACHE 256u

struct template
{
    const struct options *options;
    unsigned int direction;
};

static void write_template(struct rte_mempool *pool, void *arg, void *object, unsigned int index)
{
    const struct template *template = arg;
    struct rte_mbuf *frame = object;

    rte_pktmbuf_reset(frame);
    rte_mbuf_refcnt_set(frame, 1);
    frame->data_len = template->options->size;
    frame->pkt_len = template->options->size;
    frame_write(template->options, template->direction, rte_pktmbuf_mtod(frame, uint8_t *));
}

static int make_pools(struct device *device, unsigned int index, const struct options *options)
{
    struct template template = {options, index};
    /* A full ring, what one burst and the pool's cache hold, and as much again. */
    unsigned int n = 2 * (options->descriptors + BURST_SIZE + 2 * POOL_CACHE);
    char name[RTE_MEMPOOL_NAMESIZE];

    snprintf(name, sizeof name, "rx%u", index);
    device->rx_pool = rte_pktmbuf_pool_create(name, n, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    snprintf(name, sizeof name, "tx%u", index);
    device->tx_pool = rte_pktmbuf_pool_create(name, n, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (device->rx_pool == NULL || device->tx_pool == NULL)
        return -rte_errno;
    rte_mempool_obj_iter(device->tx_pool, write_template, &template);
    return 0;
}

static int start(struct device *device, const struct options *options)
{
    struct rte_eth_conf conf = {0};
    uint16_t rx_descriptors = options->descriptors, tx_descriptors = options->descriptors;
    int error = rte_eth_dev_configure(device->port_id, 1, 1, &conf);

    if (error == 0)
        error = rte_eth_dev_adjust_nb_rx_tx_desc(device->port_id, &rx_descriptors, &tx_descriptors);
    if (error == 0)
        error = rte_eth_rx_queue_setup(device->port_id, 0, rx_descriptors, SOCKET_ID_ANY, NULL, device->rx_pool);
    if (error == 0)
        error = rte_eth_tx_queue_setup(device->port_id, 0, tx_descriptors, SOCKET_ID_ANY, NULL);
    if (error == 0)
        error = rte_eth_dev_start(device->port_id);
    if (error == 0) {
        device->started = true;
        /* Not every driver has it, and those without do not filter. */
        rte_eth_promiscuous_enable(device->port_id);
    }
    return error;
}

int device_open(struct device *device, unsigned int index, uint16_t port_id, const struct options *options)
{
    int error;

    *device = (struct device){.port_id = port_id};
    error = make_pools(device, index, options);
    if (error == 0)
        error = start(device, options);
    if (error != 0)
        fprintf(stderr, "sluice-gen: device %u cannot be started: %s\n", port_id, rte_strerror(-error));
    return error;
}

void device_close(struct device *device)
{
    if (device->started)
        rte_eth_dev_stop(device->port_id);
    rte_eth_dev_close(device->port_id);
    rte_mempool_free(device->rx_pool);
    rte_mempool_free(device->tx_pool);
}
