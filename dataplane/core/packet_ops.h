// SPDX-License-Identifier: Apache-2.0
#pragma once

/* How a pool of packet buffers keeps the free ones: a ring for many producers and consumers, as DPDK's "ring_mp_mc", but
 *
 *   - large enough for a pool that has yet to grow: rte_mempool_set_ops_byname() is given the most buffers that the pool
 *     will ever have, as an integer in its 'pool_config';
 *   - a buffer is made into an mbuf before it is put into the ring, so that a pool may be populated while workers take
 *     buffers out of it. */
#define PACKET_OPS_NAME "sluice_packets"

/* Makes the name known to DPDK. Once per process or more often, before the first pool. 0 or negative errno. */
int packet_ops_register(void);
