// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/unit/acl/frame.h"

/* Frames between guests: guest 'n' has MAC 02:00:00:00:00:n and the addresses 10.0.0.n and fd00::n. */
struct packet_spec {
    unsigned int src, dst; /* guests; dst 0xff: broadcast */
    const char *dst_mac;   /* instead of the guest's */
    uint8_t protocol;
    bool v6;
    uint16_t src_port, dst_port; /* ICMP: type, identifier */
    uint8_t tcp_flags;
    uint16_t tci; /* with 'tagged' */
    bool tagged;
    uint16_t payload;
};

static inline struct frame spec_frame(const struct packet_spec *s)
{
    struct frame f = {.len = 0};
    char src[32], dst[32], mac[MAC_TEXT_LEN + 8];
    const char *ip = s->v6 ? "fd00::%x" : "10.0.0.%u";

    snprintf(mac, sizeof mac, "02:00:00:00:00:%02x", s->dst);
    frame_put_mac(&f, s->dst_mac ? s->dst_mac : s->dst == 0xff ? "ff:ff:ff:ff:ff:ff" : mac);
    snprintf(mac, sizeof mac, "02:00:00:00:00:%02x", s->src);
    frame_put_mac(&f, mac);
    if (s->tagged) {
        frame_put16(&f, 0x8100);
        frame_put16(&f, s->tci);
    }
    snprintf(src, sizeof src, ip, s->src);
    snprintf(dst, sizeof dst, ip, s->dst);
    if (s->v6)
        frame_put_ipv6(&f, src, dst, s->protocol, 64);
    else
        frame_put_ipv4(&f, src, dst, s->protocol, 0);
    if (s->protocol == IPPROTO_TCP) {
        frame_put16(&f, s->src_port);
        frame_put16(&f, s->dst_port);
        for (int i = 0; i < 16; i++)
            frame_put8(&f, i == 8 ? 0x50 : i == 9 ? s->tcp_flags : 0);
    } else if (s->protocol == IPPROTO_UDP) {
        frame_put_udp(&f, s->src_port, s->dst_port);
    } else {
        frame_put_icmp(&f, (uint8_t)s->src_port, 0);
        f.bytes[f.len - 4] = (uint8_t)(s->dst_port >> 8);
        f.bytes[f.len - 3] = (uint8_t)s->dst_port;
    }
    for (uint16_t i = 0; i < s->payload; i++)
        frame_put8(&f, (uint8_t)i);
    frame_end(&f);
    return f;
}
