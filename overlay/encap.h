// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "overlay/tunnel.h"

struct rte_mbuf;

/* A prebuilt outer header: everything but lengths, identifier, checksums, entropy port and inherited fields is in it.
 * One cache line of header bytes (right-aligned, so that one fixed-size copy puts it in front of the frame) and the
 * few numbers that patch it. Immutable after encap_template_init(); part of a composite action. */
#define ENCAP_HEADER_MAX 64
struct encap_template {
    uint8_t header[ENCAP_HEADER_MAX]; /* last 'len' bytes are the header */
    uint8_t len;                      /* outer Ethernet .. VXLAN/GENEVE header */
    uint8_t l3_offset;                /* of the outer IPv4 header, from its first byte */
    uint8_t flags;
    uint8_t ttl;
    uint32_t checksum_base; /* IPv4 header checksum of the constant fields, not folded */
} __attribute__((aligned(64)));

/* 'vlan' is the 802.1Q TCI the outer frame carries, 0 for none. */
void encap_template_init(struct encap_template *out, const struct tunnel_config *tunnel, const struct next_hop *hop,
                         uint16_t vlan);

/* Stage, per packet: puts the outer header in front of the frame in 'packet', whose first segment must belong to this
 * packet alone (the ENCAP_HEADER_MAX bytes before the frame are overwritten). What the frame's sender left undone stays so
 * and is described as inside a tunnel (core/offload.h); that must not be so already.
 * 'entropy' (the flow's hash) chooses the outer source port in 49152..65535 (RFC 7348 5, RFC 8926 3.3); 'id' is the
 * outer IPv4 identification (matters only without DF). TTL and TOS are inherited from an inner IPv4 or IPv6 header,
 * after at most one VLAN tag; other frames get the default TTL and TOS 0. ECN goes out as it is inside (RFC 6040 4.1).
 * The UDP checksum, when there is one, is summed here unless something is left undone.
 *
 * 0, or -ENOBUFS when there is no headroom or the outer packet would exceed 65535 bytes (except where it is going to be
 * cut; its lengths mean nothing then): 'packet' is unchanged then. */
int encap_apply(const struct encap_template *template, struct rte_mbuf *packet, uint32_t entropy, uint16_t id);
