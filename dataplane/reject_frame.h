// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "dataplane/core/packet.h"

/* What the sender of a refused packet is told: a TCP reset (RFC 9293 3.10.7.1), else port unreachable (RFC 792 type 3 code
 * 3, RFC 4443 type 1 code 4), as from the refused packet's destination. It quotes no more than 576 (IPv4, RFC 1812
 * 4.3.2.3) or 1280 bytes (IPv6) with all headers. */
#define REJECT_FRAME_MAX (18 + 1280)

/* Writes the answering frame, with the VLAN tag that the refused one has, into 'frame'. Returns its length, 0 when none is
 * due: never for resets, ICMP errors, later fragments, what is not IP, and packets from or to more than one host (RFC 1122
 * 3.2.2, RFC 4443 2.4). */
uint32_t reject_frame_build(const struct packet *refused, uint8_t frame[REJECT_FRAME_MAX]);
