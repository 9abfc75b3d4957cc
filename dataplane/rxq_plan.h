// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/snapshot_private.h"

/* Assigns every receive queue of every port of 'snapshot' to one of the workers 'ids' (n of them): a queue stays where
 * 'before' (may be NULL) had it if that worker is still there, a new one goes to the worker with the fewest. With n == 0
 * nothing is polled. 0 or -ENOMEM. Control thread. */
int rxq_plan_make(struct snapshot *snapshot, const struct snapshot *before, const unsigned int *ids, unsigned int n);
