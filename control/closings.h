// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "control/builder.h"

struct applied;
struct port;
struct port_settings;

/* Ports on their way out: out of the snapshot, then a grace period, then closed by the builder thread, then freed. A
 * device or name is not opened again before. Control thread. */

/* 'port' is in the snapshot. */
void closings_add(struct applied *applied, struct port *port, const struct port_settings *settings);
/* 'port' is being opened by the builder. */
void closings_add_opening(struct applied *applied, struct port *port, const struct port_settings *settings);
/* True when a port with that name, or that device, is still on its way out. */
bool closings_conflict(const struct applied *applied, const struct port_settings *settings);

/* Takes the ports that are still linked out of the snapshot being edited. */
void closings_unlink(struct applied *applied);
/* Hands ports whose grace period is over to the builder. True when one was done with on the spot. */
bool closings_run(struct applied *applied);
/* A result of the builder for a port on its way out. False when the port is none. */
bool closings_finish(struct applied *applied, const struct build_result *result);
