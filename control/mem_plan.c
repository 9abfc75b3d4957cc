// SPDX-License-Identifier: Apache-2.0
#include "control/mem_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "control/hugepages.h"

#define MIB (1024u * 1024u)

/* The 'node'th number of "1024,0", in bytes. */
static uint64_t limit_of(const char *text, int node)
{
    for (int i = 0; text != NULL && i < node; i++) {
        text = strchr(text, ',');
        text = text != NULL ? text + 1 : NULL;
    }
    return text != NULL ? strtoull(text, NULL, 10) * MIB : 0;
}

static uint64_t available_bytes(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    unsigned long long kib = 0;
    char line[128];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    return (uint64_t)kib * 1024;
}

static uint64_t bytes_of_pools(int node)
{
    struct packet_pool_state pool;
    uint64_t bytes = 0;

    for (unsigned int i = 0; packet_pool_get(i, &pool); i++) {
        if (pool.node == node)
            bytes += pool.bytes + packet_pool_overhead();
    }
    return bytes;
}

void mem_room_read(struct mem_room *room, const char *socket_limit)
{
    struct hugepages sizes[HUGEPAGES_SIZES_MAX];
    struct rte_malloc_socket_stats heap = {0};
    struct packet_pool_state first = {0};
    uint64_t pools;
    size_t n;

    memset(room, 0, sizeof *room);
    packet_pool_get(0, &first);
    room->node = first.node;
    room->single_node = rte_socket_count() == 1;
    room->huge = rte_eal_has_hugepages();
    room->buffers_most = first.n_most;
    room->dpdk_limit = limit_of(socket_limit, room->node);
    room->ordinary_bytes = available_bytes();
    n = hugepages_read(room->node, sizes);
    for (size_t i = 0; i < n; i++)
        room->free_bytes += (uint64_t)sizes[i].free * sizes[i].page_kib * 1024;
    room->page_kib = n > 0 ? sizes[0].page_kib : 2048;
    room->pages = n > 0 ? sizes[0].total : 0;
    room->pages_free = n > 0 ? sizes[0].free : 0;
    if (rte_malloc_get_socket_stats(room->node, &heap) != 0)
        return;
    pools = bytes_of_pools(room->node);
    room->dpdk_bytes = heap.heap_totalsz_bytes;
    room->dpdk_others = heap.heap_allocsz_bytes > pools ? heap.heap_allocsz_bytes - pools : 0;
}

static uint64_t mib(uint64_t bytes)
{
    return (bytes + MIB - 1) / MIB;
}

uint64_t mem_plan_socket_mem(const struct memory_demand *demand, const struct mem_room *room)
{
    return mib(demand->dpdk + room->dpdk_others);
}

static bool judge_dpdk(const struct memory_demand *demand, const struct mem_room *room, struct ds *out)
{
    uint64_t needed = demand->dpdk + room->dpdk_others;
    uint64_t there = room->dpdk_bytes + (room->huge ? room->free_bytes : 0);
    uint64_t page = (uint64_t)room->page_kib * 1024;
    uint64_t pages;

    if (needed <= there)
        return true;
    if (!room->huge) {
        ds_put_format(out,
                      "verdict: needs %" PRIu64 " MiB more of DPDK's memory, which is ordinary memory: set "
                      "other_config:dpdk-alloc-mem=%" PRIu64 " (better: hugepages), and start again\n",
                      mib(needed - there), mib(needed));
        return false;
    }
    pages = (needed - there + page - 1) / page;
    ds_put_format(out, "verdict: needs %" PRIu64 " more hugepages of %lu MiB on NUMA node %d: ", pages,
                  room->page_kib / 1024, room->node);
    if (room->single_node && room->page_kib == 2048)
        ds_put_format(out, "sysctl vm.nr_hugepages=%" PRIu64 "\n", room->pages + pages);
    else
        ds_put_format(out,
                      "echo %" PRIu64 " > /sys/devices/system/node/node%d/hugepages/hugepages-%lukB/nr_hugepages\n",
                      room->pages + pages, room->node, room->page_kib);
    return false;
}

static bool judge_limits(const struct memory_demand *demand, const struct mem_room *room, struct ds *out)
{
    uint64_t needed = demand->dpdk + room->dpdk_others;
    uint32_t most = 0;

    for (int size = 0; size < PACKET_SIZES; size++)
        most = demand->buffers[size] > most ? demand->buffers[size] : most;
    if (most > room->buffers_most)
        ds_put_format(out,
                      "verdict: needs other_config:packet-buffers-max=%" PRIu32 " (now %" PRIu32 "), and a restart\n",
                      most, room->buffers_most);
    if (room->dpdk_limit != 0 && needed > room->dpdk_limit)
        ds_put_format(out,
                      "verdict: needs other_config:dpdk-socket-limit of %" PRIu64 " MiB on NUMA node %d (now %" PRIu64
                      "), and a restart\n",
                      mib(needed), room->node, room->dpdk_limit / MIB);
    return most <= room->buffers_most && (room->dpdk_limit == 0 || needed <= room->dpdk_limit);
}

static bool judge_ordinary(const struct memory_demand *demand, uint64_t now, const struct mem_room *room,
                           struct ds *out)
{
    uint64_t more = demand->ordinary > now ? demand->ordinary - now : 0;

    if (more <= room->ordinary_bytes)
        return true;
    ds_put_format(out, "verdict: needs %" PRIu64 " MiB more of ordinary memory, %" PRIu64 " MiB are available\n",
                  mib(more), room->ordinary_bytes / MIB);
    return false;
}

bool mem_plan_judge(const struct memory_demand *demand, uint64_t ordinary_now, const struct mem_room *room,
                    struct ds *out)
{
    bool fits = judge_dpdk(demand, room, out);

    fits &= judge_limits(demand, room, out);
    fits &= judge_ordinary(demand, ordinary_now, room, out);
    if (fits)
        ds_put_cstr(out, "verdict: fits\n");
    return fits;
}
