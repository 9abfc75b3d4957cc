// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_ops.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

/* Free buffers: those that came back, and behind them those that nobody has had yet. */
struct free_buffers {
    struct rte_ring *ring;

    /* fresh[n_taken .. n_made - 1] are there. Filled by the thread that grows the pool, one at a time; each place is
     * written before n_made says so. Emptied by workers, by compare-and-swap. */
    void **fresh;
    _Atomic uint32_t n_made;
    _Atomic uint32_t n_taken __attribute__((aligned(64)));
};

static size_t fresh_size(const struct rte_mempool *mempool)
{
    return (uintptr_t)mempool->pool_config * sizeof(void *);
}

/* Of the list of new buffers only that part costs memory which is used. */
static int alloc_buffers(struct rte_mempool *mempool)
{
    struct free_buffers *buffers = rte_zmalloc_socket(NULL, sizeof *buffers, 64, mempool->socket_id);
    char name[RTE_RING_NAMESIZE];

    if (buffers == NULL)
        return -ENOMEM;
    snprintf(name, sizeof name, RTE_MEMPOOL_MZ_FORMAT, mempool->name);
    buffers->ring =
        rte_ring_create(name, rte_align32pow2((uint32_t)(uintptr_t)mempool->pool_config + 1), mempool->socket_id, 0);
    buffers->fresh =
        mmap(NULL, fresh_size(mempool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (buffers->ring == NULL || buffers->fresh == MAP_FAILED) {
        if (buffers->fresh != MAP_FAILED)
            munmap(buffers->fresh, fresh_size(mempool));
        rte_ring_free(buffers->ring);
        rte_free(buffers);
        return -ENOMEM;
    }
    mempool->pool_data = buffers;
    return 0;
}

static void free_all(struct rte_mempool *mempool)
{
    struct free_buffers *buffers = mempool->pool_data;

    rte_ring_free(buffers->ring);
    munmap(buffers->fresh, fresh_size(mempool));
    rte_free(buffers);
}

static int enqueue(struct rte_mempool *mempool, void *const *objects, unsigned int n)
{
    const struct free_buffers *buffers = mempool->pool_data;

    return rte_ring_mp_enqueue_bulk(buffers->ring, objects, n, NULL) == 0 ? -ENOBUFS : 0;
}

static int take_fresh(struct free_buffers *buffers, void **objects, unsigned int n)
{
    uint32_t first = atomic_load_explicit(&buffers->n_taken, memory_order_acquire);

    do {
        if (atomic_load_explicit(&buffers->n_made, memory_order_acquire) - first < n)
            return -ENOBUFS;
    } while (!atomic_compare_exchange_weak_explicit(&buffers->n_taken, &first, first + n, memory_order_acq_rel,
                                                    memory_order_acquire));
    for (unsigned int i = 0; i < n; i++)
        objects[i] = buffers->fresh[first + i];
    return 0;
}

static int dequeue(struct rte_mempool *mempool, void **objects, unsigned int n)
{
    struct free_buffers *buffers = mempool->pool_data;

    if (rte_ring_mc_dequeue_bulk(buffers->ring, objects, n, NULL) != 0)
        return 0;
    return take_fresh(buffers, objects, n);
}

static unsigned int count(const struct rte_mempool *mempool)
{
    struct free_buffers *buffers = mempool->pool_data;
    uint32_t taken = atomic_load_explicit(&buffers->n_taken, memory_order_relaxed);

    return rte_ring_count(buffers->ring) + atomic_load_explicit(&buffers->n_made, memory_order_relaxed) - taken;
}

/* The first place from 'offset' on for a buffer that shall not lie across two pages; larger ones than a page may. */
static size_t place_buffer(const struct rte_mempool *mempool, const uint8_t *memory, size_t offset, size_t page)
{
    size_t size = (size_t)mempool->header_size + mempool->elt_size + mempool->trailer_size;
    const uint8_t *start = memory + offset;

    if (page == 0 || size > page || RTE_PTR_ALIGN_FLOOR(start, page) == RTE_PTR_ALIGN_FLOOR(start + size - 1, page))
        return offset;
    return offset + RTE_PTR_DIFF(RTE_PTR_ALIGN_CEIL(start, page), start);
}

static int populate(struct rte_mempool *mempool, unsigned int n_max, void *memory, rte_iova_t iova, size_t len,
                    rte_mempool_populate_obj_cb_t *add, void *aux)
{
    struct free_buffers *buffers = mempool->pool_data;
    size_t size = (size_t)mempool->header_size + mempool->elt_size + mempool->trailer_size;
    uint32_t made = atomic_load_explicit(&buffers->n_made, memory_order_relaxed);
    size_t offset = 0, page = 0;
    unsigned int n = 0;
    int result = rte_mempool_get_page_size(mempool, &page);

    for (; result == 0 && n < n_max; n++, offset += size) {
        uint8_t *buffer;

        offset = place_buffer(mempool, memory, offset, page);
        if (offset + size > len)
            break;
        buffer = (uint8_t *)memory + offset + mempool->header_size;
        add(mempool, aux, buffer, iova == RTE_BAD_IOVA ? iova : iova + offset + mempool->header_size);
        rte_pktmbuf_init(mempool, NULL, buffer, 0);
        buffers->fresh[made++] = buffer;
        atomic_store_explicit(&buffers->n_made, made, memory_order_release);
    }
    return result < 0 ? result : (int)n;
}

static const struct rte_mempool_ops ops = {
    .name = PACKET_OPS_NAME,
    .alloc = alloc_buffers,
    .free = free_all,
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
