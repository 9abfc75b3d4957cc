// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

/* The buffers of all packets: a pool for each NUMA node and size of buffer, made when first asked for. Frames larger than
 * one buffer are chained.
 *
 *     ports ──claim──►  ┌ node 0 ordinary ┐  ┌ node 0 jumbo ┐  ┌ node 1 ordinary ┐
 *                       │ chunk chunk ... │  │ chunk ...    │  │ chunk ...       │
 *                       └─────────────────┘  └──────────────┘  └─────────────────┘
 *
 * A pool grows chunk by chunk while workers use it, up to a limit that is set before it is made, and never shrinks.
 * Workers take and free buffers as of any DPDK pool. Everything here is for the control and the builder thread, and for
 * vhost's; growing takes some ten milliseconds a chunk. */

enum packet_size {
    PACKET_SIZE_ORDINARY, /* frames of 1500 bytes and a good deal more */
    PACKET_SIZE_JUMBO,    /* any frame that a port may carry, for devices that are slower with chains of buffers */
    PACKET_SIZES
};

#define PACKET_POOL_CACHE 256u    /* most buffers that a worker keeps to itself are 3/2 of this */
#define PACKET_POOL_CHUNK 16384u  /* most buffers that a pool grows by at once */
#define PACKET_POOL_SPARE 1024u   /* buffers that are left to packets when rings have been filled, at the very least */
#define PACKET_POOL_LIMIT 524287u /* buffers of one pool, unless packet_pool_set_limit() */
#define PACKET_POOL_LEAST 1024u   /* the smallest and the largest limit: ... */
#define PACKET_POOL_MOST  4194303u
#define PACKET_POOL_ANY   (-1) /* for 'node': not known */

/* Bytes of a frame that fit into one buffer. */
uint32_t packet_pool_room(enum packet_size size);

/* Most buffers of each pool made from now on (PACKET_POOL_LEAST .. PACKET_POOL_MOST). */
void packet_pool_set_limit(uint32_t n_buffers);

/* The first pool, of ordinary buffers, with 'n_buffers' or as many as there is memory for. After EAL, before anything
 * else here. 0, or -ENOMEM when there are not even PACKET_POOL_LEAST. */
int packet_pool_init(uint32_t n_buffers);

/* Ordinary buffers: of the first pool, or as near to a NUMA node as there are. Never NULL after packet_pool_init(). */
struct rte_mempool *packet_pool(void);
struct rte_mempool *packet_pool_near(int node);

/* What a port may hold of a pool. */
struct packet_claim {
    int node; /* or PACKET_POOL_ANY */
    enum packet_size size;
    uint32_t in_rings;        /* all the time: receive rings are kept full */
    uint32_t passing;         /* at most, besides: what was sent and is not done yet, ... */
    bool whole;               /* a pool of its own, in one piece, that does not grow: the device registers its memory */
    struct rte_mempool *pool; /* out: where to take them from; of the size asked for, perhaps of another node */
};
/* Makes sure that there are enough buffers for what is claimed, growing the pool. 0, or -ENOMEM with '*error' set to a
 * sentence that begins with 'name' when rings would leave less than PACKET_POOL_SPARE to packets; then nothing is
 * claimed. What is missing beyond that is left to packet_pool_grow(). */
int packet_pool_claim(struct packet_claim *claim, const char *name, char **error);
void packet_pool_release(struct packet_claim *claim);
/* What workers may hold of each pool of that size: caches, bursts, fragments. */
void packet_pool_set_base(enum packet_size size, uint32_t n_buffers);

struct packet_pool_state {
    const char *name;
    struct rte_mempool *pool;
    int node;
    enum packet_size size;
    bool whole; /* one port's own */
    uint32_t n_buffers;
    uint32_t n_free;   /* those in workers' caches included */
    uint32_t in_rings; /* claimed */
    uint32_t passing;  /* claimed */
    uint32_t n_wanted; /* all claims, and the base */
    uint32_t n_most;   /* its limit */
    uint64_t bytes;    /* of memory, without the administration */
};
/* The 'i'th pool, 0 being the first; false when there are not so many. */
bool packet_pool_get(unsigned int i, struct packet_pool_state *state);
/* Lets a pool grow to 'n_buffers' by one chunk at most. 0; -ENOSPC: at its limit; -ENOMEM: no memory, it has as many
 * buffers as before. */
int packet_pool_grow(unsigned int i, uint32_t n_buffers);
/* Bytes of memory that 'n' buffers of that size take: what a pool would grow by, and what a pool of its own takes for
 * administration before it has any. */
uint64_t packet_pool_bytes(enum packet_size size, uint32_t n_buffers);
uint64_t packet_pool_overhead(void);
