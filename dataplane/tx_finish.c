// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tx_finish.h"

#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/core/checksum.h"
#include "dataplane/core/offload.h"

#define TCP_CHECKSUM 16u
#define UDP_CHECKSUM 6u
#define IPV6_LEN     40u

/* The bits for what the packet needs of the tunnel around it; a bit that no port has when it is one that no port knows. */
static uint32_t tunnel_needs(const struct rte_mbuf *packet)
{
    uint64_t type = packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK;

    if (type == 0)
        return 0;
    if (packet->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM)
        return UINT32_MAX;
    return type == RTE_MBUF_F_TX_TUNNEL_VXLAN    ? OFFLOAD_VXLAN
           : type == RTE_MBUF_F_TX_TUNNEL_GENEVE ? OFFLOAD_GENEVE
                                                 : UINT32_MAX;
}

bool tx_finish_is_taken(uint32_t offloads, const struct rte_mbuf *packet)
{
    uint32_t needs = OFFLOAD_CHECKSUM | tunnel_needs(packet);

    if (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
        needs |= packet->ol_flags & RTE_MBUF_F_TX_IPV4 ? OFFLOAD_TSO4 : OFFLOAD_TSO6;
        if (!(offloads & OFFLOAD_ECN) && offload_has_cwr(packet))
            return false;
        /* Outer headers may have made it longer than an IP packet can be. */
        if (packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK && packet->pkt_len - packet->outer_l2_len > UINT16_MAX)
            return false;
    }
    /* Drivers take extension headers amiss. */
    if (packet->ol_flags & RTE_MBUF_F_TX_IPV6 && packet->l3_len != IPV6_LEN)
        return false;
    return (needs & ~offloads) == 0;
}

void tx_finish_checksums(struct rte_mbuf *packet)
{
    uint32_t l4 = offload_l4(packet);
    uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);
    bool udp = (packet->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
    uint8_t *at = frame + l4 + (udp ? UDP_CHECKSUM : TCP_CHECKSUM);
    uint16_t checksum = (uint16_t)~checksum_fold(checksum_packet(packet, l4, packet->pkt_len));
    uint16_t pseudo;

    memcpy(&pseudo, at, sizeof pseudo);
    /* A result of 0 would mean "none" to UDP (RFC 768); TCP does not mind. */
    checksum = checksum != 0 ? checksum : 0xffff;
    memcpy(at, &checksum, sizeof checksum);
    if (packet->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM)
        checksum_put_outer_udp(frame + packet->outer_l2_len, frame + packet->outer_l2_len + packet->outer_l3_len,
                               frame + l4, pseudo);
    packet->ol_flags &= ~(OFFLOAD_PENDING | OFFLOAD_TUNNEL | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
}
