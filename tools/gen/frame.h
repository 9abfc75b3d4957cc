// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "tools/gen/options.h"

/* The frames that are sent. Direction 0 is from the first guest to the second, direction 1 the replies, direction
 * FRAME_FLOOD from the third guest to the second. All frames of a direction are equal but for their ports, and those
 * follow from the flow's number: nothing is looked up, so a million flows cost the generator no more memory than
 * one. */

#define FRAME_FLOOD      2u
#define FLOW_SOURCE_BASE 1024u
#define FRAME_L4_OFFSET  34u

/* Writes the frame of flow 0 to 'bytes' (options->size of them). UDP carries no checksum (RFC 768), so that nothing
 * but the ports changes from flow to flow; for that a SYN has none either, since no switch looks. */
void frame_write(const struct options *options, unsigned int direction, uint8_t *bytes);

/* Writes an ARP announcement of the guest on 'device' (RFC 5227 2.3), FRAME_MIN bytes. */
void frame_write_announcement(const struct options *options, unsigned int device, uint8_t *bytes);

/* Whether a received frame is one of 'direction', or the announcement of its sender; a switch may change MACs. */
bool frame_is_ours(const struct options *options, unsigned int direction, const struct rte_mbuf *frame);
bool frame_is_announcement(const struct options *options, unsigned int device, const struct rte_mbuf *frame);

/* Both ports of a flow as they stand in a frame. */
static inline uint32_t frame_ports(const struct options *options, unsigned int direction, uint32_t flow)
{
    uint32_t source = FLOW_SOURCE_BASE + flow % FLOW_SOURCES;
    uint32_t destination = options->udp_port + flow / FLOW_SOURCES;

    return rte_cpu_to_be_32(direction == 1 ? destination << 16 | source : source << 16 | destination);
}

static inline void frame_set_ports(struct rte_mbuf *frame, uint32_t ports)
{
    *rte_pktmbuf_mtod_offset(frame, unaligned_uint32_t *, FRAME_L4_OFFSET) = ports;
}
