// SPDX-License-Identifier: Apache-2.0
#pragma once

/* How a pool of packet buffers keeps the free ones: a ring for many producers and consumers, as DPDK's "ring_mp_mc", but
 *
 *   - large enough for a pool that has yet to grow: rte_mempool_set_ops_byname() is given the most buffers that the pool
 *     will ever have, as an integer in its 'pool_config';
 *   - a pool may be populated while workers take buffers out of it: each buffer is made into an mbuf before anybody can
 *     have it, and who populates never enters the ring. (A ring makes its other producers wait while one of them is
 *     between its two steps, and control's thread may be put off the processor there.) New buffers lie beside the ring
 *     until a worker finds it empty.
 */
#define PACKET_OPS_NAME "sluice_packets"

/* Makes the name known to DPDK. Once per process or more often, before the first pool. 0 or negative errno. */
int packet_ops_register(void);
