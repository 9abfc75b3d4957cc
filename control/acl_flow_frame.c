// SPDX-License-Identifier: Apache-2.0
#include "control/acl_flow.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERTYPE_VLAN 0x8100
#define HOP_LIMIT      64
#define HOP_LIMIT_ND   255 /* RFC 4861 3.1 */

static uint8_t *put_16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

/* The smallest valid message of each type of ND (RFC 4861 4). */
static size_t icmpv6_length(uint16_t type)
{
    switch (type) {
    case 134:
        return 16;
    case 135:
    case 136:
        return 24;
    case 137:
        return 40;
    default:
        return 8;
    }
}

static bool is_nd(const struct acl_flow *flow)
{
    return flow->kind == PACKET_IPV6 && flow->protocol == IPPROTO_ICMPV6 && flow->icmp_type >= 133 &&
           flow->icmp_type <= 137;
}

/* 'at' is zeroed. */
static size_t put_l4(const struct acl_flow *flow, uint8_t *at)
{
    bool v6 = flow->kind == PACKET_IPV6;

    if (flow->protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
        at[0] = (uint8_t)flow->icmp_type;
        at[1] = (uint8_t)flow->icmp_code;
        if (is_nd(flow) && icmpv6_length(flow->icmp_type) >= 24)
            put_bytes(at + 8, flow->nd_target.bytes, sizeof flow->nd_target.bytes);
        return v6 ? icmpv6_length(flow->icmp_type) : 8;
    }
    if (!packet_protocol_has_ports((uint8_t)flow->protocol))
        return 8;
    put_16(put_16(at, flow->src_port), flow->dst_port);
    switch (flow->protocol) {
    case IPPROTO_TCP:
        at[12] = 5 << 4;
        at[13] = flow->tcp_flags;
        return 20;
    case IPPROTO_SCTP:
        at[12] = 1; /* INIT: what opens an association (RFC 9260 3.3.2) */
        at[15] = 20;
        return 12 + 20;
    default:
        put_16(at + 4, 8);
        return 8;
    }
}

static size_t put_ipv4(const struct acl_flow *flow, uint8_t *at)
{
    size_t len = 20 + put_l4(flow, at + 20);

    at[0] = 0x45;
    at[1] = (uint8_t)(flow->dscp << 2);
    put_16(at + 2, (uint16_t)len);
    at[8] = HOP_LIMIT;
    at[9] = (uint8_t)flow->protocol;
    put_bytes(put_bytes(at + 12, &flow->src.bytes[12], 4), &flow->dst.bytes[12], 4);
    return len;
}

static size_t put_ipv6(const struct acl_flow *flow, uint8_t *at)
{
    size_t len = put_l4(flow, at + 40);

    at[0] = (uint8_t)(0x60 | flow->dscp >> 2);
    at[1] = (uint8_t)(flow->dscp << 6);
    put_16(at + 4, (uint16_t)len);
    at[6] = (uint8_t)flow->protocol;
    at[7] = is_nd(flow) ? HOP_LIMIT_ND : HOP_LIMIT;
    put_bytes(put_bytes(at + 8, flow->src.bytes, 16), flow->dst.bytes, 16);
    return 40 + len;
}

static size_t put_arp(const struct acl_flow *flow, uint8_t *at)
{
    static const uint8_t head[] = {0, 1, 8, 0, 6, 4};
    uint8_t *end = put_16(put_bytes(at, head, sizeof head), flow->arp_op);

    end = put_bytes(end, flow->src_mac.bytes, 6);
    end = put_bytes(end, &flow->src.bytes[12], 4) + 6;
    put_bytes(end, &flow->dst.bytes[12], 4);
    return 28;
}

size_t acl_flow_frame(const struct acl_flow *flow, uint16_t vlan, uint8_t frame[ACL_FLOW_FRAME_MAX])
{
    uint8_t *at = frame;
    size_t len = 46;

    memset(frame, 0, ACL_FLOW_FRAME_MAX);
    at = put_bytes(put_bytes(at, flow->dst_mac.bytes, 6), flow->src_mac.bytes, 6);
    if (vlan != 0)
        at = put_16(put_16(at, ETHERTYPE_VLAN), vlan);
    at = put_16(at, flow->ethertype);
    switch (flow->kind) {
    case PACKET_IPV4:
        len = put_ipv4(flow, at);
        break;
    case PACKET_IPV6:
        len = put_ipv6(flow, at);
        break;
    case PACKET_ARP:
        len = put_arp(flow, at);
        break;
    case PACKET_L2:
        break;
    }
    return (size_t)(at - frame) + len;
}
