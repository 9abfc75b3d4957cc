// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/pace.h"

/* A pace that was not kept is caught up with by so many bursts at most. */
#define CATCH_UP_BURSTS 8u
/* Less than this part of a burst is not sent by itself: a burst of one would cost as much. */
#define PACED_PART 4u

void pace_start(struct pace *pace, double pps, uint16_t burst, uint64_t clocks_per_second, uint64_t now)
{
    *pace = (struct pace){.pps = pps, .clocks_per_second = (double)clocks_per_second, .start = now, .burst = burst};
}

uint16_t pace_due(struct pace *pace, uint64_t now)
{
    double due;

    if (pace->pps == 0)
        return pace->burst;
    due = (double)(now - pace->start) / pace->clocks_per_second * pace->pps - pace->sent;
    if (due > CATCH_UP_BURSTS * pace->burst)
        pace->sent += due - CATCH_UP_BURSTS * pace->burst;
    return due >= pace->burst ? pace->burst : due >= pace->burst / PACED_PART ? (uint16_t)due : 0;
}
