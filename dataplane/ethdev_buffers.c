// SPDX-License-Identifier: Apache-2.0
#include "dataplane/ethdev_buffers.h"

#include <string.h>

#include <rte_ethdev.h>

/* AF_XDP shares the memory of a pool with the kernel when a queue is set up, by its start and size: the pool must be one
 * piece and stay as it is. Besides the ring it keeps another one filled, for the kernel. */
static bool needs_whole_pool(const struct rte_eth_dev_info *info)
{
    return info->driver_name != NULL && strcmp(info->driver_name, "net_af_xdp") == 0;
}

static uint16_t clip(uint16_t n, const struct rte_eth_desc_lim *limits)
{
    n = limits->nb_max != 0 && n > limits->nb_max ? limits->nb_max : n;
    return n < limits->nb_min ? limits->nb_min : n;
}

int ethdev_buffers_claim(struct ethdev_buffers *buffers, const char *name, const struct rte_eth_dev_info *info,
                         int node, const struct packet_demand_device *demand, char **error)
{
    struct packet_demand_device clipped = *demand;
    int result;

    clipped.n_rxq_desc = clip(demand->n_rxq_desc, &info->rx_desc_lim);
    clipped.n_txq_desc = clip(demand->n_txq_desc, &info->tx_desc_lim);
    packet_demand_of_device(&clipped, &buffers->rx, &buffers->tx);
    buffers->rx.node = buffers->tx.node = node;
    if (needs_whole_pool(info)) {
        buffers->rx.whole = true;
        buffers->rx.size = PACKET_SIZE_ORDINARY; /* a page of the kernel's at most */
        buffers->rx.in_rings *= 2;
        buffers->rx.passing = buffers->tx.passing;
    }
    result = packet_pool_claim(&buffers->tx, name, error);
    if (result != 0)
        return result;
    result = packet_pool_claim(&buffers->rx, name, buffers->rx.size == PACKET_SIZE_JUMBO ? NULL : error);
    if (result != 0 && buffers->rx.size == PACKET_SIZE_JUMBO) {
        buffers->rx.size = PACKET_SIZE_ORDINARY;
        result = packet_pool_claim(&buffers->rx, name, error);
    }
    if (result != 0)
        packet_pool_release(&buffers->tx);
    return result;
}

void ethdev_buffers_release(struct ethdev_buffers *buffers)
{
    packet_pool_release(&buffers->rx);
    packet_pool_release(&buffers->tx);
}
