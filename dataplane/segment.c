// SPDX-License-Identifier: Apache-2.0
#include "dataplane/segment.h"

#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#define ETHERNET_LEN   14u
#define VLAN_LEN       4u
#define VLANS_MAX      2
#define IPV4_LEN       20u
#define IPV6_LEN       40u
#define TCP_LEN        20u
#define TCP_FIN        0x01
#define TCP_PSH        0x08
#define TCP_CWR        0x80
#define IPV4_FRAGMENT  0x3fff /* more-fragments bit and offset */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

/* Internet checksum (RFC 1071), not yet folded, of 'len' bytes in network order; 'len' is even but for the last piece
 * of a sum. */
static uint64_t sum(const uint8_t *at, uint32_t len, uint64_t total)
{
    for (; len >= 4; len -= 4, at += 4)
        total += get32(at);
    if (len >= 2) {
        total += get16(at);
        at += 2;
        len -= 2;
    }
    if (len == 1)
        total += (uint64_t)*at << 8;
    return total;
}

static uint16_t fold(uint64_t total)
{
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

static bool is_vlan(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8;
}

static int locate_ipv4(struct segmenter *s, uint32_t len)
{
    const uint8_t *ip = s->frame + s->l3;
    uint32_t header_len, total;

    if (len < s->l3 + IPV4_LEN || ip[0] >> 4 != 4)
        return -EINVAL;
    header_len = (ip[0] & 15) * 4u;
    total = get16(ip + 2);
    if (header_len < IPV4_LEN || ip[9] != IPPROTO_TCP || get16(ip + 6) & IPV4_FRAGMENT)
        return -EINVAL;
    /* A total length of 0 is how frames beyond 64 KiB say "as long as it is" (BIG TCP). */
    s->end = total == 0 ? len : s->l3 + total;
    s->l4 = (uint16_t)(s->l3 + header_len);
    s->ip_id = get16(ip + 4);
    return 0;
}

static int locate_ipv6(struct segmenter *s, uint32_t len)
{
    const uint8_t *ip = s->frame + s->l3;

    if (len < s->l3 + IPV6_LEN || ip[0] >> 4 != 6 || ip[6] != IPPROTO_TCP)
        return -EINVAL;
    s->end = get16(ip + 4) == 0 ? len : s->l3 + IPV6_LEN + get16(ip + 4);
    s->l4 = s->l3 + IPV6_LEN;
    s->ipv6 = true;
    return 0;
}

int segmenter_init(struct segmenter *segmenter, const uint8_t *frame, uint32_t len, uint32_t mss)
{
    uint16_t ethertype;
    uint32_t tcp_len;
    int result = -EINVAL;

    *segmenter = (struct segmenter){.frame = frame, .mss = mss, .l3 = ETHERNET_LEN};
    if (len < ETHERNET_LEN || mss == 0)
        return -EINVAL;
    ethertype = get16(frame + 12);
    for (int i = 0; i < VLANS_MAX && is_vlan(ethertype); i++) {
        if (len < segmenter->l3 + VLAN_LEN)
            return -EINVAL;
        ethertype = get16(frame + segmenter->l3 + 2);
        segmenter->l3 += VLAN_LEN;
    }
    if (ethertype == ETHERTYPE_IPV4)
        result = locate_ipv4(segmenter, len);
    else if (ethertype == ETHERTYPE_IPV6)
        result = locate_ipv6(segmenter, len);
    if (result != 0 || segmenter->end > len || segmenter->end < segmenter->l4 + TCP_LEN)
        return -EINVAL;
    tcp_len = (frame[segmenter->l4 + 12] >> 4) * 4u;
    if (tcp_len < TCP_LEN || segmenter->end < segmenter->l4 + tcp_len)
        return -EINVAL;
    segmenter->header_len = (uint16_t)(segmenter->l4 + tcp_len);
    segmenter->payload = segmenter->header_len;
    segmenter->sequence = get32(frame + segmenter->l4 + 4);
    return 0;
}

static void set_ip(struct segmenter *s, uint8_t *header, uint32_t payload_len)
{
    uint8_t *ip = header + s->l3;

    if (s->ipv6) {
        put16(ip + 4, (uint16_t)(s->header_len - s->l4 + payload_len));
        return;
    }
    put16(ip + 2, (uint16_t)(s->header_len - s->l3 + payload_len));
    put16(ip + 4, s->ip_id++);
    put16(ip + 10, 0);
    put16(ip + 10, fold(sum(ip, s->l4 - s->l3, 0)));
}

static void set_tcp(struct segmenter *s, struct segment *segment, bool first, bool last)
{
    uint8_t *ip = segment->header + s->l3;
    uint8_t *tcp = segment->header + s->l4;
    uint32_t tcp_len = s->header_len - s->l4;
    uint64_t total;

    put32(tcp + 4, s->sequence);
    s->sequence += segment->payload_len;
    if (!first)
        tcp[13] &= (uint8_t)~TCP_CWR;
    if (!last)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    put16(tcp + 16, 0);
    total = s->ipv6 ? sum(ip + 8, 32, 0) : sum(ip + 12, 8, 0);
    total += IPPROTO_TCP + tcp_len + segment->payload_len;
    total = sum(tcp, tcp_len, total);
    put16(tcp + 16, fold(sum(segment->payload, segment->payload_len, total)));
}

bool segmenter_next(struct segmenter *segmenter, struct segment *segment)
{
    uint32_t left = segmenter->end - segmenter->payload;
    bool first = segmenter->payload == segmenter->header_len;

    /* A frame without payload is one segment. */
    if (segmenter->mss == 0 || (left == 0 && !first))
        return false;
    segment->header_len = segmenter->header_len;
    memcpy(segment->header, segmenter->frame, segmenter->header_len);
    segment->payload = segmenter->frame + segmenter->payload;
    segment->payload_len = left < segmenter->mss ? left : segmenter->mss;
    segmenter->payload += segment->payload_len;
    set_ip(segmenter, segment->header, segment->payload_len);
    set_tcp(segmenter, segment, first, segment->payload_len == left);
    if (segment->payload_len == left)
        segmenter->mss = 0;
    return true;
}

int segment_finish_checksum(uint8_t *frame, uint32_t len, uint32_t start, uint32_t offset)
{
    uint16_t checksum;

    if (start >= len || offset + 2 > len - start)
        return -EINVAL;
    checksum = fold(sum(frame + start, len - start, 0));
    put16(frame + start + offset, checksum != 0 ? checksum : 0xffff);
    return 0;
}
