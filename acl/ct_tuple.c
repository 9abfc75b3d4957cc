// SPDX-License-Identifier: Apache-2.0
#include "acl/ct_tuple.h"

#include <netinet/in.h>

#include "acl/conntrack.h"

bool ct_icmp_is_query(enum packet_kind kind, uint8_t protocol, uint8_t type)
{
    if (!ct_protocol_is_icmp(kind, protocol))
        return false;
    if (kind == PACKET_IPV6)
        return type == ICMP6_ECHO || type == ICMP6_ECHO_ANSWER;
    return type == ICMP4_ECHO || type == ICMP4_ECHO_REPLY || type == ICMP4_TIMESTAMP || type == ICMP4_TIMESTAMP_REPLY;
}

bool ct_icmp_is_request(enum packet_kind kind, uint8_t type)
{
    if (kind == PACKET_IPV6)
        return type == ICMP6_ECHO;
    return type == ICMP4_ECHO || type == ICMP4_TIMESTAMP;
}

/* The type that answers 'type', and back. */
static uint8_t icmp_counterpart(uint8_t protocol, uint8_t type)
{
    if (protocol == IPPROTO_ICMPV6)
        return type == ICMP6_ECHO ? ICMP6_ECHO_ANSWER : ICMP6_ECHO;
    switch (type) {
    case ICMP4_ECHO:
        return ICMP4_ECHO_REPLY;
    case ICMP4_ECHO_REPLY:
        return ICMP4_ECHO;
    case ICMP4_TIMESTAMP:
        return ICMP4_TIMESTAMP_REPLY;
    default:
        return ICMP4_TIMESTAMP;
    }
}

bool ct_tuple_from_packet(const struct packet *packet, uint32_t zone, struct ct_tuple *tuple)
{
    if ((packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6) || packet->fragment == PACKET_LATER_FRAGMENT)
        return false;

    *tuple = (struct ct_tuple){.src = packet->src, .dst = packet->dst, .protocol = packet->protocol, .zone = zone};
    if (packet_protocol_has_ports(packet->protocol)) {
        tuple->src_port = packet->src_port;
        tuple->dst_port = packet->dst_port;
    } else if (ct_protocol_is_icmp(packet->kind, packet->protocol)) {
        if (!ct_icmp_is_query(packet->kind, packet->protocol, packet->icmp_type))
            return false;
        tuple->src_port = packet->icmp_id;
        tuple->dst_port = packet->icmp_id;
        tuple->icmp_type = packet->icmp_type;
    }
    return true;
}

struct ct_tuple ct_tuple_reverse(const struct ct_tuple *tuple)
{
    struct ct_tuple reverse = {
        .src = tuple->dst,
        .dst = tuple->src,
        .src_port = tuple->dst_port,
        .dst_port = tuple->src_port,
        .protocol = tuple->protocol,
        .zone = tuple->zone,
    };
    enum packet_kind kind = inet_addr_is_v4(&tuple->src) ? PACKET_IPV4 : PACKET_IPV6;

    if (ct_protocol_is_icmp(kind, tuple->protocol))
        reverse.icmp_type = icmp_counterpart(tuple->protocol, tuple->icmp_type);
    return reverse;
}
