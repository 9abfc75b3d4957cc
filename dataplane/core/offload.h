// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>
#include <rte_mbuf.h>

/* Work that the sender of a packet left to the network card: a checksum that covers only the pseudo-header so far, or a
 * TCP payload larger than a segment may be. Such a packet passes through the switch as it is. What is left to do is
 * described by DPDK's transmit fields, so that a device that can do it needs nothing else:
 *
 *   ol_flags    RTE_MBUF_F_TX_IPV4 or _IPV6, with RTE_MBUF_F_TX_TCP_CKSUM, _UDP_CKSUM or _TCP_SEG (which means the
 *               checksum too); once it is inside a tunnel, RTE_MBUF_F_TX_TUNNEL_* and _OUTER_IPV4 as well
 *   l2_len, l3_len, l4_len, tso_segsz    as DPDK says; l4_len and tso_segsz for _TCP_SEG only; outer_l2_len and
 *               outer_l3_len once it is inside a tunnel, l2_len then begins behind the outer IP header
 *
 * Every other packet has none of OFFLOAD_PENDING in its ol_flags and its checksums complete. Ports describe packets this
 * way on receive, and finish on transmit what the other side cannot do. */
#define OFFLOAD_PENDING (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)

/* What a port takes unfinished (struct port's 'tx_offloads'). The tunnel bits say that it does the same inside VXLAN or
 * GENEVE. */
#define OFFLOAD_CHECKSUM 0x01u
#define OFFLOAD_TSO4     0x02u
#define OFFLOAD_TSO6     0x04u
#define OFFLOAD_ECN      0x08u /* TSO of packets with CWR set */
#define OFFLOAD_VXLAN    0x10u
#define OFFLOAD_GENEVE   0x20u

static inline bool offload_is_pending(const struct rte_mbuf *packet)
{
    return (packet->ol_flags & OFFLOAD_PENDING) != 0;
}

/* Describes a packet just received by the virtio-net header that came with it, which is not to be trusted. A checksum
 * that is not the packet's own outermost TCP or UDP one (that of a tunnel's payload inside a guest, say) is summed here
 * and now, whatever it covers. Only called when the header says something ('flags' or 'gso_type' not zero). Worker.
 *
 * 0, or -EINVAL when the header asks for what is not possible: the packet is then to be dropped. */
int offload_from_virtio(struct rte_mbuf *packet, const struct virtio_net_hdr *header);

/* The reverse: fills in the header that a packet leaves with. Packets without pending work get zeros. Worker. */
void offload_to_virtio(const struct rte_mbuf *packet, struct virtio_net_hdr *header);
