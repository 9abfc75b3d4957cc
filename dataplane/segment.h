// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

/* Cuts in software a TCP frame that is larger than a segment may be, as a network card would (TSO), also inside VXLAN or
 * GENEVE. The frame may lie in any number of buffers; each byte is read once, copied and summed at the same time. */

/* Two tags, IPv4 or IPv6 with options, the longest l2_len (a tunnel's headers and an Ethernet one), IP and TCP again. */
#define SEGMENT_HEADER_MAX 384

struct segmenter {
    const struct rte_mbuf *piece; /* buffer of the frame that has the next byte of payload, at 'offset' */
    uint32_t offset;
    uint32_t left; /* payload that has not been sent yet */
    uint32_t sequence;
    uint16_t mss;
    uint16_t n_done;     /* segments made so far */
    uint16_t header_len; /* up to the TCP payload */
    uint16_t l3;         /* the IP header next to TCP */
    uint16_t l4;
    uint16_t outer_l3; /* IP and UDP of a tunnel around it; outer_udp is 0 when there is none */
    uint16_t outer_udp;
    bool outer_checksum;
    uint8_t header[SEGMENT_HEADER_MAX]; /* the frame's */
};

/* Prepares to cut 'packet', which has RTE_MBUF_F_TX_TCP_SEG and is described as offload.h says; it is borrowed until the
 * last segment is made. 0, or -EINVAL when its headers are longer than that allows. Worker. */
int segmenter_init(struct segmenter *segmenter, const struct rte_mbuf *packet);

/* Are there more segments? A frame without payload is one. */
static inline bool segmenter_has_next(const struct segmenter *segmenter)
{
    return segmenter->left > 0 || segmenter->n_done == 0;
}

/* Makes the next segment in buffers from 'pool': lengths, IPv4 ids, sequence number and all checksums set; CWR only on
 * the first, FIN and PSH only on the last (RFC 9293 3.4, RFC 3168 6.1.2). Nothing of it is left pending. NULL: out of
 * buffers. Worker. */
struct rte_mbuf *segmenter_next(struct segmenter *segmenter, struct rte_mempool *pool);

/* Cuts 'packet' into segments from its own pool and gives each to 'send', which takes it over; 'packet' stays the caller's.
 * False when buffers ran out, or it cannot be cut: the other end misses some, or all. Worker. */
bool segmenter_run(const struct rte_mbuf *packet, void (*send)(void *aux, struct rte_mbuf *segment), void *aux);
