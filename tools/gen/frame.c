// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/frame.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tools/gen/latency.h"

#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY   129
#define BALANCE_SIZE       4u

static bool is_syn(const struct options *options, unsigned int direction)
{
    return direction == FRAME_FLOOD || options->tcp_syn;
}

/* Whether there is a checksum that is to stay right while ports change. */
static bool is_summed(const struct options *options)
{
    return !options->tcp_syn && options->gso == 0 && !options->handshakes &&
           (options->protocol != OPTIONS_UDP || options->ipv6);
}

static uint16_t l3_offset(const struct options *options)
{
    return (uint16_t)(sizeof(struct rte_ether_hdr) + (options->vlan != 0 ? sizeof(struct rte_vlan_hdr) : 0));
}

void frame_lay_out(struct frame_layout *layout, const struct options *options, uint16_t size, uint16_t outer)
{
    uint16_t stamp;

    *layout = (struct frame_layout){.size = (uint16_t)(outer + size), .inner = outer};
    layout->l3 = (uint16_t)(outer + l3_offset(options));
    layout->l4 = (uint16_t)(layout->l3 + (options->ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)));
    layout->ports = layout->l4;
    layout->payload = (uint16_t)(layout->l4 + sizeof(struct rte_udp_hdr));
    if (options->protocol == OPTIONS_ICMP)
        layout->ports = (uint16_t)(layout->l4 + offsetof(struct rte_icmp_hdr, icmp_ident));
    else if (options->protocol == OPTIONS_TCP || options->tcp_syn)
        layout->payload = (uint16_t)(layout->l4 + sizeof(struct rte_tcp_hdr));
    stamp = layout->payload;
    if (is_summed(options)) {
        layout->balance = layout->payload;
        stamp = (uint16_t)(stamp + BALANCE_SIZE);
    }
    layout->stamp = options->latency > 0 ? stamp : 0;
}

uint16_t frame_size_least(const struct options *options)
{
    struct frame_layout layout;
    uint16_t size;

    frame_lay_out(&layout, options, 0, 0);
    size = layout.balance > 0 ? (uint16_t)(layout.balance + BALANCE_SIZE) : layout.payload;
    if (layout.stamp > 0)
        size = (uint16_t)(layout.stamp + (layout.balance > 0 ? 2 : 1) * sizeof(struct latency_stamp));
    return options->gso > 0 ? size : RTE_MAX(size, FRAME_MIN);
}

/* Returns where the network header begins. */
static uint8_t *write_ether(const struct options *options, unsigned int direction, uint8_t *bytes)
{
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    rte_be16_t type = options->ipv6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);

    ether->dst_addr = options->macs[frame_receiver(direction)];
    ether->src_addr = options->macs[direction];
    ether->ether_type = type;
    if (options->vlan != 0) {
        struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(ether + 1);

        ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
        tag->vlan_tci = rte_cpu_to_be_16(options->vlan);
        tag->eth_proto = type;
    }
    return bytes + l3_offset(options);
}

/* Writes the network header of 'length' bytes of 'protocol'; returns what is behind it. */
static uint8_t *write_ip(const struct options *options, unsigned int direction, uint8_t protocol, uint16_t length,
                         uint8_t *bytes)
{
    unsigned int receiver = frame_receiver(direction);

    if (options->ipv6) {
        struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)bytes;

        ip->vtc_flow = RTE_BE32(6u << 28);
        ip->payload_len = rte_cpu_to_be_16(length);
        ip->proto = protocol;
        ip->hop_limits = 64;
        memcpy(ip->src_addr, options->ips6[direction], sizeof ip->src_addr);
        memcpy(ip->dst_addr, options->ips6[receiver], sizeof ip->dst_addr);
        return (uint8_t *)(ip + 1);
    } else {
        struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)bytes;

        ip->version_ihl = RTE_IPV4_VHL_DEF;
        ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof *ip + length));
        ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
        ip->time_to_live = 64;
        ip->next_proto_id = protocol;
        ip->src_addr = options->ips[direction];
        ip->dst_addr = options->ips[receiver];
        ip->hdr_checksum = rte_ipv4_cksum(ip);
        return (uint8_t *)(ip + 1);
    }
}

/* The checksum of the UDP or TCP at 'l4', whose own field is 0, behind the network header at 'l3'. */
static rte_be16_t checksum(const struct options *options, const uint8_t *l3, const uint8_t *l4)
{
    return options->ipv6 ? rte_ipv6_udptcp_cksum((const struct rte_ipv6_hdr *)l3, l4)
                         : rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)l3, l4);
}

static void write_tcp(uint8_t flags, uint32_t sequence, uint32_t acknowledged, uint8_t *bytes)
{
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)bytes;

    tcp->sent_seq = rte_cpu_to_be_32(sequence);
    tcp->recv_ack = rte_cpu_to_be_32(acknowledged);
    tcp->data_off = sizeof *tcp / 4 << 4;
    tcp->tcp_flags = flags;
    tcp->rx_win = RTE_BE16(8192);
}

/* 'length' bytes of ICMP or ICMPv6, whose pseudo-header is in the sum too (RFC 4443 2.3). */
static void write_echo(const struct options *options, unsigned int direction, const uint8_t *l3, uint16_t length,
                       uint8_t *bytes)
{
    struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)bytes;

    if (options->ipv6) {
        icmp->icmp_type = direction == 1 ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;
        icmp->icmp_cksum = checksum(options, l3, bytes);
    } else {
        icmp->icmp_type = direction == 1 ? RTE_IP_ICMP_ECHO_REPLY : RTE_IP_ICMP_ECHO_REQUEST;
        icmp->icmp_cksum = (rte_be16_t)~rte_raw_cksum(bytes, length);
    }
}

static uint8_t protocol_number(const struct options *options, unsigned int direction)
{
    if (is_syn(options, direction) || options->protocol == OPTIONS_TCP)
        return IPPROTO_TCP;
    if (options->protocol == OPTIONS_ICMP)
        return options->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    return IPPROTO_UDP;
}

/* Its length is that of its headers; the rest of the frame is padding. */
static void write_syn(const struct options *options, unsigned int direction, uint8_t *bytes)
{
    uint32_t ports = frame_ports(options, direction, 0);
    uint8_t *l3 = write_ether(options, direction, bytes);
    uint8_t *l4 = write_ip(options, direction, IPPROTO_TCP, sizeof(struct rte_tcp_hdr), l3);

    memcpy(l4, &ports, sizeof ports);
    write_tcp(RTE_TCP_SYN_FLAG, 1, 0, l4);
}

void frame_write(const struct options *options, unsigned int direction, const struct frame_layout *layout,
                 uint8_t *bytes)
{
    uint8_t protocol = protocol_number(options, direction);
    /* The payload of large frames is not in these bytes. */
    uint16_t length = (uint16_t)(layout->size - layout->l4 + options->gso);
    uint32_t ports = frame_ports(options, direction, 0), balance = ~ports;
    uint8_t *l3, *l4;

    memset(bytes + layout->inner, 0, layout->size - layout->inner);
    if (is_syn(options, direction)) {
        write_syn(options, direction, bytes + layout->inner);
        return;
    }
    l3 = write_ether(options, direction, bytes + layout->inner);
    l4 = write_ip(options, direction, protocol, length, l3);
    memcpy(bytes + layout->ports, &ports, sizeof ports);
    if (layout->balance > 0)
        memcpy(bytes + layout->balance, &balance, sizeof balance);
    if (protocol == IPPROTO_UDP) {
        struct rte_udp_hdr *udp = (struct rte_udp_hdr *)l4;

        udp->dgram_len = rte_cpu_to_be_16(length);
        udp->dgram_cksum = options->ipv6 ? checksum(options, l3, l4) : 0;
    } else if (protocol == IPPROTO_TCP) {
        write_tcp(RTE_TCP_ACK_FLAG, 2, 2, l4);
        if (options->gso == 0)
            ((struct rte_tcp_hdr *)l4)->cksum = checksum(options, l3, l4);
    } else {
        write_echo(options, direction, l3, length, l4);
    }
}

void frame_write_stamp(const struct frame_layout *layout, uint64_t clocks, uint8_t *bytes)
{
    const struct latency_stamp stamp = {LATENCY_MAGIC, clocks}, balance = {~LATENCY_MAGIC, ~clocks};

    memcpy(bytes + layout->stamp, &stamp, sizeof stamp);
    if (layout->balance > 0)
        memcpy(bytes + layout->stamp + sizeof stamp, &balance, sizeof balance);
}

uint16_t frame_write_segment(const struct options *options, unsigned int direction, uint32_t flow,
                             const struct frame_segment *segment, uint8_t *bytes)
{
    uint16_t length = (uint16_t)(sizeof(struct rte_tcp_hdr) + segment->payload);
    uint32_t ports = frame_ports(options, direction, flow);
    uint8_t *l3, *l4;
    uint16_t size;

    memset(bytes, 0, FRAME_SEGMENT_MAX + segment->payload);
    l3 = write_ether(options, direction, bytes);
    l4 = write_ip(options, direction, IPPROTO_TCP, length, l3);
    memcpy(l4, &ports, sizeof ports);
    write_tcp(segment->flags, segment->sequence, segment->acknowledged, l4);
    ((struct rte_tcp_hdr *)l4)->cksum = checksum(options, l3, l4);
    size = (uint16_t)(l4 + length - bytes);
    return RTE_MAX(size, FRAME_MIN);
}

bool frame_is_ours(const struct options *options, unsigned int direction, const struct frame_layout *layout,
                   const struct rte_mbuf *frame)
{
    const uint8_t *bytes = rte_pktmbuf_mtod(frame, const uint8_t *);
    const uint8_t *type = bytes + layout->l3 - RTE_ETHER_TYPE_LEN;
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(bytes + layout->l3);
    const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)ip;
    uint16_t wanted = options->ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;

    if (frame->data_len < layout->payload || (type[0] << 8 | type[1]) != wanted)
        return false;
    if (options->ipv6)
        return memcmp(ip6->src_addr, options->ips6[direction], sizeof ip6->src_addr) == 0 &&
               memcmp(ip6->dst_addr, options->ips6[frame_receiver(direction)], sizeof ip6->dst_addr) == 0 &&
               ip6->proto == protocol_number(options, direction);
    return ip->src_addr == options->ips[direction] && ip->dst_addr == options->ips[frame_receiver(direction)] &&
           ip->next_proto_id == protocol_number(options, direction);
}
