// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/offload.h"

#include <netinet/in.h>
#include <string.h>

#include "dataplane/core/checksum.h"

#define ETHERNET_LEN       14u
#define VLAN_LEN           4u
#define VLANS_MAX          2
#define IPV4_LEN           20u
#define IPV4_LEN_MAX       60u
#define IPV6_LEN           40u
#define IPV6_EXTENSIONS    4 /* more than any host sends in front of TCP */
#define UDP_LEN            8u
#define TCP_LEN            20u
#define TCP_CHECKSUM       16u
#define UDP_CHECKSUM       6u
#define TCP_CWR            0x80
#define IPV4_FRAGMENT      0x3fff /* more-fragments bit and offset */
#define IPV4_FRAGMENT_WORD 6
#define ETHERTYPE_IPV4     0x0800
#define ETHERTYPE_IPV6     0x86dd

/* Where the headers of a packet are; 'protocol' is TCP or UDP. All of them lie in the first segment. */
struct layers {
    const uint8_t *frame;
    uint32_t readable;
    uint32_t l3;
    uint32_t l4;
    uint8_t protocol;
    bool v6;
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_vlan(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8;
}

static bool find_l4_of_ipv4(struct layers *layers)
{
    const uint8_t *ip = layers->frame + layers->l3;
    uint32_t len;

    if (layers->readable < layers->l3 + IPV4_LEN || ip[0] >> 4 != 4)
        return false;
    len = (ip[0] & 15) * 4u;
    layers->l4 = layers->l3 + len;
    layers->protocol = ip[9];
    layers->v6 = false;
    return len >= IPV4_LEN && (get16(ip + IPV4_FRAGMENT_WORD) & IPV4_FRAGMENT) == 0;
}

/* Past options only: where a routing header is, the pseudo-header has another destination than the packet. */
static bool find_l4_of_ipv6(struct layers *layers)
{
    const uint8_t *ip = layers->frame + layers->l3;

    if (layers->readable < layers->l3 + IPV6_LEN || ip[0] >> 4 != 6)
        return false;
    layers->l4 = layers->l3 + IPV6_LEN;
    layers->protocol = ip[6];
    layers->v6 = true;
    for (int i = 0; layers->protocol == IPPROTO_HOPOPTS || layers->protocol == IPPROTO_DSTOPTS; i++) {
        const uint8_t *extension = layers->frame + layers->l4;

        if (i == IPV6_EXTENSIONS || layers->readable < layers->l4 + 8)
            return false;
        layers->protocol = extension[0];
        layers->l4 += (extension[1] + 1u) * 8;
    }
    return true;
}

static bool find_l4(struct layers *layers)
{
    uint16_t ethertype = get16(layers->frame + layers->l3 - 2);

    if (ethertype == ETHERTYPE_IPV4 ? !find_l4_of_ipv4(layers)
                                    : ethertype != ETHERTYPE_IPV6 || !find_l4_of_ipv6(layers))
        return false;
    return (layers->protocol == IPPROTO_TCP && layers->readable >= layers->l4 + TCP_LEN) ||
           (layers->protocol == IPPROTO_UDP && layers->readable >= layers->l4 + UDP_LEN);
}

/* Finds the outermost TCP or UDP header. False when there is none, or not in one piece. */
static bool find_outermost(const struct rte_mbuf *packet, struct layers *layers)
{
    *layers = (struct layers){
        .frame = rte_pktmbuf_mtod(packet, const uint8_t *), .readable = packet->data_len, .l3 = ETHERNET_LEN};
    if (layers->readable < ETHERNET_LEN)
        return false;
    for (int i = 0; i < VLANS_MAX && is_vlan(get16(layers->frame + layers->l3 - 2)); i++) {
        layers->l3 += VLAN_LEN;
        if (layers->readable < layers->l3)
            return false;
    }
    return find_l4(layers);
}

/* Finds the headers inside the tunnel whose outer headers are 'outer' by where the inner TCP header is said to be: behind
 * an IP header that is behind its Ethernet type. */
static bool find_inner(const struct layers *outer, uint32_t tcp, struct layers *inner)
{
    uint32_t lowest = outer->l4 + UDP_LEN + ETHERNET_LEN;

    for (uint32_t len = IPV4_LEN; len <= IPV4_LEN_MAX && tcp >= lowest + len && tcp < outer->readable; len += 4) {
        *inner = (struct layers){.frame = outer->frame, .readable = outer->readable, .l3 = tcp - len};
        if (find_l4(inner) && inner->l4 == tcp && inner->protocol == IPPROTO_TCP)
            return true;
    }
    return false;
}

static uint64_t family_flag(const struct layers *layers)
{
    return layers->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
}

/* Sums what the header tells, and now. */
static int sum_now(struct rte_mbuf *packet, const struct virtio_net_hdr *header)
{
    uint32_t start = header->csum_start;
    uint32_t at = start + header->csum_offset;
    uint16_t checksum;

    /* The place may be anywhere, but not across two segments: no sender makes such packets. */
    if (start >= packet->pkt_len || at + sizeof checksum > packet->data_len)
        return -EINVAL;
    checksum = (uint16_t)~checksum_fold(checksum_packet(packet, start, packet->pkt_len));
    /* A result of 0 would mean "none" to UDP (RFC 768); TCP does not mind. */
    checksum = checksum != 0 ? checksum : 0xffff;
    memcpy(rte_pktmbuf_mtod_offset(packet, uint8_t *, at), &checksum, sizeof checksum);
    return 0;
}

/* Length of the TCP or UDP header; 0 when it is malformed or not in one piece. */
static uint32_t l4_length(const struct layers *layers)
{
    uint32_t len = layers->protocol == IPPROTO_TCP ? (layers->frame[layers->l4 + 12] >> 4) * 4u : UDP_LEN;

    if (layers->protocol == IPPROTO_TCP && len < TCP_LEN)
        return 0;
    return layers->l4 + len <= layers->readable ? len : 0;
}

static int describe_checksum(struct rte_mbuf *packet, const struct virtio_net_hdr *header)
{
    struct layers layers;
    bool tcp;

    if (!find_outermost(packet, &layers) || layers.l4 != header->csum_start || layers.l4 - layers.l3 > OFFLOAD_L3_MAX ||
        l4_length(&layers) == 0)
        return sum_now(packet, header);
    tcp = layers.protocol == IPPROTO_TCP;
    if (header->csum_offset != (tcp ? TCP_CHECKSUM : UDP_CHECKSUM))
        return sum_now(packet, header);
    packet->tx_offload = rte_mbuf_tx_offload(layers.l3, layers.l4 - layers.l3, l4_length(&layers), 0, 0, 0, 0);
    packet->ol_flags |= family_flag(&layers) | (tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
    return 0;
}

/* Where the IP packet ends by its own account. */
static uint32_t ip_end(const struct layers *layers)
{
    const uint8_t *ip = layers->frame + layers->l3;

    return layers->l3 + (layers->v6 ? IPV6_LEN + get16(ip + 4) : get16(ip + 2));
}

/* Leaves the sum of the whole frame's pseudo-header where the checksum goes: some senders leave other sums there, and
 * the kernel's receive offload a complete one. */
static void put_pseudo(struct rte_mbuf *packet, const struct layers *layers)
{
    uint16_t sum =
        checksum_fold(checksum_pseudo(layers->frame + layers->l3, IPPROTO_TCP, packet->pkt_len - layers->l4));

    memcpy(rte_pktmbuf_mtod_offset(packet, uint8_t *, layers->l4 + TCP_CHECKSUM), &sum, sizeof sum);
}

static void describe_tunnel(struct rte_mbuf *packet, const struct layers *outer)
{
    packet->outer_l2_len = outer->l3 & OFFLOAD_L2_MAX;
    packet->outer_l3_len = (outer->l4 - outer->l3) & OFFLOAD_L3_MAX;
    packet->ol_flags |= RTE_MBUF_F_TX_TUNNEL_UDP | (outer->v6 ? RTE_MBUF_F_TX_OUTER_IPV6 : RTE_MBUF_F_TX_OUTER_IPV4);
    if (get16(outer->frame + outer->l4 + UDP_CHECKSUM) != 0)
        packet->ol_flags |= RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
}

/* A TCP frame that is to be cut, 'outer' around it or NULL. */
static int describe_segments(struct rte_mbuf *packet, const struct layers *layers, uint32_t size,
                             const struct layers *outer)
{
    uint32_t tcp_len = l4_length(layers);
    uint32_t header_len = layers->l4 + tcp_len;
    uint32_t l2 = layers->l3 - (outer != NULL ? outer->l4 : 0);
    uint32_t l3 = layers->l4 - layers->l3;
    uint32_t payload;

    if (tcp_len == 0 || l2 > OFFLOAD_L2_MAX || l3 > OFFLOAD_L3_MAX || ip_end(layers) != packet->pkt_len ||
        size < OFFLOAD_SEGMENT_MIN)
        return -EINVAL;
    payload = packet->pkt_len - header_len;
    if (payload > size * OFFLOAD_SEGMENTS_MAX)
        return -EINVAL;
    put_pseudo(packet, layers);
    packet->ol_flags |= family_flag(layers);
    if (payload <= size && outer == NULL) {
        packet->tx_offload = rte_mbuf_tx_offload(l2, l3, tcp_len, 0, 0, 0, 0);
        packet->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
        return 0;
    }
    packet->tx_offload = rte_mbuf_tx_offload(l2, l3, tcp_len, size, 0, 0, 0);
    packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
    if (outer != NULL)
        describe_tunnel(packet, outer);
    return 0;
}

static int describe_large(struct rte_mbuf *packet, const struct virtio_net_hdr *header)
{
    uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
    struct layers outer, inner;

    if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) || !find_outermost(packet, &outer))
        return -EINVAL;
    /* The kernel's receive offload need not leave a checksum open (and its sum is then not asked for). */
    if (outer.protocol == IPPROTO_TCP &&
        (outer.l4 == header->csum_start || !(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)))
        return outer.v6 == (type == VIRTIO_NET_HDR_GSO_TCPV6)
                   ? describe_segments(packet, &outer, header->gso_size, NULL)
                   : -EINVAL;
    if (outer.protocol != IPPROTO_UDP || !find_inner(&outer, header->csum_start, &inner) ||
        inner.v6 != (type == VIRTIO_NET_HDR_GSO_TCPV6))
        return -EINVAL;
    return describe_segments(packet, &inner, header->gso_size, &outer);
}

int offload_from_virtio(struct rte_mbuf *packet, const struct virtio_net_hdr *header)
{
    if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
        return describe_large(packet, header);
    return header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? describe_checksum(packet, header) : 0;
}

int offload_from_rx_flags(struct rte_mbuf *packet)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_size = packet->tso_segsz};
    bool large = (packet->ol_flags & RTE_MBUF_F_RX_LRO) != 0;
    struct layers layers;

    packet->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO);
    if (!find_outermost(packet, &layers))
        return -EINVAL;
    header.csum_start = (uint16_t)layers.l4;
    header.csum_offset = layers.protocol == IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
    if (large)
        header.gso_type = layers.v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    return offload_from_virtio(packet, &header);
}

bool offload_has_cwr(const struct rte_mbuf *packet)
{
    return *rte_pktmbuf_mtod_offset(packet, const uint8_t *, offload_l4(packet) + 13) & TCP_CWR;
}

void offload_to_virtio(const struct rte_mbuf *packet, struct virtio_net_hdr *header)
{
    memset(header, 0, sizeof *header);
    if (!offload_is_pending(packet))
        return;
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = (uint16_t)offload_l4(packet);
    header->csum_offset =
        (packet->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM ? UDP_CHECKSUM : TCP_CHECKSUM;
    if (!(packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
        return;
    header->gso_type = packet->ol_flags & RTE_MBUF_F_TX_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    if (offload_has_cwr(packet))
        header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    header->gso_size = packet->tso_segsz;
    header->hdr_len = (uint16_t)(header->csum_start + packet->l4_len);
}
