// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_eth_dev_info;
struct rte_mbuf;

/* What DPDK devices finish of packets that their senders left undone (core/offload.h). */

/* The RTE_ETH_TX_OFFLOAD_* to configure a device with, of those that it has. Control or builder thread. */
uint64_t ethdev_tx_capabilities(const struct rte_eth_dev_info *info, bool no_tso);

/* The OFFLOAD_* bits of the device when it is configured so. TSO is taken only of devices that also sum and send chains; tunnels only of
 * those that sum the outer IP header of each segment; CWR never, as no device says whether it knows about it. */
uint32_t ethdev_tx_offloads(const struct rte_eth_dev_info *info, uint64_t capabilities);

/* Sends packets of which some are pending. Those that the driver refuses for good are freed and added to '*n_refused';
 * else as rte_eth_tx_burst(). Worker. */
uint16_t ethdev_tx_unfinished(uint16_t device, uint16_t txq, uint64_t capabilities, struct rte_mbuf **packets,
                              uint16_t n, uint32_t *n_refused);
