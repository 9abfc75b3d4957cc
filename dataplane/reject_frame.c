// SPDX-License-Identifier: Apache-2.0
#include "dataplane/reject_frame.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "acl/tcp_states.h"

#define ETHERNET_LEN    14u
#define TAG_LEN         4u
#define IPV4_LEN        20u
#define IPV6_LEN        40u
#define TCP_LEN         20u
#define ICMP_LEN        8u
#define TTL             64u
#define ICMP_V4_MAX     576u
#define ICMP_V6_MAX     1280u
#define UNREACHABLE_V4  3u
#define UNREACHABLE_V6  1u
#define PORT_CODE_V4    3u
#define PORT_CODE_V6    4u
#define TCP_DATA_OFFSET (5u << 4)

static bool is_one_host(const struct inet_addr *addr)
{
    if (inet_addr_is_v4(addr))
        return addr->bytes[12] != 0 && addr->bytes[12] < 224;
    return addr->bytes[0] != 0xff && !inet_addr_is_zero(addr);
}

static bool is_due(const struct packet *refused)
{
    if ((refused->kind != PACKET_IPV4 && refused->kind != PACKET_IPV6) || refused->l4_offset == 0)
        return false;
    if (refused->fragment == PACKET_LATER_FRAGMENT || mac_addr_is_multicast(&refused->dst_mac))
        return false;
    if (!is_one_host(&refused->src) || !is_one_host(&refused->dst) || packet_is_icmp_error(refused))
        return false;
    return refused->protocol != IPPROTO_TCP || (refused->tcp_flags & TCP_FLAG_RST) == 0;
}

/* Length of the refused IP packet, as its header says. */
static uint32_t ip_length(const struct packet *refused)
{
    const uint8_t *ip = refused->data + refused->l3_offset;

    if (refused->kind == PACKET_IPV4)
        return (uint32_t)(ip[2] << 8 | ip[3]);
    return IPV6_LEN + (uint32_t)(ip[4] << 8 | ip[5]);
}

/* Back where it came from. Returns the length. */
static uint32_t put_ethernet(const struct packet *refused, uint8_t *frame)
{
    bool tagged = (refused->vlan & PACKET_VLAN_PRESENT) != 0;
    uint32_t len = ETHERNET_LEN + (tagged ? TAG_LEN : 0);

    memcpy(frame, refused->data, len);
    memcpy(frame, refused->src_mac.bytes, 6);
    memcpy(frame + 6, refused->dst_mac.bytes, 6);
    return len;
}

/* The IP header for 'payload' bytes of 'protocol'. Returns its length; the IPv4 checksum is in place. */
static uint32_t put_ip(const struct packet *refused, uint8_t protocol, uint32_t payload, uint8_t *at)
{
    const uint8_t *ip = refused->data + refused->l3_offset;

    if (refused->kind == PACKET_IPV4) {
        struct rte_ipv4_hdr *header = (struct rte_ipv4_hdr *)at;

        *header = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
                                        .total_length = htons((uint16_t)(IPV4_LEN + payload)),
                                        .time_to_live = TTL,
                                        .next_proto_id = protocol};
        memcpy(&header->src_addr, ip + 16, 4);
        memcpy(&header->dst_addr, ip + 12, 4);
        header->hdr_checksum = rte_ipv4_cksum(header);
        return IPV4_LEN;
    } else {
        struct rte_ipv6_hdr *header = (struct rte_ipv6_hdr *)at;

        *header = (struct rte_ipv6_hdr){
            .vtc_flow = htonl(6u << 28), .payload_len = htons((uint16_t)payload), .proto = protocol, .hop_limits = TTL};
        memcpy(header->src_addr, ip + 24, 16);
        memcpy(header->dst_addr, ip + 8, 16);
        return IPV6_LEN;
    }
}

static uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t put_reset(const struct packet *refused, uint8_t *ip)
{
    const uint8_t *tcp = refused->data + refused->l4_offset;
    uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
    uint32_t before = refused->l4_offset - refused->l3_offset;
    uint32_t len = ip_length(refused) - before - header;
    uint32_t offset = put_ip(refused, IPPROTO_TCP, TCP_LEN, ip);
    struct rte_tcp_hdr *reset = (struct rte_tcp_hdr *)(ip + offset);

    *reset = (struct rte_tcp_hdr){.src_port = refused->dst_port, .dst_port = refused->src_port};
    reset->data_off = TCP_DATA_OFFSET;
    if (refused->tcp_flags & TCP_FLAG_ACK) {
        memcpy(&reset->sent_seq, tcp + 8, 4);
        reset->tcp_flags = TCP_FLAG_RST;
    } else {
        len += (refused->tcp_flags & TCP_FLAG_SYN) != 0;
        len += (refused->tcp_flags & TCP_FLAG_FIN) != 0;
        reset->recv_ack = htonl(read_be32(tcp + 4) + len);
        reset->tcp_flags = TCP_FLAG_RST | TCP_FLAG_ACK;
    }
    if (refused->kind == PACKET_IPV4)
        reset->cksum = rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)ip, reset);
    else
        reset->cksum = rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)ip, reset);
    return offset + TCP_LEN;
}

static uint32_t put_unreachable(const struct packet *refused, uint8_t *ip)
{
    bool v4 = refused->kind == PACKET_IPV4;
    uint32_t most = v4 ? ICMP_V4_MAX - IPV4_LEN - ICMP_LEN : ICMP_V6_MAX - IPV6_LEN - ICMP_LEN;
    uint32_t quoted = ip_length(refused);
    uint32_t offset;
    uint16_t sum;
    uint8_t *icmp;

    if (quoted > refused->len - refused->l3_offset)
        quoted = refused->len - refused->l3_offset;
    if (quoted > most)
        quoted = most;
    offset = put_ip(refused, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, ICMP_LEN + quoted, ip);
    icmp = ip + offset;
    memset(icmp, 0, ICMP_LEN);
    icmp[0] = v4 ? UNREACHABLE_V4 : UNREACHABLE_V6;
    icmp[1] = v4 ? PORT_CODE_V4 : PORT_CODE_V6;
    memcpy(icmp + ICMP_LEN, refused->data + refused->l3_offset, quoted);
    sum =
        v4 ? (uint16_t)~rte_raw_cksum(icmp, ICMP_LEN + quoted) : rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)ip, icmp);
    memcpy(icmp + 2, &sum, sizeof sum);
    return offset + ICMP_LEN + quoted;
}

uint32_t reject_frame_build(const struct packet *refused, uint8_t frame[REJECT_FRAME_MAX])
{
    uint32_t len;

    if (!is_due(refused))
        return 0;
    len = put_ethernet(refused, frame);
    if (refused->protocol == IPPROTO_TCP)
        return len + put_reset(refused, frame + len);
    return len + put_unreachable(refused, frame + len);
}
