// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/tunnel.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define VXLAN_PORT      4789
#define GENEVE_PORT     6081
#define VXLAN_FLAG_VNI  0x08
#define GENEVE_ETHERNET 0x6558
#define REMOTE          0
#define SWITCH          1
#define TUNNELLED_GUEST 1u

/* Both kinds have the VNI in the same place. */
struct outer {
    struct rte_ether_hdr ether;
    struct rte_ipv4_hdr ip;
    struct rte_udp_hdr udp;
    uint8_t head[4];
    uint8_t vni[3];
    uint8_t reserved;
};
_Static_assert(sizeof(struct outer) == TUNNEL_OUTER_SIZE, "no options");

uint16_t tunnel_outer_size(const struct options *options, unsigned int guest)
{
    return options->tunnel != OPTIONS_NO_TUNNEL && guest == TUNNELLED_GUEST ? TUNNEL_OUTER_SIZE : 0;
}

static rte_be16_t port(const struct options *options)
{
    return options->tunnel == OPTIONS_VXLAN ? RTE_BE16(VXLAN_PORT) : RTE_BE16(GENEVE_PORT);
}

static void write_tunnel_header(const struct options *options, struct outer *outer)
{
    if (options->tunnel == OPTIONS_VXLAN) {
        outer->head[0] = VXLAN_FLAG_VNI;
    } else {
        outer->head[2] = GENEVE_ETHERNET >> 8;
        outer->head[3] = GENEVE_ETHERNET & 0xff;
    }
    outer->vni[0] = (uint8_t)(options->vni >> 16);
    outer->vni[1] = (uint8_t)(options->vni >> 8);
    outer->vni[2] = (uint8_t)options->vni;
}

void tunnel_write(const struct options *options, uint16_t length, uint8_t *bytes)
{
    struct outer *outer = (struct outer *)bytes;
    uint16_t behind_ip = (uint16_t)(sizeof *outer - offsetof(struct outer, udp) + length);
    struct rte_ipv4_hdr ip = {
        .version_ihl = RTE_IPV4_VHL_DEF,
        .total_length = rte_cpu_to_be_16((uint16_t)(sizeof ip + behind_ip)),
        .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
        .time_to_live = 64,
        .next_proto_id = IPPROTO_UDP,
        .src_addr = options->outer_ips[REMOTE],
        .dst_addr = options->outer_ips[SWITCH],
    };

    memset(outer, 0, sizeof *outer);
    ip.hdr_checksum = rte_ipv4_cksum(&ip);
    outer->ether.dst_addr = options->outer_macs[SWITCH];
    outer->ether.src_addr = options->outer_macs[REMOTE];
    outer->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    outer->ip = ip;
    outer->udp.src_port = RTE_BE16(0xc000);
    outer->udp.dst_port = port(options);
    outer->udp.dgram_len = rte_cpu_to_be_16(behind_ip);
    write_tunnel_header(options, outer);
}

bool tunnel_is_ours(const struct options *options, const struct rte_mbuf *frame)
{
    const struct outer *outer = rte_pktmbuf_mtod(frame, const struct outer *);
    struct outer wanted = {0};

    if (frame->data_len < sizeof *outer)
        return false;
    write_tunnel_header(options, &wanted);
    return rte_is_same_ether_addr(&outer->ether.dst_addr, &options->outer_macs[REMOTE]) &&
           rte_is_same_ether_addr(&outer->ether.src_addr, &options->outer_macs[SWITCH]) &&
           outer->ether.ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && outer->ip.version_ihl == RTE_IPV4_VHL_DEF &&
           outer->ip.next_proto_id == IPPROTO_UDP && outer->ip.src_addr == options->outer_ips[SWITCH] &&
           outer->ip.dst_addr == options->outer_ips[REMOTE] && outer->udp.dst_port == port(options) &&
           memcmp(outer->head, wanted.head, sizeof wanted.head) == 0 &&
           memcmp(outer->vni, wanted.vni, sizeof wanted.vni) == 0;
}

static void write_arp(uint16_t operation, const struct options *options, uint32_t target_ip, uint8_t *bytes)
{
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ether + 1);

    ether->src_addr = options->outer_macs[REMOTE];
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
    arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
    arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    arp->arp_hlen = RTE_ETHER_ADDR_LEN;
    arp->arp_plen = sizeof(uint32_t);
    arp->arp_opcode = rte_cpu_to_be_16(operation);
    arp->arp_data.arp_sha = options->outer_macs[REMOTE];
    arp->arp_data.arp_sip = options->outer_ips[REMOTE];
    arp->arp_data.arp_tip = target_ip;
}

uint16_t tunnel_write_arp_request(const struct options *options, uint8_t *bytes)
{
    memset(bytes, 0, FRAME_MIN);
    memset(bytes, 0xff, RTE_ETHER_ADDR_LEN);
    write_arp(RTE_ARP_OP_REQUEST, options, options->outer_ips[SWITCH], bytes);
    return FRAME_MIN;
}

bool tunnel_answer_arp(const struct options *options, struct rte_mbuf *frame)
{
    struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
    struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ether + 1);

    if (frame->data_len < sizeof *ether + sizeof *arp || ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_ARP) ||
        arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) || arp->arp_data.arp_tip != options->outer_ips[REMOTE])
        return false;
    ether->dst_addr = arp->arp_data.arp_sha;
    arp->arp_data.arp_tha = arp->arp_data.arp_sha;
    write_arp(RTE_ARP_OP_REPLY, options, arp->arp_data.arp_sip, (uint8_t *)ether);
    return true;
}
