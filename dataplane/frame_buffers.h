// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct rte_mbuf;
struct rte_mempool;

/* Packets in and out of file descriptors: what kernel taps and netdevs share. One user at a time; not hot enough to be
 * inlined, next to a system call. */

#define FRAME_SEGMENTS_MAX 64 /* most buffers of one packet that is sent */

/* Appends a fresh, empty buffer without headroom to the packet 'head' behind 'last', its last one. NULL: out of buffers. */
struct rte_mbuf *frame_extend(struct rte_mempool *pool, struct rte_mbuf *head, struct rte_mbuf *last);

/* Copies 'n' pieces of memory one after the other into one packet, chained when it is larger than a buffer.
 * NULL: out of buffers. */
struct rte_mbuf *frame_from_memory(struct rte_mempool *pool, const struct iovec *pieces, unsigned int n);

/* Describes the packet's segments to 'pieces'; returns how many, or 0 when they are more than 'max'. */
unsigned int frame_to_pieces(const struct rte_mbuf *packet, struct iovec *pieces, unsigned int max);

/* Empty buffers that wait for the next frame, so that a read that finds nothing costs no allocation. */
#define FRAME_SPARES_MAX 34 /* 64 KiB in the usual buffers, and headers */
struct frame_spares {
    struct rte_mempool *pool;
    unsigned int wanted; /* buffers that hold the largest frame expected; at most FRAME_SPARES_MAX */
    unsigned int n;
    struct rte_mbuf *buffers[FRAME_SPARES_MAX];
    struct iovec pieces[FRAME_SPARES_MAX];
};

void frame_spares_init(struct frame_spares *spares, struct rte_mempool *pool, uint32_t frame_len);
void frame_spares_free(struct frame_spares *spares);

/* Tops the buffers up to 'wanted'. False when there are none left in the pool. */
bool frame_spares_fill(struct frame_spares *spares);

/* Takes as many buffers as the frame of 'len' bytes just read into 'pieces' fills, as one packet. */
struct rte_mbuf *frame_spares_take(struct frame_spares *spares, uint32_t len);
