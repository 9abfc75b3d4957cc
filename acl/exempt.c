// SPDX-License-Identifier: Apache-2.0
#include "acl/policy.h"

#include <netinet/in.h>

/* RFC 2131 4.1 and RFC 8415 7.2. */
#define DHCP_SERVER_PORT   67
#define DHCP_CLIENT_PORT   68
#define DHCPV6_CLIENT_PORT 546
#define DHCPV6_SERVER_PORT 547

static bool has_ports(const struct packet *packet, uint16_t src, uint16_t dst)
{
    return packet->src_port == htons(src) && packet->dst_port == htons(dst);
}

static bool is_dhcp(const struct packet *packet, enum rule_direction direction)
{
    bool v6 = packet->kind == PACKET_IPV6;
    uint16_t client = v6 ? DHCPV6_CLIENT_PORT : DHCP_CLIENT_PORT;
    uint16_t server = v6 ? DHCPV6_SERVER_PORT : DHCP_SERVER_PORT;

    if (packet->protocol != IPPROTO_UDP)
        return false;
    return direction == RULE_EGRESS ? has_ports(packet, client, server) : has_ports(packet, server, client);
}

/* MLD (RFC 2710, RFC 3810) to a group: query, report, done, version 2 report. Asks nothing that the flow key does not
 * say, because the answer is cached; hence no look at the hop limit, which is 1. */
static bool is_mld(const struct packet *packet)
{
    return packet->dst.bytes[0] == 0xff &&
           ((packet->icmp_type >= 130 && packet->icmp_type <= 132) || packet->icmp_type == 143);
}

bool policy_is_exempt(const struct packet *packet, enum rule_direction direction)
{
    if (packet->kind == PACKET_ARP)
        return true;
    /* What is in fragments is not known to be what it says; none of these protocols needs them (RFC 6980). */
    if (packet->fragment != PACKET_WHOLE || packet->kind == PACKET_L2)
        return false;
    if (packet->kind == PACKET_IPV6 && packet->protocol == IPPROTO_ICMPV6)
        return is_mld(packet) || (packet_is_nd(packet) && packet->ttl == 255); /* RFC 4861 3.1: from this link only */
    return is_dhcp(packet, direction);
}
