// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet.h"

#include <netinet/in.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd

/* More extension headers than any real host sends; bounds the walk. */
#define IPV6_EXTENSIONS_MAX 8

static uint16_t read_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint16_t read_raw16(const uint8_t *p)
{
    uint16_t value;

    memcpy(&value, p, sizeof value);
    return value;
}

static uint32_t read_raw32(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof value);
    return value;
}

/* Chunks that are looked at before one is taken for an ordinary packet: nothing that opens or ends an association comes
 * after so many others. */
#define SCTP_CHUNKS_MAX 8

/* INIT, INIT ACK, ABORT, SHUTDOWN, SHUTDOWN ACK, COOKIE ECHO, COOKIE ACK, SHUTDOWN COMPLETE (RFC 9260 3.2). */
static bool is_sctp_state_chunk(uint8_t type)
{
    return type < 16 && (1u << type & 0x4dc6u) != 0;
}

/* PACKET_SCTP_* of the chunks after the common header. AUTH (RFC 4895) and SACK may come before the one that counts. */
static uint8_t sctp_flags(const uint8_t *l4, uint32_t avail)
{
    uint32_t offset = 12;
    uint8_t flags = 0;

    for (int i = 0; i < SCTP_CHUNKS_MAX && avail - offset >= 4; i++) {
        uint32_t len = (read_be16(l4 + offset + 2) + 3u) & ~3u;

        if (is_sctp_state_chunk(l4[offset]))
            return PACKET_SCTP_CHUNK | l4[offset];
        if (len < 4)
            return flags;
        flags = PACKET_SCTP_PLAIN;
        if (len > avail - offset)
            return flags;
        offset += len;
    }
    return flags;
}

/* The L4 header: 'l4' has 'avail' readable bytes of an IP payload of 'payload' bytes (which may be larger). */
static enum drop_reason parse_l4(struct packet *packet, const uint8_t *l4, uint32_t avail, uint32_t payload)
{
    switch (packet->protocol) {
    case IPPROTO_TCP:
        /* A first fragment without the whole TCP header exists only to slip past filters (RFC 1858 3). */
        if (avail < 20 || (uint32_t)(l4[12] >> 4) * 4 < 20 || (uint32_t)(l4[12] >> 4) * 4 > payload)
            return DROP_L4_HEADER;
        packet->tcp_flags = l4[13];
        break;
    case IPPROTO_UDP:
        if (avail < 8 || read_be16(l4 + 4) < 8)
            return DROP_L4_HEADER;
        if (packet->fragment == PACKET_WHOLE && read_be16(l4 + 4) > payload)
            return DROP_L4_HEADER;
        break;
    case IPPROTO_UDPLITE:
        if (avail < 8)
            return DROP_L4_HEADER;
        break;
    case IPPROTO_SCTP:
        if (avail < 12)
            return DROP_L4_HEADER;
        packet->tcp_flags = sctp_flags(l4, avail);
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        if ((packet->protocol == IPPROTO_ICMP) != (packet->kind == PACKET_IPV4))
            return DROP_NONE;
        if (avail < 8)
            return DROP_L4_HEADER;
        packet->icmp_type = l4[0];
        packet->icmp_code = l4[1];
        /* Echo (8/0, 128/129) and timestamp (13/14) carry an identifier. */
        if (packet->kind == PACKET_IPV4 ? l4[0] == 8 || l4[0] == 0 || l4[0] == 13 || l4[0] == 14
                                        : l4[0] == 128 || l4[0] == 129)
            packet->icmp_id = read_raw16(l4 + 4);
        return DROP_NONE;
    default:
        return DROP_NONE;
    }
    packet->src_port = read_raw16(l4);
    packet->dst_port = read_raw16(l4 + 2);
    return DROP_NONE;
}

static enum drop_reason parse_ipv4(struct packet *packet)
{
    const uint8_t *ip = packet->data + packet->l3_offset;
    uint32_t avail = packet->len - packet->l3_offset;
    uint32_t frame = packet->frame_len - packet->l3_offset;
    uint32_t header, total, fragment;

    if (avail < 20 || ip[0] >> 4 != 4)
        return DROP_IP_HEADER;
    header = (ip[0] & 0xfu) * 4;
    total = read_be16(ip + 2);
    if (header < 20 || header > avail || total < header || total > frame)
        return DROP_IP_HEADER;

    packet->kind = PACKET_IPV4;
    packet->tos = ip[1];
    packet->ttl = ip[8];
    packet->protocol = ip[9];
    packet->src = inet_addr_from_v4(read_raw32(ip + 12));
    packet->dst = inet_addr_from_v4(read_raw32(ip + 16));

    fragment = read_be16(ip + 6);
    if ((fragment & 0x3fff) != 0) {
        packet->fragment_id = read_raw16(ip + 4);
        packet->fragment = (fragment & 0x1fff) == 0 ? PACKET_FIRST_FRAGMENT : PACKET_LATER_FRAGMENT;
        if (packet->fragment == PACKET_LATER_FRAGMENT) {
            /* Offset 8 would overwrite the TCP flags of the first fragment (RFC 3128). */
            return packet->protocol == IPPROTO_TCP && (fragment & 0x1fff) == 1 ? DROP_L4_HEADER : DROP_NONE;
        }
    }
    packet->l4_offset = (uint16_t)(packet->l3_offset + header);
    avail = avail < total ? avail : total;
    return parse_l4(packet, ip + header, avail - header, total - header);
}

static bool is_ipv6_extension(uint8_t protocol)
{
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
           protocol == IPPROTO_FRAGMENT;
}

static enum drop_reason parse_ipv6(struct packet *packet)
{
    const uint8_t *ip = packet->data + packet->l3_offset;
    uint32_t avail = packet->len - packet->l3_offset;
    uint32_t frame = packet->frame_len - packet->l3_offset;
    uint32_t total, offset = 40;

    if (avail < 40 || ip[0] >> 4 != 6)
        return DROP_IP_HEADER;
    total = read_be16(ip + 4) + 40u;
    if (total > frame)
        return DROP_IP_HEADER;

    packet->kind = PACKET_IPV6;
    packet->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
    packet->ttl = ip[7];
    packet->protocol = ip[6];
    packet->src = inet_addr_from_v6(ip + 8);
    packet->dst = inet_addr_from_v6(ip + 24);
    avail = avail < total ? avail : total;

    for (int i = 0; is_ipv6_extension(packet->protocol); i++) {
        const uint8_t *extension = ip + offset;

        if (i == IPV6_EXTENSIONS_MAX || avail - offset < 8)
            return DROP_IPV6_EXTENSION;
        if (packet->protocol == IPPROTO_FRAGMENT) {
            uint16_t fragment = read_be16(extension + 2);

            packet->fragment_id = read_raw32(extension + 4);
            if ((fragment & 0xfff8) != 0)
                packet->fragment = PACKET_LATER_FRAGMENT;
            else if (fragment & 1)
                packet->fragment = PACKET_FIRST_FRAGMENT; /* else an atomic fragment, RFC 6946: whole */
            offset += 8;
        } else {
            offset += (extension[1] + 1u) * 8;
        }
        if (offset > avail)
            return DROP_IPV6_EXTENSION;
        packet->protocol = extension[0];
        if (packet->fragment == PACKET_LATER_FRAGMENT)
            return DROP_NONE;
    }
    packet->l4_offset = (uint16_t)(packet->l3_offset + offset);
    return parse_l4(packet, ip + offset, avail - offset, total - offset);
}

/* RFC 826, for Ethernet and IPv4. Other hardware or protocol types are forwarded as plain L2 frames. */
static enum drop_reason parse_arp(struct packet *packet)
{
    const uint8_t *arp = packet->data + packet->l3_offset;
    uint32_t avail = packet->len - packet->l3_offset;

    if (avail < 8)
        return DROP_ARP_HEADER;
    if (read_be16(arp) != 1 || read_be16(arp + 2) != ETHERTYPE_IPV4) {
        packet->l3_offset = 0;
        return DROP_NONE;
    }
    if (avail < 28 || arp[4] != 6 || arp[5] != 4)
        return DROP_ARP_HEADER;
    packet->kind = PACKET_ARP;
    packet->protocol = read_be16(arp + 6) > 255 ? 255 : arp[7];
    packet->src = inet_addr_from_v4(read_raw32(arp + 14));
    packet->dst = inet_addr_from_v4(read_raw32(arp + 24));
    return DROP_NONE;
}

enum drop_reason packet_parse(const uint8_t *data, uint32_t len, uint32_t frame_len, struct packet *packet)
{
    uint32_t offset = 14;

    memset(packet, 0, sizeof *packet);
    packet->data = data;
    packet->len = len;
    packet->frame_len = frame_len;
    if (len < 14)
        return DROP_TRUNCATED;
    memcpy(packet->dst_mac.bytes, data, 6);
    memcpy(packet->src_mac.bytes, data + 6, 6);
    packet->ethertype = read_be16(data + 12);
    if (packet->ethertype == ETHERTYPE_VLAN) {
        if (len < 18)
            return DROP_TRUNCATED;
        packet->vlan = (read_be16(data + 14) & PACKET_VLAN_ID) | PACKET_VLAN_PRESENT;
        packet->vlan_pcp = data[14] >> 4;
        packet->ethertype = read_be16(data + 16);
        offset = 18;
    }
    if (mac_addr_is_multicast(&packet->src_mac) || mac_addr_is_zero(&packet->src_mac))
        return DROP_BAD_SOURCE_MAC;

    packet->l3_offset = (uint16_t)offset;
    switch (packet->ethertype) {
    case ETHERTYPE_IPV4:
        return parse_ipv4(packet);
    case ETHERTYPE_IPV6:
        return parse_ipv6(packet);
    case ETHERTYPE_ARP:
        return parse_arp(packet);
    default:
        packet->l3_offset = 0;
        return DROP_NONE;
    }
}

bool packet_is_icmp_error(const struct packet *packet)
{
    if (packet->fragment == PACKET_LATER_FRAGMENT)
        return false;
    if (packet->kind == PACKET_IPV4 && packet->protocol == IPPROTO_ICMP)
        return packet->icmp_type == 3 || packet->icmp_type == 4 || packet->icmp_type == 5 || packet->icmp_type == 11 ||
               packet->icmp_type == 12;
    return packet->kind == PACKET_IPV6 && packet->protocol == IPPROTO_ICMPV6 && packet->icmp_type < 128;
}

static bool is_tag(uint16_t ethertype)
{
    return ethertype == ETHERTYPE_VLAN || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* LLC with SNAP whose protocol is an Ethernet type (RFC 1042, and the bridge tunnel of 802.1H). */
static bool is_snap(const uint8_t *llc)
{
    return llc[0] == 0xaa && llc[1] == 0xaa && llc[2] == 3 && llc[3] == 0 && llc[4] == 0 &&
           (llc[5] == 0 || llc[5] == 0xf8);
}

uint16_t packet_inner_ethertype(const struct packet *packet)
{
    uint32_t offset = packet->vlan & PACKET_VLAN_PRESENT ? 16 : 12;
    uint16_t ethertype = packet->ethertype;

    for (;;) {
        const uint8_t *at = packet->data + offset;

        if (is_tag(ethertype) && offset + 6 <= packet->len) {
            if ((read_be16(at + 2) & PACKET_VLAN_ID) != 0)
                return ethertype;
            offset += 4;
        } else if (ethertype < 0x0600 && offset + 10 <= packet->len && is_snap(at + 2)) { /* a length, IEEE 802.3 */
            offset += 8;
        } else {
            return ethertype;
        }
        ethertype = read_be16(packet->data + offset);
    }
}

bool packet_is_uncacheable(const struct packet *packet)
{
    return packet->kind == PACKET_ARP || packet->fragment != PACKET_WHOLE || packet_is_nd(packet) ||
           packet_is_icmp_error(packet) ||
           (packet->kind == PACKET_L2 && packet_inner_ethertype(packet) != packet->ethertype);
}
