// SPDX-License-Identifier: Apache-2.0
#include "overlay/encap.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "dataplane/core/offload.h"
#include "overlay/geneve.h"
#include "overlay/inner.h"
#include "overlay/udp_sum.h"
#include "overlay/vxlan.h"
#include "overlay/wire.h"

enum {
    ENCAP_CSUM = 1 << 0,
    ENCAP_TTL_INHERIT = 1 << 1,
    ENCAP_TOS_INHERIT = 1 << 2,
    ENCAP_GENEVE = 1 << 3,
};

#define ENTROPY_PORT_BASE 0xc000u /* 49152: the dynamic range of RFC 6335 6 */
#define ENTROPY_PORT_MASK 0x3fffu

_Static_assert(sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr) + sizeof(struct rte_ipv4_hdr) +
                       sizeof(struct rte_udp_hdr) + sizeof(struct geneve_header) <=
                   ENCAP_HEADER_MAX,
               "every header must fit the fixed copy");

static void put_tunnel_header(uint8_t *out, const struct tunnel_config *tunnel)
{
    if (tunnel->type == TUNNEL_VXLAN) {
        struct vxlan_header vxlan = {.flags = VXLAN_FLAG_VNI};

        wire_put24(vxlan.vni, tunnel->vni);
        memcpy(out, &vxlan, sizeof vxlan);
    } else {
        struct geneve_header geneve = {.protocol = {GENEVE_PROTO_ETHERNET >> 8, GENEVE_PROTO_ETHERNET & 0xff}};

        wire_put24(geneve.vni, tunnel->vni);
        memcpy(out, &geneve, sizeof geneve);
    }
}

static uint8_t *put_ethernet(uint8_t *out, const struct next_hop *hop, uint16_t vlan)
{
    rte_be16_t words[3] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(vlan), RTE_BE16(RTE_ETHER_TYPE_IPV4)};
    size_t skip = vlan != 0 ? 0 : sizeof(struct rte_vlan_hdr);

    memcpy(out, hop->dst_mac.bytes, sizeof hop->dst_mac.bytes);
    memcpy(out + 6, hop->src_mac.bytes, sizeof hop->src_mac.bytes);
    memcpy(out + 12, (const uint8_t *)words + skip, sizeof words - skip);
    return out + 12 + sizeof words - skip;
}

void encap_template_init(struct encap_template *out, const struct tunnel_config *tunnel, const struct next_hop *hop,
                         uint16_t vlan)
{
    struct rte_ipv4_hdr *ip;
    struct rte_udp_hdr *udp;
    uint8_t *start;

    memset(out, 0, sizeof *out);
    out->l3_offset = sizeof(struct rte_ether_hdr) + (vlan != 0 ? sizeof(struct rte_vlan_hdr) : 0);
    out->len = (uint8_t)(out->l3_offset + sizeof *ip + sizeof *udp + sizeof(struct vxlan_header));
    out->flags =
        (uint8_t)((tunnel->csum ? ENCAP_CSUM : 0) | (tunnel->ttl_inherit ? ENCAP_TTL_INHERIT : 0) |
                  (tunnel->tos_inherit ? ENCAP_TOS_INHERIT : 0) | (tunnel->type == TUNNEL_GENEVE ? ENCAP_GENEVE : 0));
    out->ttl = tunnel->ttl == 0 || tunnel->ttl_inherit ? TUNNEL_TTL_DEFAULT : tunnel->ttl;

    start = out->header + ENCAP_HEADER_MAX - out->len;
    ip = (struct rte_ipv4_hdr *)put_ethernet(start, hop, vlan);
    ip->version_ihl = RTE_IPV4_VHL_DEF;
    ip->type_of_service = tunnel->tos_inherit ? 0 : tunnel->tos & (uint8_t)~INNER_ECN_MASK;
    ip->fragment_offset = tunnel->df ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
    ip->next_proto_id = IPPROTO_UDP;
    ip->src_addr = hop->local;
    ip->dst_addr = hop->remote;
    /* Lengths, identifier, TOS and TTL are added per packet. */
    out->checksum_base = __rte_raw_cksum(ip, sizeof *ip, 0) - ip->type_of_service * RTE_BE16(0x0001u);

    udp = (struct rte_udp_hdr *)(ip + 1);
    udp->dst_port = rte_cpu_to_be_16(tunnel->dst_port);
    put_tunnel_header((uint8_t *)(udp + 1), tunnel);
}

/* Moves the description of what the frame's sender left undone behind the outer headers, which are in place. The UDP
 * checksum cannot be summed before that is done. */
static void describe_inner(const struct encap_template *template, struct rte_mbuf *packet, struct rte_udp_hdr *udp)
{
    packet->outer_l2_len = template->l3_offset;
    packet->outer_l3_len = sizeof(struct rte_ipv4_hdr);
    packet->l2_len =
        (template->len - template->l3_offset - sizeof(struct rte_ipv4_hdr) + packet->l2_len) & OFFLOAD_L2_MAX;
    packet->ol_flags |= RTE_MBUF_F_TX_OUTER_IPV4 |
                        (template->flags & ENCAP_GENEVE ? RTE_MBUF_F_TX_TUNNEL_GENEVE : RTE_MBUF_F_TX_TUNNEL_VXLAN);
    if (template->flags & ENCAP_CSUM) {
        packet->ol_flags |= RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
        udp->dgram_cksum = 0xffff;
    }
}

static bool fits(const struct rte_mbuf *packet, uint32_t total)
{
    /* What is to be cut does not go out at this length. */
    return rte_pktmbuf_headroom(packet) >= ENCAP_HEADER_MAX &&
           (total <= UINT16_MAX || (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
}

int encap_apply(const struct encap_template *template, struct rte_mbuf *packet, uint32_t entropy, uint16_t id)
{
    uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);
    struct inner_ip inner = inner_ip_find(frame, rte_pktmbuf_data_len(packet));
    uint32_t total = rte_pktmbuf_pkt_len(packet) + template->len - template->l3_offset;
    struct rte_ipv4_hdr *ip;
    struct rte_udp_hdr *udp;
    uint8_t tos = 0;
    uint8_t ttl = template->ttl;

    if (!fits(packet, total))
        return -ENOBUFS;
    total = RTE_MIN(total, (uint32_t)UINT16_MAX);

    memcpy(frame - ENCAP_HEADER_MAX, template->header, ENCAP_HEADER_MAX);
    ip = (struct rte_ipv4_hdr *)(frame - template->len + template->l3_offset);
    udp = (struct rte_udp_hdr *)(ip + 1);

    if (inner.header != NULL) {
        tos = inner_ip_tos(&inner);
        if (template->flags & ENCAP_TTL_INHERIT)
            ttl = inner_ip_ttl(&inner);
    }
    if (!(template->flags & ENCAP_TOS_INHERIT))
        tos = ip->type_of_service | (tos & INNER_ECN_MASK);
    ip->type_of_service = tos;
    ip->time_to_live = ttl;
    ip->total_length = rte_cpu_to_be_16((uint16_t)total);
    ip->packet_id = rte_cpu_to_be_16(id);
    ip->hdr_checksum = (uint16_t)~wire_fold(template->checksum_base + tos * RTE_BE16(0x0001u) +
                                            ttl * RTE_BE16(0x0100u) + ip->total_length + ip->packet_id);
    udp->src_port = rte_cpu_to_be_16((uint16_t)(ENTROPY_PORT_BASE | ((entropy ^ entropy >> 16) & ENTROPY_PORT_MASK)));
    udp->dgram_len = rte_cpu_to_be_16((uint16_t)(total - sizeof *ip));

    rte_pktmbuf_prepend(packet, template->len);
    if (unlikely(offload_is_pending(packet))) {
        describe_inner(template, packet, udp);
    } else if (unlikely(template->flags & ENCAP_CSUM)) {
        uint16_t checksum =
            (uint16_t)~udp_sum(packet, ip, template->l3_offset + (uint32_t)sizeof *ip, (uint16_t)(total - sizeof *ip));

        /* Zero on the wire means "none" (RFC 768). */
        udp->dgram_cksum = checksum != 0 ? checksum : 0xffff;
    }
    return 0;
}
