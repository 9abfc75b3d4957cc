// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/pace.h"

#include "tools/gen/options.h"

/* A pace that was not kept is caught up with by so many bursts at most. */
#define CATCH_UP_BURSTS 8u
/* Fewer are not sent by themselves: a burst of one would cost as much as one of these. */
#define PACED_LEAST 32u

void pace_start(struct pace *pace, double pps, uint64_t clocks_per_second, uint64_t now)
{
    *pace = (struct pace){.pps = pps, .clocks_per_second = (double)clocks_per_second, .start = now};
}

uint16_t pace_due(struct pace *pace, uint64_t now)
{
    double due;

    if (pace->pps == 0)
        return BURST_SIZE;
    due = (double)(now - pace->start) / pace->clocks_per_second * pace->pps - pace->sent;
    if (due > CATCH_UP_BURSTS * BURST_SIZE)
        pace->sent += due - CATCH_UP_BURSTS * BURST_SIZE;
    return due >= BURST_SIZE ? BURST_SIZE : due >= PACED_LEAST ? (uint16_t)due : 0;
}
