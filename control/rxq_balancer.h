// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct applied;
struct ds;
struct smap;

/* Spreads receive queues over workers by measured load: one queue at a time, without a stop. Control thread. */

/* Open_vSwitch.other_config: pmd-auto-lb and its keys, pmd-rxq-assign, pmd-rxq-isolate. */
void rxq_balancer_configure(const struct smap *other_config);

/* Measures and decides when it is due. */
void rxq_balancer_run(const struct applied *applied);
void rxq_balancer_wait(void);

/* Moves what is worth moving now, whatever the thresholds say, and writes a line for each move to 'out'. */
void rxq_balancer_force(const struct applied *applied, struct ds *out);
