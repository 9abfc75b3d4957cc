// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_mempool.h"

#include <errno.h>
#include <stdio.h>

#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include "dataplane/core/packet_ops.h"
#include "dataplane/core/packet_pool.h"

static uint32_t element_size(uint32_t room)
{
    return (uint32_t)sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM + room;
}

struct rte_mempool *packet_mempool_create(const char *name, int node, uint32_t room, uint32_t most)
{
    struct rte_mempool *mempool;

    if (packet_ops_register() < 0)
        return NULL;
    mempool = rte_mempool_create_empty(name, PACKET_POOL_LEAST, element_size(room), PACKET_POOL_CACHE,
                                       sizeof(struct rte_pktmbuf_pool_private), node, 0);
    if (mempool == NULL)
        return NULL;
    if (rte_mempool_set_ops_byname(mempool, PACKET_OPS_NAME, (void *)(uintptr_t)most) != 0) {
        rte_mempool_free(mempool);
        return NULL;
    }
    rte_pktmbuf_pool_init(mempool, NULL);
    mempool->size = 0; /* from here on the buffers that there are */
    return mempool;
}

void packet_mempool_free(struct rte_mempool *mempool)
{
    rte_mempool_free(mempool);
}

static void free_zone(struct rte_mempool_memhdr *piece, void *zone)
{
    rte_memzone_free(zone);
}

static rte_iova_t iova_of(const uint8_t *address)
{
    const struct rte_memseg *segment = rte_mem_virt2memseg(address, NULL);

    return segment != NULL && segment->iova != RTE_BAD_IOVA ? segment->iova + RTE_PTR_DIFF(address, segment->addr)
                                                            : rte_mem_virt2iova(address);
}

/* How much from 'address' on is in one piece for devices, 'left' at most. */
static size_t piece_at(const uint8_t *address, size_t left, size_t page)
{
    rte_iova_t iova = iova_of(address);
    size_t len = RTE_PTR_DIFF(RTE_PTR_ALIGN_CEIL(address + 1, page), address);

    while (len < left && iova_of(address + len) == iova + len)
        len += page;
    return RTE_MIN(len, left);
}

/* Makes buffers of a zone, whose pages may lie anywhere. Returns how many, which workers may have already.
 * (rte_mempool_populate_virt() does the same, but when it fails it frees all memory of the pool.) */
static int populate(struct rte_mempool *mempool, const struct rte_memzone *zone)
{
    rte_mempool_memchunk_free_cb_t *free_first = free_zone;
    uint8_t *address = zone->addr;
    size_t left = zone->len;
    int total = 0;

    while (left > 0 && mempool->populated_size < mempool->size) {
        size_t len = piece_at(address, left, zone->hugepage_sz);
        int n = rte_mempool_populate_iova(mempool, (char *)address, iova_of(address), len, free_first,
                                          (void *)(uintptr_t)zone);

        if (n < 0)
            break;
        if (n > 0)
            free_first = NULL;
        total += n;
        address += len;
        left -= len;
    }
    return total;
}

int64_t packet_mempool_grow(struct rte_mempool *mempool, uint32_t n, unsigned int nth)
{
    const struct rte_memzone *zone;
    char name[RTE_MEMZONE_NAMESIZE];
    size_t page = 0, least, align;
    ssize_t len;
    int added;

    rte_mempool_get_page_size(mempool, &page);
    len = rte_mempool_op_calc_mem_size_default(mempool, n, page != 0 ? rte_bsf32((uint32_t)page) : 0, &least, &align);
    if (len < 0)
        return -ENOMEM;
    snprintf(name, sizeof name, "%s_%u", mempool->name, nth);
    zone = rte_memzone_reserve_aligned(name, (size_t)len, mempool->socket_id,
                                       RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY, (unsigned int)align);
    if (zone == NULL)
        return -ENOMEM;
    mempool->size += n;
    added = populate(mempool, zone);
    mempool->size = mempool->populated_size;
    if (added == 0) {
        rte_memzone_free(zone);
        return -ENOMEM;
    }
    return (int64_t)zone->len;
}

/* A buffer does not lie across two pages, unless it is larger than one. */
uint64_t packet_mempool_bytes(const struct rte_mempool *any, uint32_t room, uint32_t n)
{
    uint32_t each = rte_mempool_calc_obj_size(element_size(room), 0, NULL);
    size_t page = 0;

    rte_mempool_get_page_size((struct rte_mempool *)(uintptr_t)any, &page);
    if (page == 0)
        return (uint64_t)each * n;
    if (each > page)
        return RTE_ALIGN_CEIL((uint64_t)each, page) * n;
    return (uint64_t)(n / (page / each) + (n % (page / each) != 0)) * page;
}

uint64_t packet_mempool_overhead(uint32_t most)
{
    ssize_t ring = rte_ring_get_memsize(rte_align32pow2(most + 1));

    return RTE_MEMPOOL_HEADER_SIZE((struct rte_mempool *)NULL, PACKET_POOL_CACHE) + (ring > 0 ? (uint64_t)ring : 0);
}
