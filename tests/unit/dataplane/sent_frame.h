// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "dataplane/core/packet_pool.h"

/* Frames as a sender with offloads leaves them, and a judge of what becomes of them who sums byte by byte and shares no
 * code with the switch. */

#define SENT_FRAME_MAX 70000

enum sent_kind { SENT_TSO, SENT_TCP, SENT_UDP, SENT_DONE, SENT_KINDS }; /* DONE: TCP with nothing left undone */

struct sent_spec {
    enum sent_kind kind;
    bool v6;
    bool vlan;
    uint32_t payload_len;
    uint16_t mss;
};

struct sent_frame {
    uint8_t bytes[SENT_FRAME_MAX];
    uint32_t len;
    uint32_t l3;
    uint32_t l4;
    uint32_t payload;
    struct virtio_net_hdr header;
};

static inline uint32_t sent_get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline void sent_put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The plain sum of 'len' bytes (RFC 1071), added to 'sum' and folded. */
static inline uint32_t sent_sum(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static inline uint32_t sent_pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t len)
{
    return ip[0] >> 4 == 4 ? sent_sum(ip + 12, 8, protocol + len) : sent_sum(ip + 8, 32, protocol + len);
}

/* Sum of the L4 packet of 'len' bytes and its pseudo-header: 0xffff when its checksum is right. */
static inline uint32_t sent_l4_sum(const uint8_t *ip, const uint8_t *l4, uint8_t protocol, uint32_t len)
{
    return sent_sum(l4, len, sent_pseudo_sum(ip, protocol, len));
}

static inline void sent_put_ip(struct sent_frame *frame, const struct sent_spec *spec, uint8_t protocol,
                               uint32_t l4_len)
{
    static const uint8_t v4[20] = {0x45, 0, 0, 0, 0xff, 0xfe, 0x40, 0, 64, 0, 0, 0, 10, 1, 2, 3, 10, 1, 2, 4};
    static const uint8_t v6[40] = {0x60, 0, 0, 0, 0, 0, 0, 64, 0xfd, 1, 2, 3, [23] = 1, [24] = 0xfd, 1, 2, 3, [39] = 2};
    uint8_t *ip = frame->bytes + frame->l3;

    if (spec->v6) {
        memcpy(ip, v6, sizeof v6);
        sent_put16(ip + 4, l4_len);
        ip[6] = protocol;
    } else {
        memcpy(ip, v4, sizeof v4);
        sent_put16(ip + 2, sizeof v4 + l4_len);
        ip[9] = protocol;
        sent_put16(ip + 10, ~sent_sum(ip, sizeof v4, 0));
    }
}

static inline void sent_make(struct sent_frame *frame, const struct sent_spec *spec)
{
    static const uint8_t ethernet[16] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0xa0, 7};
    static const uint8_t tcp[20] = {0x12, 0x34, 0, 80, 0xff, 0xff, 0xf0, 0, 0, 0, 0, 7, 0x50, 0x19, 1, 0};
    static const uint8_t udp[8] = {0x12, 0x34, 0, 53};
    bool is_udp = spec->kind == SENT_UDP;
    uint8_t protocol = is_udp ? 17 : 6;
    uint32_t header_len = is_udp ? sizeof udp : sizeof tcp;
    uint32_t at = is_udp ? 6 : 16;
    uint32_t sum;

    frame->l3 = spec->vlan ? 18 : 14;
    frame->l4 = frame->l3 + (spec->v6 ? 40 : 20);
    frame->payload = frame->l4 + header_len;
    frame->len = frame->payload + spec->payload_len;
    memcpy(frame->bytes, ethernet, sizeof ethernet);
    sent_put16(frame->bytes + frame->l3 - 2, spec->v6 ? 0x86dd : 0x0800);
    sent_put_ip(frame, spec, protocol, header_len + spec->payload_len);
    memcpy(frame->bytes + frame->l4, is_udp ? udp : tcp, header_len);
    if (is_udp)
        sent_put16(frame->bytes + frame->l4 + 4, header_len + spec->payload_len);
    for (uint32_t i = 0; i < spec->payload_len; i++)
        frame->bytes[frame->payload + i] = (uint8_t)(i * 7 + i / 251);

    memset(&frame->header, 0, sizeof frame->header);
    sum = sent_pseudo_sum(frame->bytes + frame->l3, protocol, header_len + spec->payload_len);
    if (spec->kind == SENT_DONE) {
        sent_put16(frame->bytes + frame->l4 + at, ~sent_sum(frame->bytes + frame->l4, frame->len - frame->l4, sum));
        return;
    }
    sent_put16(frame->bytes + frame->l4 + at, sum);
    frame->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    frame->header.csum_start = (uint16_t)frame->l4;
    frame->header.csum_offset = (uint16_t)at;
    if (spec->kind != SENT_TSO)
        return;
    frame->header.gso_type = spec->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    frame->header.gso_size = spec->mss;
    frame->header.hdr_len = (uint16_t)frame->payload;
}

/* The bytes in one buffer if they fit, or in a chain of buffers of odd lengths behind the one with the headers. */
static inline struct rte_mbuf *sent_packet(const uint8_t *bytes, uint32_t len, bool chained)
{
    static const uint16_t lengths[] = {201, 1, 777, 3, 1, 1501, 2, 64, 1999};
    struct rte_mbuf *head = NULL, *last = NULL;
    unsigned int n = 0;

    for (uint32_t at = 0; at < len; n++) {
        struct rte_mbuf *next = rte_pktmbuf_alloc(packet_pool());
        uint32_t room = chained ? lengths[n % 9] : rte_pktmbuf_tailroom(next);

        assert_non_null(next);
        room = RTE_MIN(room, len - at);
        memcpy(rte_pktmbuf_append(next, (uint16_t)room), bytes + at, room);
        at += room;
        if (head == NULL) {
            head = last = next;
            continue;
        }
        last->next = next;
        last = next;
        head->nb_segs++;
        head->pkt_len += room;
    }
    return head;
}

static inline uint32_t sent_bytes(const struct rte_mbuf *packet, uint8_t *out)
{
    uint32_t len = 0;

    for (; packet != NULL; packet = packet->next) {
        memcpy(out + len, rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len);
        len += packet->data_len;
    }
    return len;
}
