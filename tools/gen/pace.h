// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* So many packets a second from 'start' on; as many as there is room for when 'pps' is 0. */
struct pace {
    double pps;
    double clocks_per_second;
    uint64_t start; /* clocks */
    double sent;
    uint16_t burst; /* at most this is due at a time */
};

void pace_start(struct pace *pace, double pps, uint16_t burst, uint64_t clocks_per_second, uint64_t now);

/* How many packets are due: none while they are few, at most a burst. What was missed in a longer interruption is not
 * made up for. Packets that were sent are added to pace->sent by the caller. */
uint16_t pace_due(struct pace *pace, uint64_t now);
