// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/port.h"

struct applied;
struct interface;

/* Interface.other_config:pmd-rxq-affinity: which receive queues are bound to the worker of which CPU. Control thread. */

/* Reads "QUEUE:CPU,QUEUE:CPU..." into 'cpus', by queue the CPU's number plus one, 0 for any. NULL means nothing is bound.
 * What cannot be read is left out; false then. */
bool rxq_affinity_parse(const char *text, uint16_t cpus[PORT_QUEUES_MAX]);

/* The text of an interface, as it is now. Warns when it cannot be read. */
void rxq_affinity_read(struct interface *interface, const char *text);
void rxq_affinity_forget(struct interface *interface);

/* Brings the bindings of all open ports up to date; starts an edit when one has changed. Warns of queues that are bound to
 * a CPU without a worker: any worker polls them. */
void rxq_affinity_apply(struct applied *applied);
