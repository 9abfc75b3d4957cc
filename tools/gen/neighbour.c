// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/neighbour.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define ND_ADVERTISEMENT 136
#define ND_OVERRIDE      0x20
#define ND_TARGET_MAC    2

/* RFC 4861 4.4, with the one option that matters. */
struct advertisement {
    uint8_t type;
    uint8_t code;
    rte_be16_t checksum;
    uint8_t flags;
    uint8_t reserved[3];
    uint8_t target[16];
    uint8_t option;
    uint8_t option_length; /* in units of 8 bytes */
    struct rte_ether_addr mac;
};

_Static_assert(sizeof(struct advertisement) == 32, "RFC 4861 4.4 and 4.6.1");

/* Returns what is behind the Ethernet header and the tag. */
static uint8_t *write_ether(const struct options *options, const struct rte_ether_addr *source,
                            const struct rte_ether_addr *destination, uint16_t type, uint8_t *bytes)
{
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(ether + 1);

    ether->dst_addr = *destination;
    ether->src_addr = *source;
    ether->ether_type = rte_cpu_to_be_16(type);
    if (options->vlan == 0)
        return (uint8_t *)(ether + 1);
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
    tag->vlan_tci = rte_cpu_to_be_16(options->vlan);
    tag->eth_proto = rte_cpu_to_be_16(type);
    return (uint8_t *)(tag + 1);
}

static void write_arp(uint16_t operation, const struct rte_ether_addr *mac, uint32_t sender, uint32_t target,
                      uint8_t *bytes)
{
    struct rte_arp_hdr *arp = (struct rte_arp_hdr *)bytes;

    arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
    arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    arp->arp_hlen = RTE_ETHER_ADDR_LEN;
    arp->arp_plen = sizeof(uint32_t);
    arp->arp_opcode = rte_cpu_to_be_16(operation);
    arp->arp_data.arp_sha = *mac;
    arp->arp_data.arp_sip = sender;
    arp->arp_data.arp_tip = target;
}

static uint16_t write_advertisement(const struct options *options, unsigned int guest, uint8_t *bytes)
{
    static const struct rte_ether_addr all_nodes = {{0x33, 0x33, 0, 0, 0, 1}};
    struct rte_ipv6_hdr *ip =
        (struct rte_ipv6_hdr *)write_ether(options, &options->macs[guest], &all_nodes, RTE_ETHER_TYPE_IPV6, bytes);
    struct advertisement *advertisement = (struct advertisement *)(ip + 1);

    ip->vtc_flow = RTE_BE32(6u << 28);
    ip->payload_len = rte_cpu_to_be_16(sizeof *advertisement);
    ip->proto = IPPROTO_ICMPV6;
    ip->hop_limits = 255;
    memcpy(ip->src_addr, options->ips6[guest], sizeof ip->src_addr);
    ip->dst_addr[0] = 0xff;
    ip->dst_addr[1] = 0x02;
    ip->dst_addr[15] = 1;
    advertisement->type = ND_ADVERTISEMENT;
    advertisement->flags = ND_OVERRIDE;
    memcpy(advertisement->target, options->ips6[guest], sizeof advertisement->target);
    advertisement->option = ND_TARGET_MAC;
    advertisement->option_length = 1;
    advertisement->mac = options->macs[guest];
    advertisement->checksum = rte_ipv6_udptcp_cksum(ip, advertisement);
    return (uint16_t)((uint8_t *)(advertisement + 1) - bytes);
}

uint16_t neighbour_write_announcement(const struct options *options, unsigned int guest, uint8_t *bytes)
{
    static const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

    memset(bytes, 0, NEIGHBOUR_FRAME_MAX);
    if (options->ipv6)
        return write_advertisement(options, guest, bytes);
    write_arp(RTE_ARP_OP_REQUEST, &options->macs[guest], options->ips[guest], options->ips[guest],
              write_ether(options, &options->macs[guest], &all, RTE_ETHER_TYPE_ARP, bytes));
    return FRAME_MIN;
}

bool neighbour_is_announcement(const struct options *options, unsigned int guest, uint16_t inner,
                               const struct rte_mbuf *frame)
{
    uint16_t l3 =
        (uint16_t)(inner + sizeof(struct rte_ether_hdr) + (options->vlan != 0 ? sizeof(struct rte_vlan_hdr) : 0));
    const uint8_t *bytes = rte_pktmbuf_mtod(frame, const uint8_t *);
    const uint8_t *type = bytes + l3 - RTE_ETHER_TYPE_LEN;
    const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(bytes + l3);
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(bytes + l3);
    const struct advertisement *advertisement = (const struct advertisement *)(ip + 1);

    if (options->ipv6)
        return frame->data_len >= l3 + sizeof *ip + sizeof *advertisement &&
               (type[0] << 8 | type[1]) == RTE_ETHER_TYPE_IPV6 && ip->proto == IPPROTO_ICMPV6 &&
               advertisement->type == ND_ADVERTISEMENT &&
               memcmp(advertisement->target, options->ips6[guest], sizeof advertisement->target) == 0;
    return frame->data_len >= l3 + sizeof *arp && (type[0] << 8 | type[1]) == RTE_ETHER_TYPE_ARP &&
           arp->arp_data.arp_sip == options->ips[guest];
}
