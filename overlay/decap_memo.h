// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <smmintrin.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"

/* What a worker remembers of the outer headers that it has taken off: packets of one tunnel differ in lengths, identifier,
 * TTL, checksum and source port only. So a packet whose other bytes are those of one that decap_packet() took, and whose
 * lengths and checksum are right, can lose them without being looked at more closely. decap_packet() decides about all
 * others: those with IP options, GENEVE options, a UDP checksum, ECN marks, Ethernet padding or unfinished work too.
 *
 *   0                       16          20           26 (30)         42 (46)           50 (54)
 *   | MACs, type, version.. | or tag:   | len id frag| addresses,    | VXLAN or GENEVE | inner frame
 *   |   'head'              | 'type_tos'|  TTL ..    | ports 'middle'|  'tunnel'       |
 */
struct decap_memo {
    uint8_t head[16];
    uint8_t middle[16]; /* source port and UDP length are zero in it, and the UDP checksum has to be */
    uint64_t tunnel;
    uint32_t type_tos; /* EtherType, version, header length and TOS */
    uint32_t from;     /* ingress attachment of the port; 0: nothing is remembered */
    uint32_t sequence; /* of the snapshot that decided */
    uint32_t attachment;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct decap_memo) == 64, "one line each");

#define DECAP_MEMOS 64u
struct decap_memos {
    struct decap_memo memos[DECAP_MEMOS];
};

#define DECAP_MEMO_HEADERS 36u /* IPv4, UDP, and VXLAN or GENEVE without options */

static inline uint32_t decap_memo_l3(const uint8_t *frame)
{
    return frame[12] == 0x81 && frame[13] == 0x00 ? 18 : 14;
}

static inline struct decap_memo *decap_memo_at(struct decap_memos *memos, const uint8_t *ip)
{
    uint32_t remote, vni;

    memcpy(&remote, ip + 12, sizeof remote);
    memcpy(&vni, ip + 32, sizeof vni);
    return &memos->memos[((remote ^ vni) * 0x9e3779b1u) >> 26];
}

/* Source port and UDP length do not count. */
static inline __m128i decap_memo_middle(const uint8_t *ip)
{
    const __m128i constant = _mm_set_epi16(-1, 0, -1, 0, -1, -1, -1, -1);

    return _mm_and_si128(_mm_loadu_si128((const __m128i_u *)(ip + 12)), constant);
}

/* The IPv4 header of 20 bytes sums up to what a right one does (RFC 1071). */
static inline bool decap_memo_sum_is_good(const uint8_t *ip)
{
    uint64_t sum = 0;
    uint32_t word;

    for (int i = 0; i < 5; i++) {
        memcpy(&word, ip + 4 * i, sizeof word);
        sum += word;
    }
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* Stage: takes the outer headers off a packet that came in by attachment 'from' when they are those of a memo made under
 * snapshot 'sequence'. False: nothing has happened, decap_packet() has to look. */
static inline bool decap_by_memo(struct decap_memos *memos, uint32_t from, uint32_t sequence, struct rte_mbuf *packet,
                                 uint32_t *attachment)
{
    const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
    const struct decap_memo *memo;
    uint32_t l3, header_len, type_tos;
    uint16_t total, fragment, udp_length;
    uint64_t tunnel;
    const uint8_t *ip;
    __m128i differs;

    if (packet->data_len < 18 + DECAP_MEMO_HEADERS + 14 || offload_is_pending(packet))
        return false;
    l3 = decap_memo_l3(frame);
    ip = frame + l3;
    header_len = l3 + DECAP_MEMO_HEADERS;
    memo = decap_memo_at(memos, ip);
    memcpy(&tunnel, ip + 28, sizeof tunnel);
    memcpy(&type_tos, ip - 2, sizeof type_tos);
    differs = _mm_xor_si128(decap_memo_middle(ip), _mm_load_si128((const __m128i *)memo->middle));
    differs = _mm_or_si128(
        differs, _mm_xor_si128(_mm_loadu_si128((const __m128i_u *)frame), _mm_load_si128((const __m128i *)memo->head)));
    if (!_mm_testz_si128(differs, differs) || tunnel != memo->tunnel || type_tos != memo->type_tos ||
        memo->from != from || memo->sequence != sequence)
        return false;
    total = (uint16_t)(ip[2] << 8 | ip[3]);
    udp_length = (uint16_t)(ip[24] << 8 | ip[25]);
    memcpy(&fragment, ip + 6, sizeof fragment);
    if (l3 + total != packet->pkt_len || udp_length + 20u != total || (fragment & __builtin_bswap16(0x3fff)) != 0 ||
        ip[9] != 17 || !decap_memo_sum_is_good(ip))
        return false;
    packet->data_off = (uint16_t)(packet->data_off + header_len);
    packet->data_len = (uint16_t)(packet->data_len - header_len);
    packet->pkt_len -= header_len;
    packet->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_RSS_HASH);
    packet->packet_type = 0;
    *attachment = memo->attachment;
    return true;
}

/* Stage: remembers the outer headers at 'frame', 'header_len' bytes, that decap_packet() has just taken off; not those that
 * packets alike might be treated otherwise with. */
static inline void decap_remember(struct decap_memos *memos, uint32_t from, uint32_t sequence, const uint8_t *frame,
                                  uint32_t header_len, uint32_t attachment)
{
    uint32_t l3 = decap_memo_l3(frame);
    const uint8_t *ip = frame + l3;
    struct decap_memo *memo;

    /* Of the ECN marks only ECT(0) and none change nothing inside. */
    if (header_len != l3 + DECAP_MEMO_HEADERS || ip[0] != 0x45 || (ip[1] & 1) != 0 || ip[26] != 0 || ip[27] != 0)
        return;
    memo = decap_memo_at(memos, ip);
    memcpy(memo->head, frame, sizeof memo->head);
    _mm_store_si128((__m128i *)memo->middle, decap_memo_middle(ip));
    memcpy(&memo->tunnel, ip + 28, sizeof memo->tunnel);
    memcpy(&memo->type_tos, ip - 2, sizeof memo->type_tos);
    memo->from = from;
    memo->sequence = sequence;
    memo->attachment = attachment;
}
