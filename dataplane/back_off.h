// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* How long an idle worker sleeps before it looks at its queues again, so that an idle switch is an idle machine and yet a
 * packet that ends a short silence hardly waits: by how long nothing has come.
 *
 *   silence         sleep
 *   below 1 ms      none: a pause between two bursts, or between answer and question, whose latency a sleep would multiply
 *   1 ms .. 6.4 ms  a thirty-second of the silence
 *   .. 12.8 ms      200 µs
 *   beyond          a sixty-fourth of the silence
 *
 * never more than 'most' (other_config:pmd-sleep-max; 0: never sleeps). All in microseconds. Any thread. After a long
 * silence a worker whose queues allow it waits for an event instead (rest.h). */
#define BACK_OFF_AWAKE_US 1000u
#define BACK_OFF_SHORT_US 200u

static inline uint64_t back_off_sleep(uint64_t silence, uint64_t most)
{
    uint64_t sleep = silence / 32 < BACK_OFF_SHORT_US ? silence / 32 : BACK_OFF_SHORT_US;

    if (silence < BACK_OFF_AWAKE_US)
        return 0;
    sleep = silence / 64 > sleep ? silence / 64 : sleep;
    return sleep < most ? sleep : most;
}
