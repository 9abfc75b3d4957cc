// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

void flow_key_from_packet(const struct packet *packet, uint32_t attachment, struct flow_key *key)
{
    bool icmp = packet->protocol == (packet->kind == PACKET_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    uint16_t src_port = packet->src_port;
    uint16_t dst_port = packet->dst_port;

    memset(key, 0, sizeof *key);
    memcpy(key->dst_mac, packet->dst_mac.bytes, sizeof key->dst_mac);
    memcpy(key->src_mac, packet->src_mac.bytes, sizeof key->src_mac);
    key->attachment = attachment;
    key->kind = (uint8_t)packet->kind;
    key->vlan = packet->vlan;
    if (icmp) {
        src_port = htons((uint16_t)(packet->icmp_type << 8 | packet->icmp_code));
        dst_port = packet->icmp_id;
    }

    switch (packet->kind) {
    case PACKET_IPV4:
        key->protocol = packet->protocol;
        key->v4.src = inet_addr_v4(&packet->src);
        key->v4.dst = inet_addr_v4(&packet->dst);
        key->v4.src_port = src_port;
        key->v4.dst_port = dst_port;
        break;
    case PACKET_IPV6:
        key->protocol = packet->protocol;
        key->v6.src_port = src_port;
        key->v6.dst_port = dst_port;
        memcpy(key->v6_src, packet->src.bytes, sizeof key->v6_src);
        memcpy(key->v6_dst, packet->dst.bytes, sizeof key->v6_dst);
        break;
    case PACKET_ARP:
    case PACKET_L2:
        key->l2.ethertype = packet->ethertype;
        break;
    }
}

static void format_l4(const struct flow_key *key, uint16_t src_port, uint16_t dst_port, char *buf, size_t size)
{
    unsigned int src = ntohs(src_port), dst = ntohs(dst_port);

    switch (key->protocol) {
    case IPPROTO_TCP:
        snprintf(buf, size, ",tcp(src=%u,dst=%u)", src, dst);
        break;
    case IPPROTO_UDP:
        snprintf(buf, size, ",udp(src=%u,dst=%u)", src, dst);
        break;
    case IPPROTO_SCTP:
        snprintf(buf, size, ",sctp(src=%u,dst=%u)", src, dst);
        break;
    case IPPROTO_ICMP:
        snprintf(buf, size, ",icmp(type=%u,code=%u)", src >> 8, src & 0xff);
        break;
    case IPPROTO_ICMPV6:
        snprintf(buf, size, ",icmpv6(type=%u,code=%u)", src >> 8, src & 0xff);
        break;
    default:
        buf[0] = '\0';
        break;
    }
}

const char *flow_key_format(const struct flow_key *key, const char *in_port, char buf[FLOW_KEY_TEXT_LEN])
{
    char src_mac[MAC_TEXT_LEN], dst_mac[MAC_TEXT_LEN], src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
    char vlan[32] = "", l4[64] = "";
    struct mac_addr mac;
    int n;

    memcpy(mac.bytes, key->src_mac, sizeof mac.bytes);
    mac_addr_format(&mac, src_mac);
    memcpy(mac.bytes, key->dst_mac, sizeof mac.bytes);
    mac_addr_format(&mac, dst_mac);
    if (key->vlan & PACKET_VLAN_PRESENT)
        snprintf(vlan, sizeof vlan, ",vlan(vid=%u)", key->vlan & PACKET_VLAN_ID);
    n = snprintf(buf, FLOW_KEY_TEXT_LEN, "in_port(%s),eth(src=%s,dst=%s)%s", in_port, src_mac, dst_mac, vlan);

    if (key->kind == PACKET_IPV4) {
        inet_ntop(AF_INET, &key->v4.src, src, sizeof src);
        inet_ntop(AF_INET, &key->v4.dst, dst, sizeof dst);
        format_l4(key, key->v4.src_port, key->v4.dst_port, l4, sizeof l4);
        snprintf(buf + n, (size_t)(FLOW_KEY_TEXT_LEN - n), ",eth_type(0x0800),ipv4(src=%s,dst=%s,proto=%u)%s", src, dst,
                 key->protocol, l4);
    } else if (key->kind == PACKET_IPV6) {
        inet_ntop(AF_INET6, key->v6_src, src, sizeof src);
        inet_ntop(AF_INET6, key->v6_dst, dst, sizeof dst);
        format_l4(key, key->v6.src_port, key->v6.dst_port, l4, sizeof l4);
        snprintf(buf + n, (size_t)(FLOW_KEY_TEXT_LEN - n), ",eth_type(0x86dd),ipv6(src=%s,dst=%s,proto=%u)%s", src, dst,
                 key->protocol, l4);
    } else {
        snprintf(buf + n, (size_t)(FLOW_KEY_TEXT_LEN - n), ",eth_type(0x%04x)", key->l2.ethertype);
    }
    return buf;
}
