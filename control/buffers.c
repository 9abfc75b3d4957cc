// SPDX-License-Identifier: Apache-2.0
#include "control/buffers.h"

#include <errno.h>

#include <openvswitch/vlog.h>
#include <simap.h>
#include <util.h>

#include "control/applied.h"
#include "control/hugepages.h"
#include "dataplane/core/err.h"
#include "dataplane/dataplane.h"
#include "dataplane/packet_demand.h"

VLOG_DEFINE_THIS_MODULE(buffers);

/* A pool with less than this part of its buffers left is about to run dry; it then grows by GROWTH_PART of them. */
#define LOW_PART    8u
#define GROWTH_PART 4u

/* What the last attempt to let a pool grow came to nothing with. */
struct stuck {
    uint32_t wanted; /* 0: it did not */
    unsigned long free_kib;
};
static struct stuck stuck[64];

int buffers_start(uint32_t limit, char **error)
{
    int rc;

    if (limit != 0)
        packet_pool_set_limit(limit);
    rc = packet_pool_init(limit != 0 ? MIN(limit, PACKET_POOL_CHUNK) : PACKET_POOL_CHUNK);
    if (rc < 0)
        err_set(error, "no memory for packet buffers; give DPDK more memory (other_config:dpdk-socket-mem)");
    return rc;
}

static uint32_t aim_of(const struct packet_pool_state *pool)
{
    uint32_t aim = MAX(pool->n_wanted, pool->n_buffers);

    if (pool->n_free < pool->n_buffers / LOW_PART)
        aim = MAX(aim, pool->n_buffers + pool->n_buffers / GROWTH_PART);
    return aim;
}

static void complain(const struct packet_pool_state *pool, uint32_t aim, int rc)
{
    uint32_t missing = aim - pool->n_buffers;

    if (rc == -ENOSPC)
        VLOG_WARN("pool %s: %u packet buffers would be needed, other_config:packet-buffers-max allows %u: packets are "
                  "dropped (no_buffer) when all are in use",
                  pool->name, aim, pool->n_most);
    else
        VLOG_WARN("pool %s: no memory on NUMA node %d for %u more packet buffers (%llu MiB): packets are dropped "
                  "(no_buffer) when all %u are in use; sluice-appctl mem/plan says what is missing",
                  pool->name, pool->node, missing, (unsigned long long)(packet_pool_bytes(pool->size, missing) >> 20),
                  pool->n_buffers);
}

static void tend(unsigned int i, const struct packet_pool_state *pool)
{
    uint32_t aim = aim_of(pool);
    unsigned long free_kib;
    int rc;

    if (aim <= pool->n_buffers)
        return;
    free_kib = hugepages_free_kib();
    if (stuck[i].wanted >= aim && stuck[i].free_kib >= free_kib)
        return;
    rc = packet_pool_grow(i, aim);
    if (rc == 0) {
        struct packet_pool_state now;

        packet_pool_get(i, &now);
        VLOG_INFO("pool %s: %u packet buffers, %u before", now.name, now.n_buffers, pool->n_buffers);
        stuck[i].wanted = 0;
        return;
    }
    if (aim > stuck[i].wanted)
        complain(pool, aim, rc);
    stuck[i] = (struct stuck){.wanted = aim, .free_kib = free_kib};
}

void buffers_run(const struct applied *applied)
{
    uint32_t n_ports = (uint32_t)hmap_count(&applied->interfaces);
    struct packet_pool_state pool;

    for (enum packet_size size = 0; size < PACKET_SIZES; size++)
        packet_pool_set_base(size, packet_demand_of_workers(size, (uint32_t)dataplane_worker_count(), n_ports));
    for (unsigned int i = 0; i < ARRAY_SIZE(stuck) && packet_pool_get(i, &pool); i++) {
        if (!pool.whole)
            tend(i, &pool);
    }
}

void buffers_memory_usage(struct simap *usage)
{
    struct packet_pool_state pool;

    for (unsigned int i = 0; packet_pool_get(i, &pool); i++) {
        simap_increase(usage, "packet-buffers", pool.n_buffers);
        simap_increase(usage, "packet-buffers-used", pool.n_buffers - pool.n_free);
    }
}
