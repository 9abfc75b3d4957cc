// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/core/packet.h"

/* What a flow is told apart by: fixed width, zero-padded, compared as bytes.
 *
 *   0        6        12       16   17    18    20                        32               64
 *   | dst MAC| src MAC| ingress|kind|proto|vlan | IPv4: src dst ports     | IPv6: src dst  |
 *   |        |        | attach.|    |     |     | IPv6: ports, zeros      |                |
 *   |        |        |        |    |     |     | L2:   ethertype, zeros  |                |
 *
 * An IPv4 or L2 key is its first 32 bytes, an IPv6 key all 64. The order is that of the frame, so that the fast path
 * builds an IPv4 key from two 16-byte loads. */
#define FLOW_KEY_SHORT 32
#define FLOW_KEY_LONG  64

struct flow_key {
    uint8_t dst_mac[6];
    uint8_t src_mac[6];
    uint32_t attachment;
    uint8_t kind;     /* enum packet_kind of a key in use; never 0xff */
    uint8_t protocol; /* IP protocol; 0 for L2 */
    uint16_t vlan;    /* struct packet's vlan: id and "tag present" */
    union {
        struct {
            uint32_t src;
            uint32_t dst;
            uint16_t src_port; /* network order; ICMP: type and code */
            uint16_t dst_port; /* network order; ICMP: identifier */
        } v4;
        struct {
            uint16_t src_port;
            uint16_t dst_port;
            uint8_t zero[8];
        } v6;
        struct {
            uint16_t ethertype; /* host order */
            uint8_t zero[10];
        } l2;
    };
    uint8_t v6_src[16];
    uint8_t v6_dst[16];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow_key) == FLOW_KEY_LONG, "a key is one cache line");
_Static_assert(__builtin_offsetof(struct flow_key, v6_src) == FLOW_KEY_SHORT, "an IPv4 key is half a line");

/* The key of a parsed packet. Not for packets that are packet_is_uncacheable(). */
void flow_key_from_packet(const struct packet *packet, uint32_t attachment, struct flow_key *key);

static inline bool flow_key_is_long(const struct flow_key *key)
{
    return key->kind == PACKET_IPV6;
}

/* Text in the manner of ovs-appctl dpctl/dump-flows: "in_port(5),eth(src=..,dst=..),eth_type(0x0800),ipv4(..),tcp(..)".
 * 'in_port' is the name to print for the ingress attachment. Returns 'buf'. */
#define FLOW_KEY_TEXT_LEN 512
const char *flow_key_format(const struct flow_key *key, const char *in_port, char buf[FLOW_KEY_TEXT_LEN]);
