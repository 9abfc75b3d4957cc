// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "dataplane/core/packet_pool.h"

/* How many packet buffers a configuration needs: who can hold how many at one time. Arithmetic only; what is there now and
 * what a configuration would need are reckoned by the same functions.
 *
 *   who                     holds
 *   worker                  its cache, a batch, fragments that wait for their first one
 *   worker, for each port   what gathers to be sent in one burst
 *   receive queue (dpdk)    its descriptors, all the time
 *   transmit queue (dpdk)   its descriptors: a device keeps what it has sent until it needs the descriptor again
 *   tap, internal           the largest frame, in spare buffers
 *   vhost-user, system      nothing: frames are copied
 */

/* What workers hold of a pool of that size, and a reserve on top. Few packets are in jumbo buffers at one time, and they
 * are large: there each worker's cache and a batch are reckoned. */
#define PACKET_DEMAND_RESERVE 4096u
uint32_t packet_demand_of_workers(enum packet_size size, uint32_t n_workers, uint32_t n_ports);

/* A device with so many queues and descriptors for each, as claims on two pools: in rings that are filled ('rx', of the
 * size that the MTU wants), and on their way out ('tx', of ordinary size). 'node' and 'whole' are the caller's. */
struct packet_demand_device {
    uint16_t n_rxq;
    uint16_t n_rxq_desc;
    uint16_t n_txq;
    uint16_t n_txq_desc;
    uint16_t mtu;
};
void packet_demand_of_device(const struct packet_demand_device *device, struct packet_claim *rx,
                             struct packet_claim *tx);
