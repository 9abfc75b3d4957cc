// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "dataplane/core/packet_pool.h"
#include "dataplane/packet_demand.h"

struct rte_eth_dev_info;

/* The packet buffers of one DPDK device: what its queues may hold is claimed before they are set up. Control or builder
 * thread. */
struct ethdev_buffers {
    struct packet_claim rx;
    struct packet_claim tx;
};

/* For the device on 'node' that is called 'name' in errors. Buffers that hold a whole frame where they can be had, else
 * ordinary ones, of which a frame takes several. 0 or negative errno with '*error'; then nothing is claimed. */
int ethdev_buffers_claim(struct ethdev_buffers *buffers, const char *name, const struct rte_eth_dev_info *info,
                         int node, const struct packet_demand_device *demand, char **error);
void ethdev_buffers_release(struct ethdev_buffers *buffers);
