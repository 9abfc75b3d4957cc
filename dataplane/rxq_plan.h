// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/snapshot_private.h"

/* Which worker polls which receive queue. A queue never has two readers: it is taken from one worker in one snapshot, and
 * given to another in a later one, when every worker is known to forward by the first or a later one. In between nobody
 * polls it and packets wait in it. Control thread. */

struct rxq_workers {
    unsigned int n;
    unsigned int ids[WORKERS_MAX];
    unsigned int cpus[WORKERS_MAX]; /* in the order of 'ids' */
    bool isolate;                   /* a worker that a queue is bound to has bound queues only */
    uint32_t applied;               /* a sequence that all workers, those not among 'ids' too, have come to */
};

/* Assigns every receive queue of every port of 'snapshot':
 *
 *      one that is bound to the CPU of a worker: to that worker;
 *      else one that is wanted elsewhere: there;
 *      else to the worker that polled it last, unless that has left or is isolated;
 *      else to the one with the fewest.
 *
 * When all workers are isolated, queues that are not bound go to any. With no worker nothing is polled. Returns how many
 * queues have been taken and can be given in a later plan, or -ENOMEM. */
int rxq_plan_make(struct snapshot *snapshot, const struct rxq_workers *workers);

/* Wishes the queues that are not bound spread so that no worker has two more of them than another. */
void rxq_plan_spread(const struct snapshot *snapshot, const struct rxq_workers *workers);

/* The worker's id that a queue is bound to, or -1: it is not bound, or there is no worker on that CPU. */
int rxq_plan_bound(const struct rxq_place *place, const struct rxq_workers *workers);
/* Is this worker left to queues that are bound to it? */
bool rxq_plan_is_isolated(const struct snapshot *snapshot, const struct rxq_workers *workers, unsigned int id);
