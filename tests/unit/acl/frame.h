// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/core/inet.h"

/* Frames for tests, put together header by header; lengths are filled in by frame_end(). */
struct frame {
    uint8_t bytes[1600];
    uint32_t len;
    uint32_t l3; /* offset of the IP header, 0: none */
};

static inline void frame_put(struct frame *frame, const void *bytes, uint32_t n)
{
    memcpy(frame->bytes + frame->len, bytes, n);
    frame->len += n;
}

static inline void frame_put8(struct frame *frame, uint8_t value)
{
    frame->bytes[frame->len++] = value;
}

static inline void frame_put16(struct frame *frame, uint16_t value)
{
    frame_put8(frame, (uint8_t)(value >> 8));
    frame_put8(frame, (uint8_t)value);
}

static inline void frame_put_mac(struct frame *frame, const char *text)
{
    struct mac_addr mac = {{0}};

    mac_addr_parse(text, &mac);
    frame_put(frame, mac.bytes, 6);
}

/* An IPv4 address takes 4 bytes, an IPv6 address 16. */
static inline void frame_put_ip(struct frame *frame, const char *text)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1)
        frame_put(frame, &v4, 4);
    else if (inet_pton(AF_INET6, text, &v6) == 1)
        frame_put(frame, &v6, 16);
}

static inline struct frame frame_begin(const char *src_mac)
{
    struct frame frame = {.len = 0};

    frame_put_mac(&frame, "ff:ff:ff:ff:ff:ff");
    frame_put_mac(&frame, src_mac);
    return frame;
}

static inline void frame_put_arp(struct frame *frame, uint16_t operation, const char *sender_mac, const char *sender,
                                 const char *target)
{
    static const uint8_t ethernet_ipv4[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4};

    frame_put(frame, ethernet_ipv4, sizeof ethernet_ipv4);
    frame_put16(frame, operation);
    frame_put_mac(frame, sender_mac);
    frame_put_ip(frame, sender);
    frame_put_mac(frame, "00:00:00:00:00:00");
    frame_put_ip(frame, target);
}

/* 'fragment' is the flags and offset field as it stands in the header. */
static inline void frame_put_ipv4(struct frame *frame, const char *src, const char *dst, uint8_t protocol,
                                  uint16_t fragment)
{
    frame_put16(frame, 0x0800);
    frame->l3 = frame->len;
    frame_put16(frame, 0x4500);
    frame_put16(frame, 0);
    frame_put16(frame, 0x1234);
    frame_put16(frame, fragment);
    frame_put8(frame, 64);
    frame_put8(frame, protocol);
    frame_put16(frame, 0);
    frame_put_ip(frame, src);
    frame_put_ip(frame, dst);
}

static inline void frame_put_ipv6(struct frame *frame, const char *src, const char *dst, uint8_t next, uint8_t hops)
{
    frame_put16(frame, 0x86dd);
    frame->l3 = frame->len;
    frame_put16(frame, 0x6000);
    frame_put16(frame, 0);
    frame_put16(frame, 0);
    frame_put8(frame, next);
    frame_put8(frame, hops);
    frame_put_ip(frame, src);
    frame_put_ip(frame, dst);
}

/* RFC 8200 4.5; 'offset' is the offset and flags field as it stands in the header. */
static inline void frame_put_ipv6_fragment(struct frame *frame, uint8_t next, uint16_t offset)
{
    frame_put8(frame, next);
    frame_put8(frame, 0);
    frame_put16(frame, offset);
    frame_put16(frame, 0);
    frame_put16(frame, 7);
}

static inline void frame_put_udp(struct frame *frame, uint16_t src_port, uint16_t dst_port)
{
    frame_put16(frame, src_port);
    frame_put16(frame, dst_port);
    frame_put16(frame, 12);
    frame_put16(frame, 0);
    frame_put16(frame, 0);
    frame_put16(frame, 0);
}

/* The first eight bytes of ICMP and ICMPv6 messages. */
static inline void frame_put_icmp(struct frame *frame, uint8_t type, uint8_t code)
{
    frame_put8(frame, type);
    frame_put8(frame, code);
    frame_put16(frame, 0);
    frame_put16(frame, 0);
    frame_put16(frame, 0);
}

static inline void frame_put_nd_option(struct frame *frame, uint8_t type, uint8_t units, const char *mac)
{
    frame_put8(frame, type);
    frame_put8(frame, units);
    frame_put_mac(frame, mac);
}

static inline void frame_end(struct frame *frame)
{
    uint32_t len = frame->len - frame->l3;

    if (frame->l3 != 0 && frame->bytes[frame->l3] >> 4 == 4) {
        frame->bytes[frame->l3 + 2] = (uint8_t)(len >> 8);
        frame->bytes[frame->l3 + 3] = (uint8_t)len;
    } else if (frame->l3 != 0) {
        len -= 40;
        frame->bytes[frame->l3 + 4] = (uint8_t)(len >> 8);
        frame->bytes[frame->l3 + 5] = (uint8_t)len;
    }
}
