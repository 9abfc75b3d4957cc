// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "dataplane/worker.h"

/* Takes a new stamp when something changed since the present one began (a snapshot, a revalidation, a second). Once per
 * loop of the worker, between batches. */
void worker_take_stamp(struct worker *worker, const struct snapshot *snapshot, uint32_t revalidations, uint32_t tick);

/* Looks at an entry whose stamp is not the present one: is everything it was derived from still as it was? If so it
 * gets the present stamp, its session is shown the packet, and true is returned. False: resolve the packet anew. */
bool flow_revalidate(struct worker *worker, struct flow_entry *entry, uint8_t tcp_flags);

/* Ticks since the entry was last found valid; UINT32_MAX when that is too long ago to tell. */
uint32_t flow_idle(const struct worker *worker, const struct flow_entry *entry);
