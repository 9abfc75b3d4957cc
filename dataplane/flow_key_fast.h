// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "dataplane/flow_key.h"

/* The per-packet way to a key: untagged or tagged IPv4 without options, not a fragment, TCP or UDP, from two 16-byte
 * loads. Everything else goes the long way round, packet_parse() and flow_key_from_packet(), which gives the same key
 * for the same frame (a unit test sees to that). Both must judge malformed frames alike, hence the length checks here. */

/* Bytes that must be readable at 'frame' at the least: Ethernet, a tag, and IPv4 and UDP as far as they are read. */
#define FLOW_KEY_FAST_LEN (14 + 20 + 8)

static inline uint16_t flow_key_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* A source MAC that no sender may have is left to the long way too: no flow with one is ever cached, so the look-up
 * fails and packet_parse() sees the frame.
 *
 * True with '*key' (its first 32 bytes) and '*tcp_flags' set (0 for UDP) when the frame is of the common kind and well
 * formed; false when the long way has to be taken. 'len' bytes are readable, the frame has 'frame_len'. */
static inline bool flow_key_fast(const uint8_t *frame, uint32_t len, uint32_t frame_len, uint32_t attachment,
                                 struct flow_key *key, uint8_t *tcp_flags)
{
    uint32_t l3 = 14;
    uint16_t vlan = 0;
    uint16_t fragment;
    uint32_t first, total;
    const uint8_t *ip, *l4;
    __m128i head, tail;

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
    memcpy(&fragment, ip + 6, sizeof fragment);
    /* EtherType, version 4 and a 20-byte header in one look; neither "more fragments" nor an offset in another. */
    if ((first & 0xffffff) != 0x450008 || (fragment & __builtin_bswap16(0x3fff)) != 0)
        return false;

    total = flow_key_be16(ip + 2);
    if (total > frame_len - l3)
        return false;
    l4 = ip + 20;
    if (ip[9] == 6) {
        uint32_t header;

        if (len < l3 + 40)
            return false;
        header = (uint32_t)(l4[12] >> 4) * 4;
        if (header < 20 || total < 20 + header)
            return false;
        *tcp_flags = l4[13];
    } else if (ip[9] == 17) {
        uint32_t udp = flow_key_be16(l4 + 4);

        if (udp < 8 || total < 20 + udp)
            return false;
        *tcp_flags = 0;
    } else {
        return false;
    }

    /* MACs as they stand, the ingress attachment in place of ethertype, version and TOS. */
    head = _mm_loadu_si128((const __m128i *)frame);
    head = _mm_insert_epi32(head, (int)attachment, 3);
    /* TTL, protocol, checksum, addresses, ports: kind in place of the TTL, VLAN in place of the checksum. */
    tail = _mm_loadu_si128((const __m128i *)(ip + 8));
    tail = _mm_insert_epi8(tail, PACKET_IPV4, 0);
    tail = _mm_insert_epi16(tail, vlan, 1);
    _mm_store_si128((__m128i *)key, head);
    _mm_store_si128((__m128i *)((uint8_t *)key + 16), tail);
    return true;
}
