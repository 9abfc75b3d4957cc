// SPDX-License-Identifier: Apache-2.0
#include "dataplane/segment.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/core/checksum.h"
#include "dataplane/core/offload.h"
#include "dataplane/frame_buffers.h"

#define IPV6_LEN     40u
#define TCP_LEN      20u
#define TCP_SEQUENCE 4
#define TCP_FLAGS    13
#define TCP_CHECKSUM 16
#define TCP_FIN      0x01
#define TCP_PSH      0x08
#define TCP_CWR      0x80
#define UDP_LENGTH   4

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

/* Stores the complement of a sum. */
static void put_checksum(uint8_t *at, uint64_t sum)
{
    uint16_t checksum = (uint16_t)~checksum_fold(sum);

    memcpy(at, &checksum, sizeof checksum);
}

int segmenter_init(struct segmenter *segmenter, const struct rte_mbuf *packet)
{
    uint32_t l4 = offload_l4(packet);
    uint32_t header_len = l4 + packet->l4_len;

    if (header_len > SEGMENT_HEADER_MAX || header_len > packet->data_len || packet->l4_len < TCP_LEN ||
        packet->tso_segsz == 0)
        return -EINVAL;
    segmenter->piece = packet;
    segmenter->offset = header_len;
    segmenter->left = packet->pkt_len - header_len;
    segmenter->mss = packet->tso_segsz;
    segmenter->n_done = 0;
    segmenter->header_len = (uint16_t)header_len;
    segmenter->l4 = (uint16_t)l4;
    segmenter->l3 = (uint16_t)(l4 - packet->l3_len);
    segmenter->outer_udp = 0;
    if (packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK) {
        segmenter->outer_l3 = packet->outer_l2_len;
        segmenter->outer_udp = (uint16_t)(packet->outer_l2_len + packet->outer_l3_len);
        segmenter->outer_checksum = (packet->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) != 0;
    }
    memcpy(segmenter->header, rte_pktmbuf_mtod(packet, const void *), header_len);
    segmenter->sequence = get32(segmenter->header + l4 + TCP_SEQUENCE);
    return 0;
}

/* Appends the next 'len' bytes of payload to 'head', and their sum to '*sum'. False when out of buffers. */
static bool take_payload(struct segmenter *s, struct rte_mempool *pool, struct rte_mbuf *head, uint32_t len,
                         uint64_t *sum)
{
    struct rte_mbuf *last = head;
    bool odd = false;

    s->left -= len;
    head->pkt_len += len;
    while (len > 0) {
        uint32_t available = s->piece->data_len - s->offset;
        uint32_t room = rte_pktmbuf_tailroom(last);
        uint32_t part = RTE_MIN(available, room);

        part = RTE_MIN(part, len);
        if (available == 0) {
            s->piece = s->piece->next;
            s->offset = 0;
        } else if (room == 0) {
            last = frame_extend(pool, head, last);
            if (last == NULL)
                return false;
        } else {
            *sum = checksum_join(*sum,
                                 checksum_copy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len),
                                               rte_pktmbuf_mtod_offset(s->piece, const uint8_t *, s->offset), part),
                                 odd);
            odd ^= part & 1;
            last->data_len = (uint16_t)(last->data_len + part);
            s->offset += part;
            len -= part;
        }
    }
    return true;
}

/* Sets length, id and checksum of the IP header at 'ip' that, with what follows, takes 'len' bytes. */
static void set_ip(uint8_t *ip, uint32_t len, uint16_t n_done)
{
    if (ip[0] >> 4 == 6) {
        put16(ip + 4, len - IPV6_LEN);
        return;
    }
    put16(ip + 2, len);
    put16(ip + 4, get16(ip + 4) + n_done);
    put16(ip + 10, 0);
    put_checksum(ip + 10, checksum_bytes(ip, (ip[0] & 15) * 4u));
}

/* Returns the sum of the pseudo-header. */
static uint16_t set_tcp(const struct segmenter *s, uint8_t *header, uint32_t payload_len, uint64_t payload_sum)
{
    uint8_t *tcp = header + s->l4;
    uint32_t tcp_len = s->header_len - s->l4;
    uint16_t pseudo = checksum_fold(checksum_pseudo(header + s->l3, IPPROTO_TCP, tcp_len + payload_len));

    put32(tcp + TCP_SEQUENCE, s->sequence);
    if (s->n_done > 0)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
    if (s->left > 0)
        tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    put16(tcp + TCP_CHECKSUM, 0);
    put_checksum(tcp + TCP_CHECKSUM, pseudo + checksum_bytes(tcp, tcp_len) + payload_sum);
    return pseudo;
}

static void set_tunnel(const struct segmenter *s, uint8_t *header, uint32_t payload_len, uint16_t inner_pseudo)
{
    uint8_t *ip = header + s->outer_l3;
    uint8_t *udp = header + s->outer_udp;

    set_ip(ip, s->header_len - s->outer_l3 + payload_len, s->n_done);
    put16(udp + UDP_LENGTH, s->header_len - s->outer_udp + payload_len);
    if (s->outer_checksum)
        checksum_put_outer_udp(ip, udp, header + s->l4, inner_pseudo);
}

struct rte_mbuf *segmenter_next(struct segmenter *segmenter, struct rte_mempool *pool)
{
    uint32_t payload_len = RTE_MIN(segmenter->left, (uint32_t)segmenter->mss);
    struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
    uint64_t payload_sum = 0;
    uint16_t pseudo;
    uint8_t *header;

    if (packet == NULL)
        return NULL;
    header = (uint8_t *)rte_pktmbuf_append(packet, segmenter->header_len);
    if (header == NULL || !take_payload(segmenter, pool, packet, payload_len, &payload_sum)) {
        rte_pktmbuf_free(packet);
        return NULL;
    }
    memcpy(header, segmenter->header, segmenter->header_len);
    set_ip(header + segmenter->l3, segmenter->header_len - segmenter->l3 + payload_len, segmenter->n_done);
    pseudo = set_tcp(segmenter, header, payload_len, payload_sum);
    if (segmenter->outer_udp != 0)
        set_tunnel(segmenter, header, payload_len, pseudo);
    segmenter->sequence += payload_len;
    segmenter->n_done++;
    return packet;
}

bool segmenter_run(const struct rte_mbuf *packet, void (*send)(void *aux, struct rte_mbuf *segment), void *aux)
{
    struct segmenter segmenter;

    if (segmenter_init(&segmenter, packet) != 0)
        return false;
    do {
        struct rte_mbuf *segment = segmenter_next(&segmenter, packet->pool);

        if (segment == NULL)
            return false;
        send(aux, segment);
    } while (segmenter_has_next(&segmenter));
    return true;
}
