// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "tools/gen/options.h"

/* The frames that are sent. Direction 0 is from the first guest to the second, direction 1 the replies, direction
 * FRAME_FLOOD from the third guest to the second. All frames of a direction and size are equal but for their ports, and
 * those follow from the flow's number: nothing is looked up, so a million flows cost the generator no more memory than
 * one.
 *
 *     | outer headers | Ethernet, tag | IP | L4 header | balance | stamp | zeros
 *     0               inner           l3   l4          (only where there is a checksum)
 *
 * UDP over IPv4 carries no checksum (RFC 768), so nothing but the ports changes. Other frames have one that need not be
 * computed again: behind their L4 header stands the complement of the ports, the 'balance', so that the sum over both is
 * always the same. An echo has its identifier and sequence number where the others have ports. */

#define FRAME_FLOOD      2u
#define FLOW_SOURCE_BASE 1024u

struct frame_layout {
    uint16_t size;    /* of the whole frame */
    uint16_t inner;   /* where the guest's frame begins, 0 without a tunnel */
    uint16_t l3;      /* its network header */
    uint16_t l4;      /* and what is behind that */
    uint16_t ports;   /* both of them, or an echo's identifier and sequence number */
    uint16_t payload; /* what is behind the L4 header */
    uint16_t balance; /* the complement of the ports; 0: there is no checksum to balance */
    uint16_t stamp;   /* room for a latency stamp; 0: none */
};

/* Offsets in frames of a guest's 'size' bytes behind 'outer' bytes of outer headers. */
void frame_lay_out(struct frame_layout *layout, const struct options *options, uint16_t size, uint16_t outer);

/* The smallest frame that holds all that the options ask for. */
uint16_t frame_size_least(const struct options *options);

/* Writes the guest's frame of flow 0, of a large one the headers, where it belongs in 'bytes' (layout->size of them), not the outer headers. A SYN
 * has no checksum, since no switch looks and there may be no room to balance it. */
void frame_write(const struct options *options, unsigned int direction, const struct frame_layout *layout,
                 uint8_t *bytes);

/* Writes a latency stamp into a frame whose layout has room for one, and its complement where there is a checksum. */
void frame_write_stamp(const struct frame_layout *layout, uint64_t clocks, uint8_t *bytes);

/* A TCP segment of any flow, for connections that are followed from their beginning. */
struct frame_segment {
    uint8_t flags;
    uint16_t payload; /* bytes of zeros */
    uint32_t sequence;
    uint32_t acknowledged;
};

/* Writes a whole segment with its checksum; returns the length of the frame, FRAME_MIN or more. 'bytes' has room for
 * FRAME_SEGMENT_MAX and the payload. */
#define FRAME_SEGMENT_MAX 128u
uint16_t frame_write_segment(const struct options *options, unsigned int direction, uint32_t flow,
                             const struct frame_segment *segment, uint8_t *bytes);

/* Whether a received frame carries one of 'direction'; a switch may change MACs. The layout is that of frames as they
 * arrive. The length is not looked at. */
bool frame_is_ours(const struct options *options, unsigned int direction, const struct frame_layout *layout,
                   const struct rte_mbuf *frame);

/* The guest that a direction goes to. */
static inline unsigned int frame_receiver(unsigned int direction)
{
    return direction == 1 ? 0 : 1;
}

/* Both ports of a flow as they stand in a frame. */
static inline uint32_t frame_ports(const struct options *options, unsigned int direction, uint32_t flow)
{
    uint32_t source = FLOW_SOURCE_BASE + flow % FLOW_SOURCES;
    uint32_t destination = options->udp_port + flow / FLOW_SOURCES;
    bool mirrored = direction == 1 && options->protocol != OPTIONS_ICMP;

    return rte_cpu_to_be_32(mirrored ? destination << 16 | source : source << 16 | destination);
}

/* The reverse; what no flow has gives a number that no flow has. */
static inline uint32_t frame_flow(const struct options *options, unsigned int direction, uint32_t ports)
{
    uint32_t words = rte_be_to_cpu_32(ports);
    bool mirrored = direction == 1 && options->protocol != OPTIONS_ICMP;
    uint32_t source = mirrored ? words & 0xffff : words >> 16, destination = mirrored ? words >> 16 : words & 0xffff;

    if (source - FLOW_SOURCE_BASE >= FLOW_SOURCES || destination < options->udp_port)
        return UINT32_MAX;
    return (destination - options->udp_port) * FLOW_SOURCES + source - FLOW_SOURCE_BASE;
}

static inline void frame_set_ports(struct rte_mbuf *frame, uint16_t offset, uint32_t ports)
{
    memcpy(rte_pktmbuf_mtod_offset(frame, void *, offset), &ports, sizeof ports);
}

static inline uint32_t frame_get_ports(const struct rte_mbuf *frame, uint16_t offset)
{
    uint32_t ports;

    memcpy(&ports, rte_pktmbuf_mtod_offset(frame, const void *, offset), sizeof ports);
    return ports;
}
