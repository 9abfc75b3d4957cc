// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_pool.h"

#include <errno.h>

#include <rte_mbuf.h>

static struct rte_mempool *pool;

int packet_pool_init(uint32_t n_buffers)
{
    for (uint32_t n = n_buffers; pool == NULL && n >= 4096; n /= 2)
        pool = rte_pktmbuf_pool_create("packets", n - 1, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    return pool != NULL ? 0 : -ENOMEM;
}

struct rte_mempool *packet_pool(void)
{
    return pool;
}
