// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/packet_demand.h"

/* How much memory a configuration takes, by what it is for. Arithmetic, the same for what there is and for what there
 * might be; it needs EAL and packet_pool_init() for the size of pages only. Control thread. */

struct memory_config {
    uint32_t n_workers;
    uint32_t n_ports; /* those that are DPDK devices included, tunnels not */
    uint32_t n_devices;
    uint32_t n_rxq; /* of each device; so many transmit queues as workers */
    uint32_t n_desc;
    uint32_t mtu;
    bool rings_known; /* 'in_rings' and 'passing' are what devices claimed, and stand for the five numbers above */
    uint32_t in_rings[PACKET_SIZES];
    uint32_t passing[PACKET_SIZES];
    uint32_t n_bridges;
    uint32_t n_macs;  /* FDB entries of each bridge */
    uint32_t n_flows; /* of each worker */
    uint32_t n_sessions;
    uint32_t n_rules;
};

struct memory_item {
    const char *name; /* "packet buffers, 2048 bytes" */
    bool dpdk;        /* from DPDK's memory: hugepages, where there are any */
    uint64_t n;       /* how many */
    uint64_t bytes;   /* together */
};

#define MEMORY_ITEMS_MAX 16
struct memory_demand {
    size_t n;
    struct memory_item items[MEMORY_ITEMS_MAX];
    uint32_t buffers[PACKET_SIZES]; /* by size; 0: no such pool */
    uint64_t dpdk;                  /* sums in bytes */
    uint64_t ordinary;
};
void memory_demand_reckon(const struct memory_config *config, struct memory_demand *demand);

/* What one cached flow takes (IPv6: twice that). */
uint32_t memory_demand_flow_bytes(void);
