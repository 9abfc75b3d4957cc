// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Finishes in software what the kernel left to a network card: frames whose TCP payload is larger than a segment may
 * be (GSO), and checksums that cover only the pseudo-header so far. Pure functions over memory; any thread. */

/* Ethernet with two tags, IPv4 and TCP of 60 bytes each, and the same Ethernet and IPv4 again with UDP and a GENEVE
 * header of the largest size around it. */
#define SEGMENT_HEADER_MAX (22 + 60 + 60 + 22 + 60 + 8 + 260)

struct segmenter {
    const uint8_t *frame; /* borrowed */
    uint32_t payload;     /* offset of what has not been sent yet */
    uint32_t end;
    uint32_t mss;
    uint16_t l3; /* the IP header next to TCP */
    uint16_t l4;
    uint16_t header_len; /* up to the TCP payload */
    uint16_t outer_l3;   /* IP and UDP of a tunnel around it; outer_udp is 0 when there is none */
    uint16_t outer_udp;
    uint16_t n_done;   /* segments made so far */
    uint32_t sequence; /* of the next segment */
};

/* A frame: its own headers followed by a piece of the large frame's payload. */
struct segment {
    uint8_t header[SEGMENT_HEADER_MAX];
    uint32_t header_len;
    const uint8_t *payload;
    uint32_t payload_len;
};

/* Prepares to cut the TCP frame of 'len' bytes at 'frame' into segments of at most 'mss' payload bytes. 'tcp' is the
 * offset of the TCP header, which is all that tells of a tunnel around it (VXLAN, GENEVE). IPv4, also with options, and
 * IPv6 without extension headers, up to two VLAN tags. 0, or -EINVAL when it is anything else, a fragment, or
 * malformed. */
int segmenter_init(struct segmenter *segmenter, const uint8_t *frame, uint32_t len, uint32_t tcp, uint32_t mss);

/* Makes the next segment: lengths, IPv4 ids, sequence number and all checksums set (an outer UDP checksum only where
 * there was one, RFC 7348 5); CWR only on the first, FIN and PSH only on the last (RFC 9293 3.4, RFC 3168 6.1.2). False
 * when there are no more. */
bool segmenter_next(struct segmenter *segmenter, struct segment *segment);

/* Sums the 'len - start' bytes from 'start' and stores the result at 'start + offset', where the sender left the sum
 * of the pseudo-header. A result of 0 is stored as 0xffff, which UDP needs (RFC 768) and TCP does not mind. 0, or
 * -EINVAL when the place lies outside the frame. */
int segment_finish_checksum(uint8_t *frame, uint32_t len, uint32_t start, uint32_t offset);
