// SPDX-License-Identifier: Apache-2.0
#include "acl/rule_query.h"

#include <netinet/in.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

static enum rule_family family_of(const struct packet *packet)
{
    switch (packet->kind) {
    case PACKET_IPV4:
        return RULE_IPV4;
    case PACKET_IPV6:
        return RULE_IPV6;
    case PACKET_ARP:
    case PACKET_L2:
        break;
    }
    return RULE_ANY_FAMILY;
}

struct rule_query rule_query_from_packet(const struct packet *packet, uint16_t vlan, enum rule_direction direction)
{
    bool whole = packet->fragment != PACKET_LATER_FRAGMENT;

    return (struct rule_query){
        .remote = direction == RULE_INGRESS ? packet->src : packet->dst,
        .local = direction == RULE_INGRESS ? packet->dst : packet->src,
        .family = family_of(packet),
        .protocol = packet->protocol,
        .has_ports = whole && packet_protocol_has_ports(packet->protocol),
        .src_port = ntohs(packet->src_port),
        .dst_port = ntohs(packet->dst_port),
        .icmp_type = whole ? packet->icmp_type : RULE_ICMP_ANY,
        .icmp_code = packet->icmp_code,
        .src_mac = packet->src_mac,
        .dst_mac = packet->dst_mac,
        .ethertype = packet->ethertype,
        .vlan = vlan,
        .tcp_flags = packet->tcp_flags,
        .dscp = packet->tos >> 2,
    };
}

struct rule_query rule_query_from_session(const struct ct_tuple *tuple, const struct session_traits *traits,
                                          uint16_t vlan, enum rule_direction direction)
{
    bool v4 = inet_addr_is_v4(&tuple->src);

    return (struct rule_query){
        .remote = direction == RULE_INGRESS ? tuple->src : tuple->dst,
        .local = direction == RULE_INGRESS ? tuple->dst : tuple->src,
        .family = v4 ? RULE_IPV4 : RULE_IPV6,
        .protocol = tuple->protocol,
        .has_ports = packet_protocol_has_ports(tuple->protocol),
        .src_port = ntohs(tuple->src_port),
        .dst_port = ntohs(tuple->dst_port),
        .icmp_type = tuple->icmp_type,
        .icmp_code = traits->icmp_code,
        .src_mac = traits->src_mac,
        .dst_mac = traits->dst_mac,
        .ethertype = v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
        .vlan = vlan,
        .tcp_flags = traits->tcp_flags,
        .dscp = traits->dscp,
    };
}

void session_traits_from_packet(const struct packet *packet, struct session_traits *traits)
{
    *traits = (struct session_traits){
        .src_mac = packet->src_mac,
        .dst_mac = packet->dst_mac,
        .tcp_flags = packet->tcp_flags,
        .dscp = packet->tos >> 2,
        .icmp_code = packet->icmp_code,
    };
}
