// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "tools/gen/options.h"

/* The "simple IMIX": of twelve frames seven are small, four medium and one is large, spread evenly and always in the
 * same order. On the wire, with their FCS, they have 64, 594 and 1518 bytes. */

#define IMIX_SIZES  3u
#define IMIX_PERIOD 12u

/* Which of the sizes the frame at a place in the stream has. */
extern const uint8_t imix_pattern[IMIX_PERIOD];

/* How many sizes of frames the options ask for: IMIX_SIZES, or 1. */
unsigned int imix_sizes(const struct options *options);

/* Bytes of the frames of the 'index'th of them. Small ones have as much as their headers need, if that is more. */
uint16_t imix_size(const struct options *options, unsigned int index);
