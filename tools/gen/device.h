// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "tools/gen/frame.h"
#include "tools/gen/imix.h"
#include "tools/gen/options.h"

/* A DPDK device with one queue each way, and the frames it sends. */
struct device {
    uint16_t port_id;
    uint16_t guest; /* that is behind it: its number among the options' addresses */
    bool started;
    struct rte_mempool *rx_pool;
    /* What all frames sent here have in common; the size is that of the largest. */
    struct frame_layout layout;
    /* By size. Each buffer holds the frame of this device's direction from the start and nobody else writes to it, so
     * sending one is setting its ports. */
    struct rte_mempool *tx_pools[IMIX_SIZES];
    /* The same for frames with a latency stamp, which stays in the buffer and so must not get into others; NULL when none
     * are sent. */
    struct rte_mempool *stamp_pools[IMIX_SIZES];
    struct rte_mempool *payload_pool; /* of large frames; NULL when none are sent */
};

/* Configures and starts the device of guest number 'guest' of the run. 0 or negative errno, with a sentence on standard
 * error; device_close() is right after either. Main thread. */
int device_open(struct device *device, uint16_t guest, uint16_t port_id, const struct options *options);
void device_close(struct device *device);
