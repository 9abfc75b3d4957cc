// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/rule.h"
#include "dataplane/core/packet.h"

/* A packet in the words of people, as acl/why is asked about: "egress,tcp,nw_src=10.0.0.5,nw_dst=10.0.0.1,tp_dst=22".
 * Control thread. */
struct acl_flow {
    bool has_direction;
    enum rule_direction direction; /* which side of the port is asked */
    enum packet_kind kind;
    struct mac_addr src_mac;
    struct mac_addr dst_mac;
    struct inet_addr src;
    struct inet_addr dst;
    struct inet_addr nd_target;
    /* Numbers in host order. */
    uint16_t ethertype;
    uint16_t vlan; /* that the packet is in on its bridge */
    uint16_t protocol;
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t icmp_type;
    uint16_t icmp_code;
    uint16_t dscp;
    uint16_t arp_op;
    uint8_t tcp_flags;
    uint32_t given; /* fields that the text has, by place in the table */
};

/* Reads 'text', a list separated by commas or spaces. What a connection's first packet may leave open is filled in: SYN
 * for TCP, echo request for ICMP, a source port, link addresses. 0, or -EINVAL with '*error' saying what would be
 * right. */
int acl_flow_parse(const char *text, struct acl_flow *flow, char **error);

bool acl_flow_has_src_mac(const struct acl_flow *flow);
bool acl_flow_has_vlan(const struct acl_flow *flow);

/* The frame of it, with a tag of 'vlan' (0: untagged). Returns its length. */
#define ACL_FLOW_FRAME_MAX 160
size_t acl_flow_frame(const struct acl_flow *flow, uint16_t vlan, uint8_t frame[ACL_FLOW_FRAME_MAX]);
