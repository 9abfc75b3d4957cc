// SPDX-License-Identifier: Apache-2.0
#include "dataplane/memory_demand.h"

#include <string.h>

#include <rte_common.h>

#include "acl/conntrack.h"
#include "dataplane/fdb.h"
#include "dataplane/rule_counters.h"
#include "dataplane/worker.h"

/* Measured: what compiled policies take for each rule, at most (docs/classifier.md). */
#define POLICY_BYTES_PER_RULE 100u

static void put(struct memory_demand *demand, const char *name, bool dpdk, uint64_t n, uint64_t bytes)
{
    demand->items[demand->n++] = (struct memory_item){.name = name, .dpdk = dpdk, .n = n, .bytes = bytes};
    if (dpdk)
        demand->dpdk += bytes;
    else
        demand->ordinary += bytes;
}

/* What devices claim, by the size of buffer. */
static void count_claims(const struct memory_config *config, uint64_t counts[PACKET_SIZES])
{
    struct packet_demand_device device = {
        .n_rxq = (uint16_t)config->n_rxq,
        .n_rxq_desc = (uint16_t)config->n_desc,
        .n_txq = (uint16_t)(config->n_workers < PORT_QUEUES_MAX ? config->n_workers : PORT_QUEUES_MAX),
        .n_txq_desc = (uint16_t)config->n_desc,
        .mtu = (uint16_t)config->mtu,
    };
    struct packet_claim rx, tx;

    if (config->rings_known) {
        for (int size = 0; size < PACKET_SIZES; size++)
            counts[size] = (uint64_t)config->in_rings[size] + config->passing[size];
        return;
    }
    packet_demand_of_device(&device, &rx, &tx);
    counts[tx.size] += (uint64_t)config->n_devices * tx.passing;
    counts[rx.size] += (uint64_t)config->n_devices * rx.in_rings;
}

/* Buffers by size, as claims and workers together make pools have them. */
static void count_buffers(const struct memory_config *config, uint32_t buffers[PACKET_SIZES])
{
    uint64_t counts[PACKET_SIZES] = {0};

    count_claims(config, counts);
    for (enum packet_size size = 0; size < PACKET_SIZES; size++) {
        uint64_t n = counts[size] + packet_demand_of_workers(size, config->n_workers, config->n_ports);

        if (size == PACKET_SIZE_ORDINARY)
            n = RTE_MAX(n, (uint64_t)PACKET_POOL_CHUNK); /* it begins with as many */
        else if (counts[size] == 0)
            n = 0;
        buffers[size] = (uint32_t)RTE_MIN(n, (uint64_t)UINT32_MAX);
    }
}

static void put_buffers(const struct memory_config *config, struct memory_demand *demand)
{
    static const char *const names[PACKET_SIZES] = {
        [PACKET_SIZE_ORDINARY] = "packet buffers, 2048 bytes",
        [PACKET_SIZE_JUMBO] = "packet buffers, 10240 bytes",
    };
    uint64_t n_pools = 0;

    count_buffers(config, demand->buffers);
    for (int size = 0; size < PACKET_SIZES; size++) {
        uint32_t n = demand->buffers[size];

        if (n == 0)
            continue;
        n_pools++;
        put(demand, names[size], true, n, packet_pool_bytes((enum packet_size)size, n));
    }
    put(demand, "pools of packet buffers", true, n_pools, n_pools * packet_pool_overhead());
}

void memory_demand_reckon(const struct memory_config *config, struct memory_demand *demand)
{
    struct conntrack_config sessions = {.capacity = config->n_sessions, .n_workers = WORKERS_MAX};
    uint64_t n_workers = config->n_workers, n_ports = config->n_ports;
    uint64_t flow_lines = rte_align32pow2(RTE_MAX(config->n_flows, FLOW_SET_LINES));

    memset(demand, 0, sizeof *demand);
    put_buffers(config, demand);
    put(demand, "flow cache lines", false, n_workers * flow_lines,
        n_workers *
            (flow_lines * memory_demand_flow_bytes() + flow_lines / FLOW_SET_LINES + PORTS_MAX * sizeof(uint32_t)));
    put(demand, "sessions", false, config->n_sessions, conntrack_bytes(&sessions));
    put(demand, "rules, their counters", false, config->n_rules,
        rule_counters_bytes(config->n_workers, config->n_rules));
    put(demand, "rules, compiled (estimate)", false, config->n_rules,
        (uint64_t)config->n_rules * POLICY_BYTES_PER_RULE);
    put(demand, "workers", false, n_workers,
        n_workers * (sizeof(struct worker) + (uint64_t)OUTPUT_POOL_SIZE * sizeof(struct output)));
    put(demand, "ports, transmit buffers", false, n_ports * n_workers, n_ports * n_workers * sizeof(struct tx_buffer));
    put(demand, "ports, their counters", false, n_ports,
        n_ports * (sizeof(struct port) + WORKERS_MAX * sizeof(struct port_counters)));
    put(demand, "bridges, MAC addresses", false, config->n_bridges, config->n_bridges * fdb_bytes(config->n_macs));
}

uint32_t memory_demand_flow_bytes(void)
{
    return (uint32_t)(sizeof(struct flow_entry) + sizeof(struct flow_tally));
}
