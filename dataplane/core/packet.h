// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/drop.h"
#include "dataplane/core/inet.h"

/* What the headers of one frame say, in full: the input of every decision that is made once per flow (a cache miss).
 * Packets of known flows never get one of these; they go by struct flow_key alone. */

enum packet_kind {
    PACKET_L2 = 0, /* neither of the below: forwarded by MAC and VLAN only */
    PACKET_IPV4 = 1,
    PACKET_IPV6 = 2,
    PACKET_ARP = 3, /* ARP for IPv4 over Ethernet; src/dst are sender and target protocol address */
};

enum packet_fragment {
    PACKET_WHOLE = 0,
    PACKET_FIRST_FRAGMENT = 1, /* carries the L4 header */
    PACKET_LATER_FRAGMENT = 2, /* does not: ports are zero */
};

#define PACKET_VLAN_ID      0x0fffu
#define PACKET_VLAN_PRESENT 0x1000u /* a tag is on the frame (a priority tag has id 0) */

/* What 'tcp_flags' says of an SCTP packet, so that sessions of both protocols are tracked alike: chunks that change
 * nothing look like a plain ACK. 0: not one whole chunk header. */
#define PACKET_SCTP_PLAIN 0x10u /* DATA, SACK, HEARTBEAT and other chunks that leave the association as it is */
#define PACKET_SCTP_CHUNK 0x40u /* | type of the first chunk that does not (RFC 9260 3.2, below 16) */

struct packet {
    const uint8_t *data; /* first byte of the Ethernet header */
    uint32_t len;        /* bytes that may be read at 'data' (first segment) */
    uint32_t frame_len;  /* bytes of the whole frame (all segments) */
    struct mac_addr dst_mac;
    struct mac_addr src_mac;
    uint16_t vlan;      /* PACKET_VLAN_ID | PACKET_VLAN_PRESENT of the outermost 802.1Q tag */
    uint8_t vlan_pcp;   /* its priority and DEI bits, 0..15 */
    uint16_t ethertype; /* host order, after that tag */
    enum packet_kind kind;
    enum packet_fragment fragment;
    uint16_t l3_offset; /* from 'data'; 0 when kind is PACKET_L2 */
    uint16_t l4_offset; /* from 'data'; 0 when there is no L4 header in this packet */
    uint8_t tos;        /* IPv4 TOS or IPv6 traffic class */
    uint8_t ttl;        /* IPv4 TTL or IPv6 hop limit */
    uint8_t protocol;   /* IP protocol, after IPv6 extension headers; ARP: the operation (1 request, 2 reply) */
    uint8_t tcp_flags;  /* RFC 9293 3.1, low eight bits; SCTP: PACKET_SCTP_*; else 0 */
    uint8_t icmp_type;  /* ICMP and ICMPv6 only */
    uint8_t icmp_code;
    uint16_t icmp_id;  /* network order; echo and timestamp messages only, else 0 */
    uint16_t src_port; /* network order; TCP, UDP, SCTP (and UDP-Lite) only, else 0 */
    uint16_t dst_port;
    struct inet_addr src; /* zero when kind is PACKET_L2 */
    struct inet_addr dst;
    uint32_t fragment_id; /* network order, when fragment != PACKET_WHOLE */
};

/* Reads the headers of the frame of 'len' readable bytes at 'data' ('frame_len' with all segments) into '*packet'.
 *
 * Returns DROP_NONE, or the reason why the frame may not be forwarded: a header that is malformed or reaches beyond
 * the frame (RFC 791, 8200, 826, 9293, 768, 792, 4443). When it fails, data, len, MACs and ethertype are set as far as
 * they were read. Never reads outside 'data'..'data + len'. Checksums are not verified: that is the receiver's. */
enum drop_reason packet_parse(const uint8_t *data, uint32_t len, uint32_t frame_len, struct packet *packet);

/* True for TCP, UDP, UDP-Lite and SCTP: protocols whose first four bytes are two ports. */
static inline bool packet_protocol_has_ports(uint8_t protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 136;
}

/* True for an ICMP or ICMPv6 message that quotes the packet it complains about (RFC 792, RFC 4443 2.1). */
bool packet_is_icmp_error(const struct packet *packet);

/* True for neighbour discovery (RFC 4861: types 133 to 137). */
static inline bool packet_is_nd(const struct packet *packet)
{
    return packet->kind == PACKET_IPV6 && packet->protocol == 58 && packet->icmp_type >= 133 &&
           packet->icmp_type <= 137;
}

/* The Ethernet type that a receiver ends up with who skips priority tags (VLAN 0) and unwraps SNAP (RFC 1042), as common
 * stacks do: differs from 'ethertype' when the frame is IP in disguise (CVE-2021-27853). Only for PACKET_L2. A tag of a
 * real VLAN ends the search. */
uint16_t packet_inner_ethertype(const struct packet *packet);

/* True when what may be said about this packet does not follow from its flow key alone, so that its fate must be
 * decided for each packet: ARP and ND carry addresses in the payload, ICMP errors quote another packet, fragments
 * depend on one another, and an inner Ethernet type is not in the key. */
bool packet_is_uncacheable(const struct packet *packet);
