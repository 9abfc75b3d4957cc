// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

/* Internet checksums (RFC 1071). A sum is taken of words as they lie in memory, which gives the same bytes whatever the
 * machine's order, so the result is stored as it is; constants enter it in network order. Sums of up to 64 KiB each can
 * be added to one another without care. Any thread. */

/* To 16 bits, not yet complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)(sum + (sum >> 16));
}

/* 'total' and the sum of what follows it, which begins at an odd byte if 'odd' says so. */
static inline uint64_t checksum_join(uint64_t total, uint64_t sum, bool odd)
{
    return total + (odd ? __builtin_bswap16(checksum_fold(sum)) : sum);
}

/* The sum of 'len' bytes at 'from'; the first counts as an even one. */
uint64_t checksum_bytes(const void *from, uint32_t len);

/* The same, and copies them to 'to': every byte is read once. */
uint64_t checksum_copy(void *to, const void *from, uint32_t len);

/* The sum of the 'len' bytes of a packet from 'offset' on, in as many segments as it has; what is beyond its end counts as
 * zero. Not rte_raw_cksum_mbuf(): DPDK 22.11 loses carries of segments that begin at an odd byte. */
uint64_t checksum_packet(const struct rte_mbuf *packet, uint32_t offset, uint32_t len);

/* The sum of the pseudo-header of the IPv4 or IPv6 header at 'ip' (RFC 9293 3.1, RFC 8200 8.1). */
uint64_t checksum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t len);

/* Sets the checksum of the UDP header at 'udp' that carries a tunnel, behind the IP header at 'ip', without reading what it
 * carries: with its own checksum in place, everything from 'inner_l4' on sums up to the complement of 'inner_pseudo', the
 * sum of its pseudo-header. All headers in one piece of memory. */
void checksum_put_outer_udp(const uint8_t *ip, uint8_t *udp, const uint8_t *inner_l4, uint16_t inner_pseudo);
