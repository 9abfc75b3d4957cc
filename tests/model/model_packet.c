// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_packet.h"

#include <netinet/in.h>
#include <stdio.h>

struct mac_addr model_mac(uint32_t guest)
{
    if (guest == MODEL_EVERYBODY)
        return (struct mac_addr){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    return (struct mac_addr){{2, 0, 0, 0, 0, (uint8_t)guest}};
}

struct inet_addr model_address(uint32_t guest, bool v6)
{
    if (v6)
        return (struct inet_addr){.bytes = {[0] = 0xfd, [15] = (uint8_t)guest}};
    return (struct inet_addr){.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)guest}};
}

bool model_has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
           protocol == IPPROTO_UDPLITE;
}

bool model_is_icmp(const struct model_packet *packet)
{
    return (packet->kind == MODEL_IPV4 && packet->protocol == IPPROTO_ICMP) ||
           (packet->kind == MODEL_IPV6 && packet->protocol == IPPROTO_ICMPV6);
}

bool model_is_icmp_error(const struct model_packet *packet)
{
    uint8_t type = packet->icmp_type;

    if (!model_is_icmp(packet) || packet->fragment == MODEL_LATER)
        return false;
    if (packet->kind == MODEL_IPV6)
        return type < 128;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

const char *model_packet_format(const struct model_packet *packet, char buf[MODEL_TEXT_LEN])
{
    static const char *const kinds[] = {"l2", "arp", "ipv4", "ipv6"};
    static const char *const fragments[] = {"", " first-fragment", " later-fragment"};
    char src[INET_TEXT_LEN], dst[INET_TEXT_LEN], quote_src[INET_TEXT_LEN], quote_dst[INET_TEXT_LEN];
    int n = snprintf(buf, MODEL_TEXT_LEN, "%u>%u vlan %u %s %#06x %s>%s", packet->from, packet->to, packet->vlan,
                     kinds[packet->kind], packet->ethertype, inet_addr_format(&packet->src, src),
                     inet_addr_format(&packet->dst, dst));

    if (packet->kind == MODEL_IPV4 || packet->kind == MODEL_IPV6)
        n += snprintf(buf + n, MODEL_TEXT_LEN - (size_t)n, " proto %u %u>%u flags %#x icmp %u/%u dscp %u%s id %u",
                      packet->protocol, packet->src_port, packet->dst_port, packet->tcp_flags, packet->icmp_type,
                      packet->icmp_code, packet->dscp, fragments[packet->fragment], packet->fragment_id);
    if (model_is_icmp_error(packet))
        snprintf(buf + n, MODEL_TEXT_LEN - (size_t)n, " about %s>%s proto %u %u>%u type %u%s",
                 inet_addr_format(&packet->quote.src, quote_src), inet_addr_format(&packet->quote.dst, quote_dst),
                 packet->quote.protocol, packet->quote.src_port, packet->quote.dst_port, packet->quote.icmp_type,
                 packet->quote.cut_short ? " cut short" : "");
    return buf;
}
