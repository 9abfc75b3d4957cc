// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* A packet as the model and the generator of histories see it: what it says, not how it is written. The frame that goes
 * through the switch is made from it by model_frame_write(). */

#define MODEL_GUESTS    6u  /* guest n: MAC 02:00:00:00:00:n, 10.0.0.n, fd00::n; attachment n and port n of bridge 1 */
#define MODEL_EVERYBODY 99u /* as 'to': broadcast */
#define MODEL_VLAN      9u  /* the VLAN beside the untagged one */

enum model_kind { MODEL_L2, MODEL_ARP, MODEL_IPV4, MODEL_IPV6 };
enum model_fragment { MODEL_WHOLE, MODEL_FIRST, MODEL_LATER };

/* The packet that an ICMP error complains about. */
struct model_quote {
    bool cut_short; /* ends before the ports */
    struct inet_addr src;
    struct inet_addr dst;
    uint8_t protocol;
    uint8_t icmp_type;
    uint16_t src_port; /* host order; ICMP: the identifier in both */
    uint16_t dst_port;
};

struct model_packet {
    uint32_t from; /* guest that sends it */
    uint32_t to;   /* guest whose MAC it is for, or MODEL_EVERYBODY */
    uint16_t vlan; /* 0 or MODEL_VLAN */
    enum model_kind kind;
    uint16_t ethertype;
    struct mac_addr src_mac;
    struct mac_addr dst_mac;
    struct inet_addr src; /* ARP: sender and target */
    struct inet_addr dst;
    uint8_t protocol;
    uint8_t dscp;
    uint8_t tcp_flags;
    uint8_t sctp_chunk; /* type of its first chunk */
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint16_t src_port; /* host order; ICMP queries: the identifier in both */
    uint16_t dst_port;
    enum model_fragment fragment;
    uint32_t fragment_id;
    uint16_t fragment_offset; /* in bytes, a multiple of 8 */
    bool more_fragments;
    struct model_quote quote; /* of an ICMP error */
};

struct mac_addr model_mac(uint32_t guest);
struct inet_addr model_address(uint32_t guest, bool v6);

bool model_has_ports(uint8_t protocol);
/* ICMP in IPv4, ICMPv6 in IPv6. */
bool model_is_icmp(const struct model_packet *packet);
bool model_is_icmp_error(const struct model_packet *packet);

#define MODEL_FRAME_LEN 256u
/* Writes the frame; returns its length, at most MODEL_FRAME_LEN. */
uint32_t model_frame_write(const struct model_packet *packet, uint8_t frame[MODEL_FRAME_LEN]);

/* One line for people. Returns 'buf'. */
#define MODEL_TEXT_LEN 240u
const char *model_packet_format(const struct model_packet *packet, char buf[MODEL_TEXT_LEN]);
