// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_ops.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

static int alloc_ring(struct rte_mempool *mempool)
{
    uint32_t most = (uint32_t)(uintptr_t)mempool->pool_config;
    char name[RTE_RING_NAMESIZE];
    struct rte_ring *ring;

    snprintf(name, sizeof name, RTE_MEMPOOL_MZ_FORMAT, mempool->name);
    ring = rte_ring_create(name, rte_align32pow2(most + 1), mempool->socket_id, 0);
    if (ring == NULL)
        return -rte_errno;
    mempool->pool_data = ring;
    return 0;
}

static void free_ring(struct rte_mempool *mempool)
{
    rte_ring_free(mempool->pool_data);
}

static int enqueue(struct rte_mempool *mempool, void *const *buffers, unsigned int n)
{
    return rte_ring_mp_enqueue_bulk(mempool->pool_data, buffers, n, NULL) == 0 ? -ENOBUFS : 0;
}

static int dequeue(struct rte_mempool *mempool, void **buffers, unsigned int n)
{
    return rte_ring_mc_dequeue_bulk(mempool->pool_data, buffers, n, NULL) == 0 ? -ENOBUFS : 0;
}

static unsigned int count(const struct rte_mempool *mempool)
{
    return rte_ring_count(mempool->pool_data);
}

struct owner {
    rte_mempool_populate_obj_cb_t *add;
    void *aux;
};

/* The helper puts the buffer into the ring when this has returned. */
static void make_buffer(struct rte_mempool *mempool, void *owner_, void *buffer, rte_iova_t iova)
{
    const struct owner *owner = owner_;

    owner->add(mempool, owner->aux, buffer, iova);
    rte_pktmbuf_init(mempool, NULL, buffer, 0);
}

static int populate(struct rte_mempool *mempool, unsigned int n_max, void *memory, rte_iova_t iova, size_t len,
                    rte_mempool_populate_obj_cb_t *add, void *aux)
{
    struct owner owner = {.add = add, .aux = aux};

    return rte_mempool_op_populate_helper(mempool, 0, n_max, memory, iova, len, make_buffer, &owner);
}

static const struct rte_mempool_ops ops = {
    .name = PACKET_OPS_NAME,
    .alloc = alloc_ring,
    .free = free_ring,
    .enqueue = enqueue,
    .dequeue = dequeue,
    .get_count = count,
    .populate = populate,
};

int packet_ops_register(void)
{
    static bool registered;
    int index = registered ? 0 : rte_mempool_register_ops(&ops);

    registered = index >= 0;
    return index < 0 ? index : 0;
}
