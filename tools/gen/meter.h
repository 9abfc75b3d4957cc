// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include "tools/gen/options.h"
#include "tools/gen/traffic.h"

/* Reads the counters of a run once a second. Main thread: it sleeps all the while. */

#define METER_INTERVALS_MAX 3601u

struct meter_reading {
    double time; /* seconds, of the monotonic clock */
    uint64_t sent[GUESTS_MAX];
    uint64_t received[2];
    uint64_t received_bytes[2];
    uint64_t arrived;
    uint64_t connections;
    uint64_t bursts;
    uint64_t bursts_short;
    uint64_t foreign;
};

struct meter {
    unsigned int n_readings;
    struct meter_reading readings[METER_INTERVALS_MAX + 1];
};

/* Lets the warm-up and the measured interval pass. Ends early when '*leave' becomes true. */
void meter_run(struct meter *meter, const struct options *options, struct traffic *traffic,
               const volatile sig_atomic_t *leave);
