// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/gen/counters.h"
#include "tools/gen/device.h"
#include "tools/gen/flow_loss.h"
#include "tools/gen/handshake.h"
#include "tools/gen/latency.h"
#include "tools/gen/options.h"
#include "tools/gen/receiver.h"
#include "tools/gen/search.h"
#include "tools/gen/sender.h"

/* The work of the sending and receiving thread: announce the guests, open the flows, send until told to stop, and take
 * what is still under way; or, for a search, send and take in trials. */
struct traffic {
    const struct options *options;
    struct device *devices;
    unsigned int n_devices; /* 1 of a source or sink, 2, or 3 with a flood */
    struct sender senders[GUESTS_MAX];
    struct receiver receivers[2];
    /* Main thread to worker. */
    _Atomic bool stop;
    _Atomic bool measuring; /* latencies count */
    /* Worker to main thread: posted when the load begins and when the thread is done. What follows is valid then. */
    sem_t progress;
    _Atomic int error; /* negative errno; a sentence is on standard error */
    uint32_t lost_at_open[2];
    int64_t offered[2]; /* sent under load */
    int64_t lost[2];    /* of that, what had not come when nothing came any more */
    double cpu_share;   /* of the time under load, what the thread had a CPU for; less than 1 when others want it too */
    struct latency latency;
    struct flow_loss flow_loss;
    struct search search;
    struct handshake handshake; /* with --handshakes in place of senders and receivers */
    alignas(64) struct counters counters;
};

/* 0 or negative errno; traffic_fini() is right after either. */
int traffic_init(struct traffic *traffic, const struct options *options, struct device *devices,
                 unsigned int n_devices);
void traffic_fini(struct traffic *traffic);

/* The thread's body, for rte_eal_remote_launch(); 'arg' is the traffic. Posts 'progress' twice, once on errors. */
int traffic_run(void *arg);

/* For the phases of the thread's work. */
static inline bool traffic_is_stopped(const struct traffic *traffic)
{
    return atomic_load_explicit(&traffic->stop, memory_order_relaxed);
}
uint64_t traffic_milliseconds(uint64_t n); /* in clocks of the TSC */
