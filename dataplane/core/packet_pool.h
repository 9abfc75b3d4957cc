// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

struct rte_mempool;

/* The buffers of all packets: one pool for the process, created after EAL. Frames larger than one buffer are chained.
 *
 * packet_pool_init() takes the number of buffers wanted and halves it (down to 4096) until memory suffices. 0 or
 * -ENOMEM. Control thread, once. packet_pool() is NULL before. */
#define PACKET_POOL_BUFFERS 65536
int packet_pool_init(uint32_t n_buffers);
struct rte_mempool *packet_pool(void);
