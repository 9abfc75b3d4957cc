// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/snapshot_private.h"

/* Assigns every receive queue of every port of 'snapshot' to one of the workers 'ids' (n of them): a queue stays with
 * the worker that polled it last, even if nobody polls it at present, because that worker may not have heard of it yet;
 * a new one goes to the worker with the fewest. Queues of a worker that is not among 'ids' go to others when 'hand_out',
 * which is safe once a plan without is applied; else nobody polls them. With n == 0 nothing is polled. 0 or -ENOMEM.
 * Control thread. */
int rxq_plan_make(struct snapshot *snapshot, const unsigned int *ids, unsigned int n, bool hand_out);
