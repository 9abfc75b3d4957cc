// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/gen/device.h"
#include "tools/gen/options.h"

/* The work of the sending and receiving thread: announce the guests, open the flows, send until told to stop, and take
 * what is still under way. */

/* Running totals by direction. The thread writes, the main thread reads. */
struct traffic_counters {
    _Atomic uint64_t sent[GUESTS_MAX]; /* the last is the flood */
    _Atomic uint64_t received[2];
    _Atomic uint64_t bursts;       /* tried */
    _Atomic uint64_t bursts_short; /* of which the ring had no room for all: the switch is the slower one */
    _Atomic uint64_t foreign;      /* samples of what was received that were none of our frames */
};

struct traffic {
    const struct options *options;
    struct device *devices;
    unsigned int n_devices; /* 2, or 3 with a flood */
    /* Main thread to worker. */
    _Atomic bool stop;
    /* Worker to main thread: posted when the load begins and when the thread is done. What follows is valid then. */
    sem_t progress;
    _Atomic int error; /* negative errno; a sentence is on standard error */
    uint32_t lost_at_open[2];
    int64_t offered[2]; /* sent under load */
    int64_t lost[2];    /* of that, what had not come when nothing came any more */
    double cpu_share;   /* of the time under load, what the thread had a CPU for; less than 1 when others want it too */
    uint32_t next_flow[GUESTS_MAX];
    alignas(64) struct traffic_counters counters;
};

int traffic_init(struct traffic *traffic, const struct options *options, struct device *devices,
                 unsigned int n_devices);
void traffic_fini(struct traffic *traffic);

/* The thread's body, for rte_eal_remote_launch(); 'arg' is the traffic. Posts 'progress' twice, once on errors. */
int traffic_run(void *arg);
