// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

struct rte_ipv4_hdr;
struct rte_mbuf;

/* The ones' complement sum (RFC 768, RFC 1071) over the pseudo header of 'ip' and the 'len' bytes at 'offset' of
 * 'packet', its UDP datagram, in as many segments as it has; in network order. A datagram whose checksum is in place
 * and right sums up to 0xffff; one with a checksum field of zero to the complement of what belongs there. Bytes beyond
 * the packet's end count as zero. */
uint16_t udp_sum(const struct rte_mbuf *packet, const struct rte_ipv4_hdr *ip, uint32_t offset, uint16_t len);
