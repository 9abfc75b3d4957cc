// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct poll_list;

/* How a worker that has heard nothing for long waits for an event, instead of looking at its queues a thousand times a
 * second. It lies down (core/wake.h), makes one more turn, in which it looks at everything, then arms its queues
 * (port.h) and waits for the first of them to have something, for somebody to wake it, or for REST_US to pass, because
 * timers go on. It stays a reader in the sense of qsbr.h while it waits and holds its pointers: whoever waits for a grace
 * period wakes it.
 *
 * A worker that was woken sleeps by time again (back_off.h) for as long as REST_AFTER_US, so nobody can make it rest and
 * wake at a high rate, and whoever changes things often finds it awake. */
#define REST_AFTER_US 64000u /* of silence: sleeps by time would be at their longest */
#define REST_US       50000u
#define REST_SLEEP_MAX_US \
    200u /* an operator who allows no longer sleep wants it shorter than waking from a wait takes */
#define REST_QUEUES_MAX 64u

/* The worker's own; zeroed at its start. */
struct rest {
    uint64_t disturbed; /* clock at which it was last woken, or could not rest */
    bool lying;
};

/* Worker, at the end of a turn in which nothing was found to do, when it may rest. True when there is to be another turn
 * at once: it has lain down or waited. False: it is to sleep by time. */
bool rest_take(struct rest *rest, unsigned int worker, const struct poll_list *plan);

/* Worker: it has been disturbed. */
void rest_end(struct rest *rest, unsigned int worker);
