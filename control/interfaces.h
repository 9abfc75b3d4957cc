// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "control/applied.h"
#include "control/builder.h"

struct desired_interface;

/* The life of one interface: created when its row appears, opened (at once, or by the builder), changed, removed.
 * Everything is written into the snapshot being edited; nothing here waits. Control thread. */

struct interface *interface_create(struct applied *applied, const struct desired_interface *desired);
/* Takes it out of the data plane and frees it; its port goes on to the closings. */
void interface_remove(struct applied *applied, struct interface *interface);

/* Brings an interface that is WAITING or FAILED up, as far as it goes now. */
void interface_open(struct applied *applied, struct interface *interface);
/* Shows an interface what its row says now. False when it must be removed and created anew. */
bool interface_update(struct applied *applied, struct interface *interface, const struct desired_interface *desired);
/* Asks the running port for another MAC address (a bridge's own port). */
void interface_set_mac(struct applied *applied, struct interface *interface, const struct mac_addr *mac);

/* Puts the interface in state FAILED with a copy of 'reason'. */
void interface_fail(struct applied *applied, struct interface *interface, const char *reason);
/* A result of the builder for this interface. */
void interface_finish_open(struct applied *applied, struct interface *interface, const struct build_result *result);

/* Asks the port for its status. True when something that forwarding depends on is different. */
bool interface_refresh_status(struct applied *applied, struct interface *interface);
/* True for the types that stand for a kernel device made by somebody else. */
bool interface_is_foreign(const struct interface *interface);
