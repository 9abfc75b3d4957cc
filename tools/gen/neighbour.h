// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "tools/gen/options.h"

/* What guests tell of where their addresses are found, so that switches know it. */

/* The longest of the frames below. */
#define NEIGHBOUR_FRAME_MAX 90u

/* Writes the announcement of a guest to all: of ARP (RFC 5227 2.3), or an unsolicited neighbour advertisement
 * (RFC 4861 7.2.6). Returns its length; 'bytes' has room for NEIGHBOUR_FRAME_MAX. */
uint16_t neighbour_write_announcement(const struct options *options, unsigned int guest, uint8_t *bytes);

/* Whether a received frame is the announcement of a guest; 'inner' bytes of outer headers come first. */
bool neighbour_is_announcement(const struct options *options, unsigned int guest, uint16_t inner,
                               const struct rte_mbuf *frame);
