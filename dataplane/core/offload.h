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
 *               checksum too); once it is inside a tunnel, RTE_MBUF_F_TX_TUNNEL_* and _OUTER_IPV4 or _OUTER_IPV6 as well,
 *               and _OUTER_UDP_CKSUM when the outer UDP header is to have a checksum (any but 0 stands there meanwhile)
 *   l2_len, l3_len, l4_len, tso_segsz    as DPDK says (some drivers read l4_len without _TCP_SEG, too); outer_l2_len and
 *               outer_l3_len once it is inside a tunnel, l2_len then begins behind the outer IP header
 *
 * The checksum field holds the sum of the pseudo-header with the length of the whole frame, as virtio wants it, and the
 * IPv4 header checksum is complete. All headers up to the TCP or UDP one lie in the first segment, and a _TCP_SEG packet
 * ends where its IP header says (not, once inside a tunnel, where the outer ones say).
 *
 * Every other packet has none of OFFLOAD_PENDING in its ol_flags and its checksums complete. Ports describe packets this
 * way on receive, and finish on transmit what the other side cannot do. Whoever adds or removes bytes in front of the IP
 * header of a pending packet changes the lengths along. */
#define OFFLOAD_PENDING (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)
#define OFFLOAD_TUNNEL  (RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6 | \
                        RTE_MBUF_F_TX_OUTER_UDP_CKSUM)

/* What a port takes unfinished (struct port's 'tx_offloads'). The tunnel bits say that it does the same inside VXLAN or
 * GENEVE. */
#define OFFLOAD_CHECKSUM 0x01u
#define OFFLOAD_TSO4     0x02u
#define OFFLOAD_TSO6     0x04u
#define OFFLOAD_ECN      0x08u /* TSO of packets with CWR set */
#define OFFLOAD_VXLAN    0x10u
#define OFFLOAD_GENEVE   0x20u

/* Largest values of the length fields. */
#define OFFLOAD_L2_MAX 127u
#define OFFLOAD_L3_MAX 511u

/* Bounds of the work that one frame can make, with room below what any host sends: Linux has segments of 36 bytes and
 * more (TCP_MIN_SND_MSS less options). */
#define OFFLOAD_SEGMENT_MIN  8u
#define OFFLOAD_SEGMENTS_MAX 2048u

static inline bool offload_is_pending(const struct rte_mbuf *packet)
{
    return (packet->ol_flags & OFFLOAD_PENDING) != 0;
}

/* Offset of the TCP or UDP header of a pending packet, the inner one of a tunnel. */
static inline uint32_t offload_l4(const struct rte_mbuf *packet)
{
    uint32_t outer =
        packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK ? (uint32_t)(packet->outer_l2_len + packet->outer_l3_len) : 0;

    return outer + (uint32_t)(packet->l2_len + packet->l3_len);
}

/* Describes a packet just received by the virtio-net header that came with it, which is not to be trusted. A checksum
 * that is not the packet's own outermost TCP or UDP one (that of a tunnel's payload inside a guest, say) is summed here
 * and now, whatever it covers. Only called when the header says something ('flags' or 'gso_type' not zero). Worker.
 *
 * 0, or -EINVAL when the header asks for what is not possible: the packet is then to be dropped. */
int offload_from_virtio(struct rte_mbuf *packet, const struct virtio_net_hdr *header);

/* The same from what rte_vhost makes of the header: RTE_MBUF_F_RX_L4_CKSUM_NONE and _LRO, which are taken off the packet,
 * and tso_segsz. Only called when the packet has one of the two. Worker. */
int offload_from_rx_flags(struct rte_mbuf *packet);

/* Is CWR set in the TCP header of a packet with _TCP_SEG? */
bool offload_has_cwr(const struct rte_mbuf *packet);

/* The reverse: fills in the header that a packet leaves with. Packets without pending work get zeros. Worker. */
void offload_to_virtio(const struct rte_mbuf *packet, struct virtio_net_hdr *header);
