// SPDX-License-Identifier: Apache-2.0
#include "overlay/decap.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "dataplane/core/offload.h"
#include "overlay/decap_table.h"
#include "overlay/geneve.h"
#include "overlay/inner.h"
#include "overlay/udp_sum.h"
#include "overlay/vxlan.h"
#include "overlay/wire.h"

/* What a frame offers once it has passed for a tunnel packet of ours. Offsets are from the first byte of the frame. */
struct outer {
    const uint8_t *frame;
    const struct rte_ipv4_hdr *ip;
    const struct rte_udp_hdr *udp;
    uint32_t readable; /* bytes in the first segment */
    uint32_t l3_offset;
    uint32_t l4_offset;
    uint16_t total_length; /* of the IP packet */
    uint16_t udp_length;
    uint16_t dst_port;
    enum tunnel_type type;
};

/* Cheapest questions first: most frames of an underlay bridge fall out at the first or second. */
static inline bool find_outer(const struct decap_table *table, uint16_t bridge, uint16_t untagged_vlan,
                              const struct rte_mbuf *packet, struct outer *outer)
{
    const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
    uint32_t len = rte_pktmbuf_data_len(packet);
    uint32_t offset = sizeof(struct rte_ether_hdr);
    const struct decap_endpoint_slot *endpoint;
    const struct rte_ipv4_hdr *ip;
    uint16_t vlan = untagged_vlan;
    uint16_t type;
    int port_type;

    if (len < offset + sizeof *ip + sizeof(struct rte_udp_hdr))
        return false;
    type = wire_get16(frame + 12);
    if (type == RTE_ETHER_TYPE_VLAN) {
        vlan = wire_get16(frame + 14) & RTE_ETHER_MAX_VLAN_ID;
        vlan = vlan == 0 ? untagged_vlan : vlan; /* a priority tag */
        type = wire_get16(frame + 16);
        offset += sizeof(struct rte_vlan_hdr);
    }
    ip = (const struct rte_ipv4_hdr *)(frame + offset);
    if (type != RTE_ETHER_TYPE_IPV4 || len < offset + sizeof *ip || ip->next_proto_id != IPPROTO_UDP)
        return false;
    endpoint = decap_table_endpoint(table, ip->dst_addr, bridge, vlan);
    if (endpoint == NULL || memcmp(frame, endpoint->mac.bytes, sizeof endpoint->mac.bytes) != 0)
        return false;

    outer->frame = frame;
    outer->readable = len;
    outer->ip = ip;
    outer->l3_offset = offset;
    outer->l4_offset = offset + rte_ipv4_hdr_len(ip);
    outer->udp = (const struct rte_udp_hdr *)(frame + outer->l4_offset);
    /* A later fragment has no UDP header. It is left to the kernel, which never gets the first one of a tunnel packet. */
    if (ip->version_ihl >> 4 != IPVERSION || rte_ipv4_hdr_len(ip) < sizeof *ip ||
        len < outer->l4_offset + sizeof *outer->udp || (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0)
        return false;
    outer->dst_port = rte_be_to_cpu_16(outer->udp->dst_port);
    port_type = table->port_types[outer->dst_port];
    if (port_type == DECAP_NO_TYPE)
        return false;
    outer->type = (enum tunnel_type)port_type;
    return true;
}

static bool udp_checksum_correct(const struct outer *outer, const struct rte_mbuf *packet)
{
    uint64_t verdict = packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

    /* Not summed yet, by a sender on this host. */
    if (offload_is_pending(packet))
        return true;
    if (verdict == RTE_MBUF_F_RX_L4_CKSUM_GOOD || verdict == RTE_MBUF_F_RX_L4_CKSUM_NONE)
        return true;
    return udp_sum(packet, outer->ip, outer->l4_offset, outer->udp_length) == 0xffff;
}

/* Lengths and checksums of the outer IPv4 and UDP headers. A device's word that a checksum is right is taken; its word
 * that one is wrong is not, because some say so of packets they cannot judge. */
static inline enum drop_reason check_outer(struct outer *outer, const struct rte_mbuf *packet)
{
    const struct rte_ipv4_hdr *ip = outer->ip;
    uint32_t header_len = outer->l4_offset - outer->l3_offset;

    outer->total_length = rte_be_to_cpu_16(ip->total_length);
    outer->udp_length = rte_be_to_cpu_16(outer->udp->dgram_len);
    if (outer->l3_offset + outer->total_length > rte_pktmbuf_pkt_len(packet) ||
        outer->total_length != header_len + outer->udp_length || outer->udp_length < sizeof *outer->udp ||
        (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG)) != 0)
        return DROP_TUNNEL_HEADER;
    if ((packet->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
        rte_raw_cksum(ip, header_len) != 0xffff)
        return DROP_TUNNEL_CHECKSUM;
    if (outer->udp->dgram_cksum != 0 && !udp_checksum_correct(outer, packet))
        return DROP_TUNNEL_CHECKSUM;
    return DROP_NONE;
}

/* Walks the options of a GENEVE header. None is known here, so any critical one ends the walk (RFC 8926 3.5). */
static enum drop_reason check_options(const uint8_t *options, uint32_t len)
{
    uint32_t offset = 0;

    while (offset < len) {
        const struct geneve_option *option = (const struct geneve_option *)(options + offset);

        /* Both are multiples of 4, so the option's header is there. */
        offset += (uint32_t)sizeof *option + 4u * (option->length & GENEVE_OPTION_LENGTH_MASK);
        if (offset > len)
            return DROP_TUNNEL_HEADER;
        if (option->type & GENEVE_OPTION_CRITICAL)
            return DROP_TUNNEL_OPTION;
    }
    return DROP_NONE;
}

/* The two header parsers: '*vni' and the header's length, given the 'available' bytes that may be read at 'bytes'. */
static inline enum drop_reason parse_vxlan(const uint8_t *bytes, uint32_t available, uint32_t *vni, uint32_t *len)
{
    const struct vxlan_header *vxlan = (const struct vxlan_header *)bytes;

    *len = sizeof *vxlan;
    if (available < sizeof *vxlan || !(vxlan->flags & VXLAN_FLAG_VNI))
        return DROP_TUNNEL_HEADER;
    *vni = wire_get24(vxlan->vni);
    return DROP_NONE;
}

static inline enum drop_reason parse_geneve(const uint8_t *bytes, uint32_t available, uint32_t *vni, uint32_t *len)
{
    const struct geneve_header *geneve = (const struct geneve_header *)bytes;
    uint32_t options_len;

    if (available < sizeof *geneve || (geneve->version_length & GENEVE_VERSION_MASK) != 0)
        return DROP_TUNNEL_HEADER;
    options_len = 4u * (geneve->version_length & GENEVE_LENGTH_MASK);
    *len = (uint32_t)sizeof *geneve + options_len;
    if (available < *len)
        return DROP_TUNNEL_HEADER;
    if (geneve->flags & (GENEVE_FLAG_CONTROL | GENEVE_FLAG_CRITICAL))
        return DROP_TUNNEL_OPTION;
    if (wire_get16(geneve->protocol) != GENEVE_PROTO_ETHERNET)
        return DROP_TUNNEL_HEADER;
    *vni = wire_get24(geneve->vni);
    return options_len == 0 ? DROP_NONE : check_options(bytes + sizeof *geneve, options_len);
}

/* Combines the ECN fields of outer and inner header (RFC 6040 4.2, figure 4). Not-ECT and ECT(0) outside change
 * nothing. */
static enum drop_reason merge_ecn(uint8_t outer_ecn, uint8_t *frame, uint32_t len)
{
    struct inner_ip inner;
    uint8_t ecn;

    if (outer_ecn == INNER_ECN_NOT_ECT || outer_ecn == INNER_ECN_ECT0)
        return DROP_NONE;
    inner = inner_ip_find(frame, len);
    if (inner.header == NULL)
        return DROP_NONE;
    ecn = inner_ip_tos(&inner) & INNER_ECN_MASK;
    if (ecn == INNER_ECN_NOT_ECT)
        return outer_ecn == INNER_ECN_CE ? DROP_TUNNEL_ECN : DROP_NONE;
    /* ECT(0) becomes what the outer field says, ECT(1) only CE; CE stays. */
    if (ecn != INNER_ECN_CE && ecn != outer_ecn)
        inner_ip_set_ecn(&inner, outer_ecn);
    return DROP_NONE;
}

/* What is left undone inside the tunnel stays so; the outer checksum is gone. False when the headers described are not
 * those right behind the tunnel's. */
static bool describe_without_outer(struct rte_mbuf *packet, uint32_t header_len)
{
    uint32_t l2_len = packet->outer_l2_len + packet->outer_l3_len + packet->l2_len - header_len;
    bool inside = (packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK) != 0;

    packet->ol_flags &= ~OFFLOAD_TUNNEL;
    if (!inside) {
        packet->ol_flags &= ~(OFFLOAD_PENDING | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
        return true;
    }
    packet->l2_len = l2_len & OFFLOAD_L2_MAX;
    packet->outer_l2_len = 0;
    packet->outer_l3_len = 0;
    return l2_len == sizeof(struct rte_ether_hdr) ||
           l2_len == sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr);
}

/* Removes 'header_len' bytes in front and whatever the frame has beyond its IP packet (Ethernet padding). */
static inline enum drop_reason strip(const struct outer *outer, struct rte_mbuf *packet, uint32_t header_len)
{
    uint32_t excess = rte_pktmbuf_pkt_len(packet) - outer->l3_offset - outer->total_length;

    /* Padding fills a frame up to 60 bytes; whole segments of it are no padding. */
    if (unlikely(excess != 0) &&
        (excess >= rte_pktmbuf_lastseg(packet)->data_len || rte_pktmbuf_trim(packet, (uint16_t)excess) != 0))
        return DROP_TUNNEL_HEADER;
    if (rte_pktmbuf_data_len(packet) < header_len + sizeof(struct rte_ether_hdr))
        return DROP_TUNNEL_HEADER;
    if (unlikely(offload_is_pending(packet)) && !describe_without_outer(packet, header_len))
        return DROP_TUNNEL_HEADER;
    rte_pktmbuf_adj(packet, (uint16_t)header_len);
    /* What the device found out was about the outer headers. */
    packet->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_RSS_HASH);
    packet->packet_type = 0;
    return merge_ecn(outer->ip->type_of_service & INNER_ECN_MASK, rte_pktmbuf_mtod(packet, uint8_t *),
                     rte_pktmbuf_data_len(packet));
}

static inline enum drop_reason decap(const struct decap_table *table, struct outer *outer, struct rte_mbuf *packet,
                                     uint32_t *attachment)
{
    uint32_t offset = outer->l4_offset + (uint32_t)sizeof *outer->udp;
    const struct decap_entry_slot *entry;
    enum drop_reason reason = check_outer(outer, packet);
    uint32_t available, vni, len;

    if (reason != DROP_NONE)
        return reason;
    available = RTE_MIN(outer->readable, outer->l3_offset + outer->total_length);
    available = available > offset ? available - offset : 0;
    if (outer->type == TUNNEL_VXLAN)
        reason = parse_vxlan(outer->frame + offset, available, &vni, &len);
    else
        reason = parse_geneve(outer->frame + offset, available, &vni, &len);
    if (reason != DROP_NONE)
        return reason;

    entry = decap_table_entry(table, outer->type, outer->ip->src_addr, outer->ip->dst_addr, vni, outer->dst_port);
    if (entry == NULL)
        return decap_table_knows_remote(table, outer->ip->src_addr) ? DROP_TUNNEL_UNKNOWN_VNI
                                                                    : DROP_TUNNEL_UNKNOWN_VTEP;
    *attachment = entry->attachment;
    return strip(outer, packet, offset + len);
}

enum decap_verdict decap_packet(const struct decap_table *table, uint16_t bridge, uint16_t untagged_vlan,
                                struct rte_mbuf *packet, uint32_t *attachment, enum drop_reason *reason)
{
    struct outer outer;

    if (!find_outer(table, bridge, untagged_vlan, packet, &outer))
        return DECAP_PASS;
    *reason = decap(table, &outer, packet, attachment);
    return *reason == DROP_NONE ? DECAP_STRIPPED : DECAP_DROP;
}
