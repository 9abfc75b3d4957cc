// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/port.h"

/* Which receive queue should change its worker? A pure function of the measured loads, so that it can be tested. Loads are
 * shares of one CPU, 0..1. */

struct rxq_load {
    double load;
    unsigned int worker; /* id of who polls it */
    bool movable;        /* not bound to a CPU, not moved a moment ago */
};

struct rxq_balance {
    bool takes[WORKERS_MAX];  /* by id: workers that there are and that take queues */
    double load_threshold;    /* a worker below this needs no help */
    double least_improvement; /* share of the distance between the two workers' loads that a move must take away */
    double least_gain;        /* and the busier one must end up less loaded by this */
};

struct rxq_move {
    uint32_t queue; /* index */
    unsigned int from, to;
    double from_before, to_before;
    double from_after, to_after;
};

/* The move that brings an overloaded worker's load down most, with the least loaded worker as the heir. False: nothing
 * is worth the while. As each move makes the busier of the two workers less busy by 'least_gain' or more, moves on
 * unchanged loads come to an end. */
bool rxq_balance_decide(const struct rxq_balance *balance, const struct rxq_load *queues, uint32_t n,
                        struct rxq_move *move);
