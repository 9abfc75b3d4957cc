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
#define UDP_LEN        8u
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

/* Internet checksum (RFC 1071), not yet folded; 'len' is even but for the last piece of a sum. */
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

/* Bytes of the IPv4 or IPv6 header at 'l3' when it is whole and its protocol is 'protocol'; otherwise 0. */
static uint32_t ip_header_len(const uint8_t *frame, uint32_t len, uint32_t l3, uint8_t protocol)
{
    const uint8_t *ip = frame + l3;
    uint32_t header_len;

    if (len < l3 + IPV4_LEN)
        return 0;
    if (ip[0] >> 4 == 6)
        return len >= l3 + IPV6_LEN && ip[6] == protocol ? IPV6_LEN : 0;
    header_len = (ip[0] & 15) * 4u;
    if (ip[0] >> 4 != 4 || header_len < IPV4_LEN || len < l3 + header_len)
        return 0;
    return ip[9] == protocol && !(get16(ip + 6) & IPV4_FRAGMENT) ? header_len : 0;
}

/* Where the IP header is that ends at 'l4', behind an Ethernet type that fits; 0 when there is none. */
static uint32_t find_ip_before(const uint8_t *frame, uint32_t len, uint32_t l4, uint32_t lowest)
{
    for (uint32_t header_len = IPV4_LEN; header_len <= 60 && l4 >= lowest + header_len; header_len += 4) {
        uint32_t l3 = l4 - header_len;
        uint16_t ethertype = frame[l3] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;

        if (get16(frame + l3 - 2) == ethertype && ip_header_len(frame, len, l3, IPPROTO_TCP) == header_len)
            return l3;
    }
    return 0;
}

/* Finds the headers on the way to TCP. */
static int locate(struct segmenter *s, uint32_t len, uint32_t tcp)
{
    uint32_t l3 = ETHERNET_LEN, header_len;
    uint16_t ethertype;

    if (len < ETHERNET_LEN)
        return -EINVAL;
    ethertype = get16(s->frame + 12);
    for (int i = 0; i < VLANS_MAX && is_vlan(ethertype); i++, l3 += VLAN_LEN) {
        if (len < l3 + VLAN_LEN)
            return -EINVAL;
        ethertype = get16(s->frame + l3 + 2);
    }
    if (len < l3 + IPV4_LEN || ethertype != (s->frame[l3] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4))
        return -EINVAL;
    header_len = ip_header_len(s->frame, len, l3, IPPROTO_UDP);
    if (header_len != 0) {
        s->outer_l3 = (uint16_t)l3;
        s->outer_udp = (uint16_t)(l3 + header_len);
        if (tcp > len || tcp > SEGMENT_HEADER_MAX)
            return -EINVAL;
        l3 = find_ip_before(s->frame, len, tcp, s->outer_udp + UDP_LEN + ETHERNET_LEN);
        if (l3 == 0)
            return -EINVAL;
    }
    header_len = ip_header_len(s->frame, len, l3, IPPROTO_TCP);
    s->l3 = (uint16_t)l3;
    s->l4 = (uint16_t)(l3 + header_len);
    return header_len != 0 && s->l4 == tcp ? 0 : -EINVAL;
}

int segmenter_init(struct segmenter *segmenter, const uint8_t *frame, uint32_t len, uint32_t tcp, uint32_t mss)
{
    uint32_t ip_len, tcp_len;
    const uint8_t *ip;

    *segmenter = (struct segmenter){.frame = frame, .mss = mss};
    if (mss == 0 || locate(segmenter, len, tcp) != 0)
        return -EINVAL;
    ip = frame + segmenter->l3;
    ip_len = ip[0] >> 4 == 6 ? get16(ip + 4) : get16(ip + 2);
    if (ip_len != 0 && ip[0] >> 4 == 6)
        ip_len += IPV6_LEN;
    /* A length of 0 is how frames beyond 64 KiB say "as long as it is" (RFC 2675, and BIG TCP for IPv4). */
    segmenter->end = ip_len == 0 ? len : segmenter->l3 + ip_len;
    if (segmenter->end > len || segmenter->end < segmenter->l4 + TCP_LEN)
        return -EINVAL;
    tcp_len = (frame[segmenter->l4 + 12] >> 4) * 4u;
    if (tcp_len < TCP_LEN || segmenter->end < segmenter->l4 + tcp_len || segmenter->l4 + tcp_len > SEGMENT_HEADER_MAX)
        return -EINVAL;
    segmenter->header_len = (uint16_t)(segmenter->l4 + tcp_len);
    segmenter->payload = segmenter->header_len;
    segmenter->sequence = get32(frame + segmenter->l4 + 4);
    return 0;
}

/* Sets length, id and checksum of the IP header at 'ip' that, with what follows, takes 'len' bytes. */
static void set_ip(uint8_t *ip, uint32_t len, uint16_t n_done)
{
    if (ip[0] >> 4 == 6) {
        put16(ip + 4, (uint16_t)(len - IPV6_LEN));
        return;
    }
    put16(ip + 2, (uint16_t)len);
    put16(ip + 4, (uint16_t)(get16(ip + 4) + n_done));
    put16(ip + 10, 0);
    put16(ip + 10, fold(sum(ip, (ip[0] & 15) * 4u, 0)));
}

/* The checksum of TCP or UDP: 'header_len' bytes at 'l4', then the payload (RFC 9293 3.1, RFC 8200 8.1). */
static uint16_t l4_checksum(const uint8_t *ip, const uint8_t *l4, uint32_t header_len, uint8_t protocol,
                            const struct segment *segment)
{
    uint64_t total = ip[0] >> 4 == 6 ? sum(ip + 8, 32, 0) : sum(ip + 12, 8, 0);

    total += protocol + header_len + segment->payload_len;
    /* The headers end on an even byte, so the payload's bytes keep their places. */
    total = sum(l4, header_len, total);
    return fold(sum(segment->payload, segment->payload_len, total));
}

static void set_tcp(struct segmenter *s, struct segment *segment, bool last)
{
    uint8_t *tcp = segment->header + s->l4;

    put32(tcp + 4, s->sequence);
    s->sequence += segment->payload_len;
    if (s->n_done > 0)
        tcp[13] &= (uint8_t)~TCP_CWR;
    if (!last)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    put16(tcp + 16, 0);
    put16(tcp + 16, l4_checksum(segment->header + s->l3, tcp, s->header_len - s->l4, IPPROTO_TCP, segment));
}

static void set_tunnel(const struct segmenter *s, struct segment *segment)
{
    uint8_t *ip = segment->header + s->outer_l3;
    uint8_t *udp = segment->header + s->outer_udp;
    uint32_t header_len = s->header_len - s->outer_udp;
    uint16_t checksum;

    set_ip(ip, s->header_len - s->outer_l3 + segment->payload_len, s->n_done);
    put16(udp + 4, (uint16_t)(header_len + segment->payload_len));
    if (get16(udp + 6) == 0)
        return;
    put16(udp + 6, 0);
    checksum = l4_checksum(ip, udp, header_len, IPPROTO_UDP, segment);
    put16(udp + 6, checksum != 0 ? checksum : 0xffff);
}

bool segmenter_next(struct segmenter *segmenter, struct segment *segment)
{
    uint32_t left = segmenter->end - segmenter->payload;
    bool last;

    /* A frame without payload is one segment. */
    if (left == 0 && segmenter->n_done > 0)
        return false;
    segment->header_len = segmenter->header_len;
    memcpy(segment->header, segmenter->frame, segmenter->header_len);
    segment->payload = segmenter->frame + segmenter->payload;
    segment->payload_len = left < segmenter->mss ? left : segmenter->mss;
    segmenter->payload += segment->payload_len;
    last = segment->payload_len == left;
    set_ip(segment->header + segmenter->l3, segmenter->header_len - segmenter->l3 + segment->payload_len,
           segmenter->n_done);
    set_tcp(segmenter, segment, last);
    if (segmenter->outer_udp != 0)
        set_tunnel(segmenter, segment);
    segmenter->n_done++;
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
