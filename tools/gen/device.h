// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "tools/gen/options.h"

/* A DPDK device with one queue each way, and the frames it sends. */
struct device {
    uint16_t port_id;
    bool started;
    struct rte_mempool *rx_pool;
    /* Each buffer holds the frame of this device's direction from the start and nobody else writes to it, so sending
     * one is setting its ports. */
    struct rte_mempool *tx_pool;
};

/* Configures and starts the device that becomes number 'index' (from 0) of the run. 0 or negative errno, with a
 * sentence on standard error; device_close() is right after either. Main thread. */
int device_open(struct device *device, unsigned int index, uint16_t port_id, const struct options *options);
void device_close(struct device *device);
