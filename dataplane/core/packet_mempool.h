// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

struct rte_mempool;

/* A DPDK pool of packet buffers that begins empty and grows while workers use it. Control, builder and vhost threads, one
 * at a time for each pool. */

/* For up to 'most' buffers whose data takes up to 'room' bytes, on that NUMA node. NULL when there is no memory. */
struct rte_mempool *packet_mempool_create(const char *name, int node, uint32_t room, uint32_t most);
/* Only when nobody has a buffer of it. */
void packet_mempool_free(struct rte_mempool *mempool);

/* Adds up to 'n' buffers in one piece of (virtual) memory, the 'nth' of the pool. Workers may have the first of them
 * before this returns. Returns the bytes that took, or -ENOMEM: there is no such piece, and the pool is as before. */
int64_t packet_mempool_grow(struct rte_mempool *mempool, uint32_t n, unsigned int nth);

/* Bytes that growing by 'n' buffers of that size takes; and what the pool takes by itself. */
uint64_t packet_mempool_bytes(const struct rte_mempool *any, uint32_t room, uint32_t n);
uint64_t packet_mempool_overhead(uint32_t most);
