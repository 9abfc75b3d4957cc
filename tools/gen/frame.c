// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/frame.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

_Static_assert(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) == FRAME_L4_OFFSET, "no VLAN, no options");

static bool is_syn(const struct options *options, unsigned int direction)
{
    return direction == FRAME_FLOOD || options->tcp_syn;
}

static unsigned int receiver(unsigned int direction)
{
    return direction == 1 ? 0 : 1;
}

/* Returns the length of what is behind the network header; the rest of the frame is padding. */
static uint16_t write_syn(uint8_t *bytes)
{
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)bytes;

    tcp->sent_seq = RTE_BE32(1);
    tcp->data_off = sizeof *tcp / 4 << 4;
    tcp->tcp_flags = RTE_TCP_SYN_FLAG;
    tcp->rx_win = RTE_BE16(8192);
    return sizeof *tcp;
}

static uint16_t write_udp(uint8_t *bytes, uint16_t size)
{
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)bytes;

    udp->dgram_len = rte_cpu_to_be_16(size);
    return size;
}

void frame_write(const struct options *options, unsigned int direction, uint8_t *bytes)
{
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
    uint32_t ports = frame_ports(options, direction, 0);
    uint16_t length;

    memset(bytes, 0, options->size);
    memcpy(ip + 1, &ports, sizeof ports);
    length = is_syn(options, direction) ? write_syn((uint8_t *)(ip + 1))
                                        : write_udp((uint8_t *)(ip + 1), (uint16_t)(options->size - FRAME_L4_OFFSET));
    ether->dst_addr = options->macs[receiver(direction)];
    ether->src_addr = options->macs[direction];
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    ip->version_ihl = RTE_IPV4_VHL_DEF;
    ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof *ip + length));
    ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
    ip->time_to_live = 64;
    ip->next_proto_id = is_syn(options, direction) ? IPPROTO_TCP : IPPROTO_UDP;
    ip->src_addr = options->ips[direction];
    ip->dst_addr = options->ips[receiver(direction)];
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void frame_write_announcement(const struct options *options, unsigned int device, uint8_t *bytes)
{
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ether + 1);

    memset(bytes, 0, FRAME_MIN);
    memset(&ether->dst_addr, 0xff, sizeof ether->dst_addr);
    ether->src_addr = options->macs[device];
    ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
    arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
    arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    arp->arp_hlen = RTE_ETHER_ADDR_LEN;
    arp->arp_plen = sizeof(uint32_t);
    arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST);
    arp->arp_data.arp_sha = options->macs[device];
    arp->arp_data.arp_sip = options->ips[device];
    arp->arp_data.arp_tip = options->ips[device];
}

bool frame_is_ours(const struct options *options, unsigned int direction, const struct rte_mbuf *frame)
{
    const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);

    return frame->pkt_len == options->size && ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
           ip->src_addr == options->ips[direction] && ip->dst_addr == options->ips[receiver(direction)] &&
           ip->next_proto_id == (is_syn(options, direction) ? IPPROTO_TCP : IPPROTO_UDP);
}

bool frame_is_announcement(const struct options *options, unsigned int device, const struct rte_mbuf *frame)
{
    const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, const struct rte_ether_hdr *);
    const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(ether + 1);

    return frame->data_len >= sizeof *ether + sizeof *arp && ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
           arp->arp_data.arp_sip == options->ips[device];
}
