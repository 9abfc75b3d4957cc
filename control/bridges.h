// SPDX-License-Identifier: Apache-2.0
#pragma once

struct applied;
struct desired;

/* The bridges themselves: index, FDB, options, address. Control thread. */

/* Makes new bridges and applies changed options; those no longer wanted stay until bridges_remove_unwanted(), which
 * comes after their interfaces have left. Both write into the snapshot being edited. */
void bridges_update(struct applied *applied, const struct desired *desired);
void bridges_remove_unwanted(struct applied *applied);

/* Chooses each bridge's MAC address: other_config:hwaddr, else the lowest universally administered one among its
 * ports, else one made of the row's UUID (so it is the same after a restart); and gives it to the bridge's own port. */
void bridges_choose_macs(struct applied *applied);
