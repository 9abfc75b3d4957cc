// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/core/err.h"
#include "dataplane/core/packet_mempool.h"

#define POOLS_MAX   (RTE_MAX_NUMA_NODES * PACKET_SIZES)
#define CHUNK_LEAST 512u /* less than this is not worth a piece of memory of its own */

/* Bytes of a frame. Some devices only take multiples of 1024. */
static const uint32_t rooms[PACKET_SIZES] = {
    [PACKET_SIZE_ORDINARY] = 2048,
    [PACKET_SIZE_JUMBO] = 10240,
};
static const char *const size_names[PACKET_SIZES] = {
    [PACKET_SIZE_ORDINARY] = "packets",
    [PACKET_SIZE_JUMBO] = "jumbo",
};

struct pool {
    struct rte_mempool *mempool;
    enum packet_size size;
    bool whole; /* of one port, which has it now when 'taken' */
    bool taken;
    uint32_t most;
    uint32_t n_chunks;
    uint32_t in_rings;
    uint32_t passing;
    uint64_t bytes;
};

/* All under the lock, which is given up between two chunks. Pools are added, never taken away. */
static struct {
    pthread_mutex_t lock;
    struct pool pools[POOLS_MAX];
    unsigned int n;
    uint32_t limit;
    uint32_t base[PACKET_SIZES];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .limit = PACKET_POOL_LIMIT};

uint32_t packet_pool_room(enum packet_size size)
{
    return rooms[size];
}

void packet_pool_set_limit(uint32_t n_buffers)
{
    pthread_mutex_lock(&all.lock);
    n_buffers = RTE_MAX(n_buffers, PACKET_POOL_LEAST);
    all.limit = RTE_MIN(n_buffers, PACKET_POOL_MOST);
    pthread_mutex_unlock(&all.lock);
}

/* Without buffers as yet. NULL when there is no memory on that node. */
static struct pool *create_pool(int node, enum packet_size size, bool whole)
{
    struct pool *pool = &all.pools[all.n];
    struct rte_mempool *mempool;
    char name[RTE_MEMPOOL_NAMESIZE];

    if (all.n == POOLS_MAX)
        return NULL;
    if (whole)
        snprintf(name, sizeof name, "%s%d_%u", size_names[size], node, all.n);
    else
        snprintf(name, sizeof name, "%s%d", size_names[size], node);
    mempool = packet_mempool_create(name, node, rooms[size], all.limit);
    if (mempool == NULL)
        return NULL;
    *pool = (struct pool){.mempool = mempool, .size = size, .whole = whole, .most = all.limit};
    all.n++;
    return pool;
}

/* One piece of memory with up to 'n' buffers. */
static int add_chunk(struct pool *pool, uint32_t n)
{
    int64_t bytes = packet_mempool_grow(pool->mempool, n, pool->n_chunks);

    if (bytes < 0)
        return -ENOMEM;
    pool->n_chunks++;
    pool->bytes += (uint64_t)bytes;
    return 0;
}

/* Adds as much as there is memory for, one chunk, towards 'n_buffers'. */
static int grow(struct pool *pool, uint32_t n_buffers)
{
    uint32_t have = pool->mempool->populated_size;
    uint32_t aim = RTE_MIN(n_buffers, pool->most);

    if (have >= aim)
        return have < n_buffers ? -ENOSPC : 0;
    for (uint32_t n = RTE_MIN(aim - have, PACKET_POOL_CHUNK);; n /= 2) {
        if (add_chunk(pool, n) == 0)
            return 0;
        if (n < CHUNK_LEAST * 2)
            return -ENOMEM;
    }
}

static struct pool *find(int node, enum packet_size size)
{
    for (unsigned int i = 0; i < all.n; i++) {
        if (all.pools[i].size == size && !all.pools[i].whole && (node < 0 || all.pools[i].mempool->socket_id == node))
            return &all.pools[i];
    }
    return NULL;
}

/* The pool of that node, or when there can be none another of that size. */
static struct pool *find_or_create(int node, enum packet_size size)
{
    struct pool *pool = find(node, size);

    if (pool == NULL)
        pool = create_pool(node >= 0 ? node : all.pools[0].mempool->socket_id, size, false);
    if (pool != NULL && pool->mempool->populated_size == 0)
        grow(pool, PACKET_POOL_LEAST);
    if (pool == NULL || pool->mempool->populated_size == 0)
        pool = find(PACKET_POOL_ANY, size);
    return pool != NULL && pool->mempool->populated_size > 0 ? pool : NULL;
}

int packet_pool_init(uint32_t n_buffers)
{
    struct pool *pool = NULL;
    int result;

    pthread_mutex_lock(&all.lock);
    for (unsigned int i = 0; pool == NULL && i < rte_socket_count(); i++)
        pool = create_pool(rte_socket_id_by_idx(i), PACKET_SIZE_ORDINARY, false);
    while (pool != NULL && pool->mempool->populated_size < n_buffers && grow(pool, n_buffers) == 0)
        continue;
    result = pool != NULL && pool->mempool->populated_size >= PACKET_POOL_LEAST ? 0 : -ENOMEM;
    pthread_mutex_unlock(&all.lock);
    return result;
}

struct rte_mempool *packet_pool(void)
{
    return all.pools[0].mempool;
}

struct rte_mempool *packet_pool_near(int node)
{
    struct pool *pool;

    pthread_mutex_lock(&all.lock);
    pool = find_or_create(node, PACKET_SIZE_ORDINARY);
    pthread_mutex_unlock(&all.lock);
    return pool != NULL ? pool->mempool : packet_pool();
}

static uint64_t wanted(const struct pool *pool)
{
    uint64_t passing = (uint64_t)pool->passing + all.base[pool->size];

    if (pool->in_rings != 0 && passing < PACKET_POOL_SPARE)
        passing = PACKET_POOL_SPARE;
    return pool->in_rings + passing;
}

/* Grows a pool to what is wanted of it, as far as that goes. Between two chunks others have their turn. */
static int grow_to_wanted(struct pool *pool)
{
    int result = 0;

    while (result == 0 && pool->mempool->populated_size < wanted(pool)) {
        result = grow(pool, (uint32_t)RTE_MIN(wanted(pool), PACKET_POOL_MOST));
        pthread_mutex_unlock(&all.lock);
        pthread_mutex_lock(&all.lock);
    }
    return result;
}

/* A pool for one port, in one piece: one that a former port has left, or a new one. NULL when there is no memory. */
static struct pool *find_or_create_whole(const struct packet_claim *claim)
{
    uint32_t n = claim->in_rings + claim->passing + all.base[claim->size] + PACKET_POOL_SPARE;
    int node = claim->node >= 0 ? claim->node : all.pools[0].mempool->socket_id;
    struct pool *pool;

    for (unsigned int i = 0; i < all.n; i++) {
        pool = &all.pools[i];
        if (pool->whole && !pool->taken && pool->size == claim->size && pool->mempool->populated_size >= n)
            return pool;
    }
    pool = create_pool(node, claim->size, true);
    if (pool != NULL && add_chunk(pool, n) != 0) {
        packet_mempool_free(pool->mempool);
        all.n--;
        pool = NULL;
    }
    if (pool != NULL)
        pool->most = pool->mempool->populated_size;
    return pool;
}

static void refuse(const struct pool *pool, int result, const char *name, char **error)
{
    uint32_t missing = pool->in_rings + PACKET_POOL_SPARE - pool->mempool->populated_size;
    unsigned long mib = (unsigned long)((packet_pool_bytes(pool->size, missing) >> 20) + 1);

    if (result == -ENOSPC)
        err_set(error,
                "%s: %u packet buffers missing on NUMA node %d: all %u that other_config:packet-buffers-max allows are "
                "there; raise it, or ask for shorter or fewer queues",
                name, missing, pool->mempool->socket_id, pool->most);
    else
        err_set(error,
                "%s: %u packet buffers (%lu MiB) missing on NUMA node %d: give DPDK more hugepages "
                "(sluice-appctl mem/plan says how many), or ask for shorter or fewer queues",
                name, missing, mib, pool->mempool->socket_id);
}

int packet_pool_claim(struct packet_claim *claim, const char *name, char **error)
{
    struct pool *pool;
    int result;

    claim->pool = NULL;
    pthread_mutex_lock(&all.lock);
    pool = claim->whole ? find_or_create_whole(claim) : find_or_create(claim->node, claim->size);
    if (pool == NULL) {
        pthread_mutex_unlock(&all.lock);
        err_set(error, "%s: no memory for packet buffers of %u bytes; sluice-appctl mem/plan says what is needed", name,
                rooms[claim->size]);
        return -ENOMEM;
    }
    pool->taken = claim->whole;
    pool->in_rings += claim->in_rings;
    pool->passing += claim->passing;
    result = pool->whole ? 0 : grow_to_wanted(pool);
    if (pool->mempool->populated_size < pool->in_rings + PACKET_POOL_SPARE) {
        refuse(pool, result, name, error);
        pool->in_rings -= claim->in_rings;
        pool->passing -= claim->passing;
        result = -ENOMEM;
    } else {
        claim->pool = pool->mempool;
        result = 0;
    }
    pthread_mutex_unlock(&all.lock);
    return result;
}

void packet_pool_release(struct packet_claim *claim)
{
    pthread_mutex_lock(&all.lock);
    for (unsigned int i = 0; claim->pool != NULL && i < all.n; i++) {
        if (all.pools[i].mempool != claim->pool)
            continue;
        all.pools[i].in_rings -= claim->in_rings;
        all.pools[i].passing -= claim->passing;
        all.pools[i].taken = false;
    }
    pthread_mutex_unlock(&all.lock);
    claim->pool = NULL;
}

void packet_pool_set_base(enum packet_size size, uint32_t n_buffers)
{
    pthread_mutex_lock(&all.lock);
    all.base[size] = n_buffers;
    pthread_mutex_unlock(&all.lock);
}

bool packet_pool_get(unsigned int i, struct packet_pool_state *state)
{
    const struct pool *pool = &all.pools[i];

    pthread_mutex_lock(&all.lock);
    if (i >= all.n) {
        pthread_mutex_unlock(&all.lock);
        return false;
    }
    *state = (struct packet_pool_state){
        .name = pool->mempool->name,
        .pool = pool->mempool,
        .node = pool->mempool->socket_id,
        .size = pool->size,
        .whole = pool->whole,
        .n_buffers = pool->mempool->populated_size,
        .n_free = rte_mempool_avail_count(pool->mempool),
        .in_rings = pool->in_rings,
        .passing = pool->passing,
        .n_wanted = (uint32_t)RTE_MIN(wanted(pool), PACKET_POOL_MOST),
        .n_most = pool->most,
        .bytes = pool->bytes,
    };
    pthread_mutex_unlock(&all.lock);
    return true;
}

int packet_pool_grow(unsigned int i, uint32_t n_buffers)
{
    int result = -EINVAL;

    pthread_mutex_lock(&all.lock);
    if (i < all.n && !all.pools[i].whole)
        result = grow(&all.pools[i], n_buffers);
    pthread_mutex_unlock(&all.lock);
    return result;
}

uint64_t packet_pool_bytes(enum packet_size size, uint32_t n_buffers)
{
    return packet_mempool_bytes(packet_pool(), rooms[size], n_buffers);
}

uint64_t packet_pool_overhead(void)
{
    return packet_mempool_overhead(all.limit);
}
