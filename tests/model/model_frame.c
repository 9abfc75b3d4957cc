// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <string.h>

#include "tests/model/model_packet.h"

/* Frames from packets. Checksums are left zero: the switch does not look at them. */

struct writer {
    uint8_t *bytes;
    uint32_t len;
};

static void put8(struct writer *w, uint8_t value)
{
    w->bytes[w->len++] = value;
}

static void put16(struct writer *w, uint16_t value)
{
    put8(w, (uint8_t)(value >> 8));
    put8(w, (uint8_t)value);
}

static void put(struct writer *w, const void *bytes, uint32_t n)
{
    memcpy(w->bytes + w->len, bytes, n);
    w->len += n;
}

static void put_zeroes(struct writer *w, uint32_t n)
{
    memset(w->bytes + w->len, 0, n);
    w->len += n;
}

static void put_ip(struct writer *w, const struct inet_addr *addr, bool v6)
{
    put(w, v6 ? addr->bytes : addr->bytes + 12, v6 ? 16 : 4);
}

static void put_icmp_header(struct writer *w, uint8_t type, uint8_t code, uint16_t id)
{
    put8(w, type);
    put8(w, code);
    put16(w, 0);
    put16(w, id);
    put16(w, 1);
}

/* The header and eight bytes of the packet that an error quotes. */
static void put_quote(struct writer *w, const struct model_quote *quote, bool v6)
{
    if (v6) {
        put16(w, 0x6000);
        put16(w, 0);
        put16(w, 20);
        put8(w, quote->protocol);
        put8(w, 63);
    } else {
        put16(w, 0x4500);
        put16(w, 40);
        put16(w, 7);
        put16(w, 0);
        put8(w, 63);
        put8(w, quote->protocol);
        put16(w, 0);
    }
    put_ip(w, &quote->src, v6);
    put_ip(w, &quote->dst, v6);
    if (quote->cut_short) {
        put16(w, quote->src_port);
    } else if (quote->protocol == IPPROTO_ICMP || quote->protocol == IPPROTO_ICMPV6) {
        put_icmp_header(w, quote->icmp_type, 0, quote->src_port);
    } else {
        put16(w, quote->src_port);
        put16(w, quote->dst_port);
        put_zeroes(w, 4);
    }
}

static void put_l4(struct writer *w, const struct model_packet *packet)
{
    bool v6 = packet->kind == MODEL_IPV6;

    if (model_is_icmp(packet)) {
        put_icmp_header(w, packet->icmp_type, packet->icmp_code, packet->src_port);
        if (model_is_icmp_error(packet))
            put_quote(w, &packet->quote, v6);
        else if (v6 && (packet->icmp_type == 135 || packet->icmp_type == 136))
            put_ip(w, packet->icmp_type == 135 ? &packet->dst : &packet->src, true);
        return;
    }
    if (!model_has_ports(packet->protocol)) {
        put_zeroes(w, 16);
        return;
    }
    put16(w, packet->src_port);
    put16(w, packet->dst_port);
    switch (packet->protocol) {
    case IPPROTO_TCP:
        put_zeroes(w, 8);
        put8(w, 0x50);
        put8(w, packet->tcp_flags);
        put_zeroes(w, 10);
        break;
    case IPPROTO_SCTP:
        put_zeroes(w, 8);
        put8(w, packet->sctp_chunk);
        put8(w, 0);
        put16(w, 20);
        put_zeroes(w, 16);
        break;
    default: /* UDP, UDP-Lite */
        put16(w, 16);
        put16(w, 0);
        put_zeroes(w, 8);
        break;
    }
}

static void put_payload(struct writer *w, const struct model_packet *packet)
{
    uint32_t start = w->len;

    if (packet->fragment == MODEL_LATER) {
        put_zeroes(w, 24);
        w->bytes[start] = (uint8_t)packet->fragment_offset;
        return;
    }
    put_l4(w, packet);
    while (packet->fragment == MODEL_FIRST && (w->len - start) % 8 != 0)
        put8(w, 0);
}

static void put_ipv4(struct writer *w, const struct model_packet *packet)
{
    uint32_t start = w->len;
    uint16_t length;

    put8(w, 0x45);
    put8(w, (uint8_t)(packet->dscp << 2));
    put16(w, 0);
    put16(w, (uint16_t)packet->fragment_id);
    put16(w, (uint16_t)(packet->more_fragments << 13 | packet->fragment_offset / 8));
    put8(w, 64);
    put8(w, packet->protocol);
    put16(w, 0);
    put_ip(w, &packet->src, false);
    put_ip(w, &packet->dst, false);
    put_payload(w, packet);
    length = (uint16_t)(w->len - start);
    w->bytes[start + 2] = (uint8_t)(length >> 8);
    w->bytes[start + 3] = (uint8_t)length;
}

static void put_ipv6(struct writer *w, const struct model_packet *packet)
{
    bool fragment = packet->fragment != MODEL_WHOLE;
    uint32_t start = w->len;
    uint16_t length;

    put16(w, (uint16_t)(0x6000 | packet->dscp << 6));
    put16(w, 0);
    put16(w, 0);
    put8(w, fragment ? IPPROTO_FRAGMENT : packet->protocol);
    put8(w, 255);
    put_ip(w, &packet->src, true);
    put_ip(w, &packet->dst, true);
    if (fragment) {
        put8(w, packet->protocol);
        put8(w, 0);
        put16(w, (uint16_t)(packet->fragment_offset | packet->more_fragments));
        put16(w, 0);
        put16(w, (uint16_t)packet->fragment_id);
    }
    put_payload(w, packet);
    length = (uint16_t)(w->len - start - 40);
    w->bytes[start + 4] = (uint8_t)(length >> 8);
    w->bytes[start + 5] = (uint8_t)length;
}

static void put_arp(struct writer *w, const struct model_packet *packet)
{
    static const uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1};

    put(w, request, sizeof request);
    put(w, packet->src_mac.bytes, 6);
    put_ip(w, &packet->src, false);
    put_zeroes(w, 6);
    put_ip(w, &packet->dst, false);
}

uint32_t model_frame_write(const struct model_packet *packet, uint8_t frame[MODEL_FRAME_LEN])
{
    struct writer w = {.bytes = frame};

    put(&w, packet->dst_mac.bytes, 6);
    put(&w, packet->src_mac.bytes, 6);
    if (packet->vlan != 0) {
        put16(&w, 0x8100);
        put16(&w, packet->vlan);
    }
    put16(&w, packet->ethertype);
    switch (packet->kind) {
    case MODEL_IPV4:
        put_ipv4(&w, packet);
        break;
    case MODEL_IPV6:
        put_ipv6(&w, packet);
        break;
    case MODEL_ARP:
        put_arp(&w, packet);
        break;
    case MODEL_L2:
        put_zeroes(&w, 46);
        break;
    }
    return w.len;
}
