// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "dataplane/flow_key.h"

/* The per-packet way to a key: untagged or tagged IPv4 without options, not a fragment, TCP or UDP, from two 16-byte
 * loads; and the same for IPv6 without extension headers. Everything else goes the long way round, packet_parse() and
 * flow_key_from_packet(), which gives the same key for the same frame (a unit test sees to that). Both must judge malformed
 * frames alike, hence the length checks here. A source MAC that no sender may have is left to the long way too: no flow with
 * one is ever cached, so the look-up fails and packet_parse() sees the frame. */

/* Bytes that must be readable at 'frame' at the least: Ethernet, IPv4 and UDP. */
#define FLOW_KEY_FAST_LEN (14 + 20 + 8)

static inline uint16_t flow_key_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* Is the TCP or UDP header at 'l4' whole and its length right? 'readable' bytes are there, of the packet's 'len'. */
static inline __attribute__((always_inline)) bool flow_key_l4_is_good(uint8_t protocol, const uint8_t *l4,
                                                                      uint32_t readable, uint32_t len,
                                                                      uint8_t *tcp_flags)
{
    if (protocol == 6) {
        uint32_t header;

        if (readable < 20)
            return false;
        header = (uint32_t)(l4[12] >> 4) * 4;
        *tcp_flags = l4[13];
        return header >= 20 && len >= header;
    }
    if (protocol == 17) {
        uint32_t udp;

        if (readable < 8)
            return false;
        udp = flow_key_be16(l4 + 4);
        *tcp_flags = 0;
        return udp >= 8 && len >= udp;
    }
    return false;
}

/* MACs as they stand, the ingress attachment in place of ethertype and what follows. */
static inline void flow_key_put_head(struct flow_key *key, const uint8_t *frame, uint32_t attachment)
{
    __m128i head = _mm_loadu_si128((const __m128i *)frame);

    _mm_store_si128((__m128i *)key, _mm_insert_epi32(head, (int)attachment, 3));
}

/* 'len' bytes are readable from the IPv6 header at 'ip', the packet has 'packet_len'. */
static inline bool flow_key_fast_ipv6(const uint8_t *frame, const uint8_t *ip, uint32_t len, uint32_t packet_len,
                                      uint32_t vlan, uint32_t attachment, struct flow_key *key, uint8_t *tcp_flags)
{
    uint32_t payload, ports;
    __m128i tail;

    if (len < 40 + 8 || ip[0] >> 4 != 6)
        return false;
    payload = flow_key_be16(ip + 4);
    if (payload + 40 > packet_len || !flow_key_l4_is_good(ip[6], ip + 40, len - 40, payload, tcp_flags))
        return false;
    flow_key_put_head(key, frame, attachment);
    memcpy(&ports, ip + 40, sizeof ports);
    tail = _mm_cvtsi32_si128((int)(PACKET_IPV6 | (uint32_t)ip[6] << 8 | (uint32_t)vlan << 16));
    tail = _mm_insert_epi32(tail, (int)ports, 1);
    _mm_store_si128((__m128i *)((uint8_t *)key + 16), tail);
    _mm_store_si128((__m128i *)key->v6_src, _mm_loadu_si128((const __m128i *)(ip + 8)));
    _mm_store_si128((__m128i *)key->v6_dst, _mm_loadu_si128((const __m128i *)(ip + 24)));
    return true;
}

/* True with '*key' (an IPv4 key: its first 32 bytes) and '*tcp_flags' set (0 for UDP) when the frame is of the common kind
 * and well formed; false when the long way has to be taken. 'len' bytes are readable, the frame has 'frame_len'. */
static inline __attribute__((always_inline)) bool flow_key_fast(const uint8_t *frame, uint32_t len, uint32_t frame_len,
                                                                uint32_t attachment, struct flow_key *key,
                                                                uint8_t *tcp_flags)
{
    uint32_t l3 = 14;
    uint32_t vlan = 0; /* spilled in 16 bits and read in 32 it would not be forwarded from the store: 35 clocks */
    uint16_t fragment;
    uint32_t first, total;
    const uint8_t *ip;
    __m128i tail;

    if (__builtin_expect(len < FLOW_KEY_FAST_LEN, 0))
        return false;
    memcpy(&first, frame + 12, sizeof first);
    if ((first & 0xffff) == __builtin_bswap16(0x8100)) {
        vlan = (flow_key_be16(frame + 14) & PACKET_VLAN_ID) | PACKET_VLAN_PRESENT;
        l3 = 18;
        if (len < FLOW_KEY_FAST_LEN + 4)
            return false;
        memcpy(&first, frame + 16, sizeof first);
    }
    ip = frame + l3;
    /* EtherType, version 4 and a 20-byte header in one look; neither "more fragments" nor an offset in another. */
    if (__builtin_expect((first & 0xffffff) != 0x450008, 0))
        return (first & 0xffff) == __builtin_bswap16(0x86dd) &&
               flow_key_fast_ipv6(frame, ip, len - l3, frame_len - l3, vlan, attachment, key, tcp_flags);
    memcpy(&fragment, ip + 6, sizeof fragment);
    if ((fragment & __builtin_bswap16(0x3fff)) != 0)
        return false;
    total = flow_key_be16(ip + 2);
    if (total > frame_len - l3 || total < 20 ||
        !flow_key_l4_is_good(ip[9], ip + 20, len - l3 - 20, total - 20, tcp_flags))
        return false;

    flow_key_put_head(key, frame, attachment);
    /* TTL, protocol, checksum, addresses, ports: kind in place of the TTL, VLAN in place of the checksum. */
    tail = _mm_loadu_si128((const __m128i *)(ip + 8));
    tail = _mm_insert_epi8(tail, PACKET_IPV4, 0);
    tail = _mm_insert_epi16(tail, vlan, 1);
    _mm_store_si128((__m128i *)((uint8_t *)key + 16), tail);
    return true;
}
