// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "tools/gen/options.h"

/* With --tunnel the second guest lives on another host, behind a VXLAN (RFC 7348) or GENEVE (RFC 8926) tunnel: its device
 * is the switch's way to that host, and each of its frames has outer headers there:
 *
 *     | Ethernet 14 | IPv4 20 | UDP 8 | VXLAN or GENEVE 8 | guest's frame
 *
 * The generator is the remote end of the tunnel. It answers ARP for its address as long as it runs. */
#define TUNNEL_OUTER_SIZE 50u

/* How many bytes of outer headers frames have on the device of a guest; usually none. */
uint16_t tunnel_outer_size(const struct options *options, unsigned int guest);

/* Writes the outer headers from the remote end to the switch, in front of 'length' bytes of a guest's frame. There is no
 * UDP checksum, as usual (RFC 7348 5). */
void tunnel_write(const struct options *options, uint16_t length, uint8_t *bytes);

/* Whether a frame that came from the switch has the outer headers that it should have, the other way round. */
bool tunnel_is_ours(const struct options *options, const struct rte_mbuf *frame);

/* Writes the remote end's ARP request for the switch's address; returns FRAME_MIN, its length. */
uint16_t tunnel_write_arp_request(const struct options *options, uint8_t *bytes);

/* When a frame from the switch is an ARP request for the remote end's address, makes it the answer. */
bool tunnel_answer_arp(const struct options *options, struct rte_mbuf *frame);

/* Gives a frame that is sent the UDP source port of its flow, so that receivers can spread flows by it. */
static inline void tunnel_set_port(struct rte_mbuf *frame, uint32_t flow)
{
    rte_be16_t port = rte_cpu_to_be_16((uint16_t)(0xc000 | (flow & 0x3fff)));

    memcpy(rte_pktmbuf_mtod_offset(frame, void *, 34), &port, sizeof port);
}
