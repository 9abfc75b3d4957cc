// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "overlay/wire.h"

/* The fields of an inner IP header that concern a tunnel: what is inherited on encap and marked on decap. */

#define INNER_ECN_MASK    0x03
#define INNER_ECN_NOT_ECT 0
#define INNER_ECN_ECT1    1
#define INNER_ECN_ECT0    2
#define INNER_ECN_CE      3

struct inner_ip {
    uint8_t *header; /* NULL: the frame is no IP packet, or too short to tell */
    bool v6;
};

/* Finds the IP header of the frame of 'len' readable bytes, after at most one 802.1Q tag. */
static inline struct inner_ip inner_ip_find(uint8_t *frame, uint32_t len)
{
    struct inner_ip none = {.header = NULL, .v6 = false};
    uint32_t offset = sizeof(struct rte_ether_hdr);
    uint16_t type;

    /* The longer of both forms, so that one comparison covers either; an IP frame is at least 60 bytes on a wire. */
    if (len < offset + sizeof(struct rte_vlan_hdr) + sizeof(struct rte_ipv4_hdr))
        return none;
    type = wire_get16(frame + 12);
    if (type == RTE_ETHER_TYPE_VLAN) {
        type = wire_get16(frame + 16);
        offset += sizeof(struct rte_vlan_hdr);
    }
    if (type == RTE_ETHER_TYPE_IPV4 && frame[offset] >> 4 == 4)
        return (struct inner_ip){.header = frame + offset, .v6 = false};
    if (type == RTE_ETHER_TYPE_IPV6 && frame[offset] >> 4 == 6)
        return (struct inner_ip){.header = frame + offset, .v6 = true};
    return none;
}

static inline uint8_t inner_ip_tos(const struct inner_ip *ip)
{
    const uint8_t *h = ip->header;

    return ip->v6 ? (uint8_t)(h[0] << 4 | h[1] >> 4) : h[1];
}

static inline uint8_t inner_ip_ttl(const struct inner_ip *ip)
{
    return ip->header[ip->v6 ? 7 : 8];
}

/* Replaces the ECN field; the IPv4 header checksum is updated (RFC 1624, equation 3). */
static inline void inner_ip_set_ecn(const struct inner_ip *ip, uint8_t ecn)
{
    uint8_t *h = ip->header;
    uint32_t sum;

    if (ip->v6) {
        h[1] = (uint8_t)((h[1] & ~(INNER_ECN_MASK << 4)) | ecn << 4);
        return;
    }
    sum = (uint16_t)~wire_get16(h + 10) + (uint16_t)~wire_get16(h);
    h[1] = (uint8_t)((h[1] & ~INNER_ECN_MASK) | ecn);
    sum += wire_get16(h);
    wire_put16(h + 10, (uint16_t)~wire_fold(sum));
}
