// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/worker.h"

/* Counting for rules what the flow cache counted for flows. A flow's line counts its packets anyway; beside it, on a line
 * that packets never touch (struct flow_tally), stand the rules of the flow and how much of that has been counted for
 * them already. */

/* Stage. The entry begins to stand for a verdict by 'rules'; what it counted before has been harvested. */
void flow_tally_begin(struct worker *worker, const struct flow_entry *entry, const struct flow_rules *rules);

/* Worker: counts what came since the last harvest for the entry's rules, or its drop. From the sweep, and before the entry
 * goes or changes. */
void flow_tally_harvest(struct worker *worker, const struct flow_entry *entry);

/* The worker's thread, before it ends: every entry, because the cache goes with it. */
void flow_tally_harvest_all(struct worker *worker);

/* Stage: a packet that is not cached. 'drop' DROP_NONE: it passes. */
void flow_tally_packet(struct worker *worker, uint16_t port, enum drop_reason drop, const struct flow_rules *rules,
                       uint32_t bytes);
