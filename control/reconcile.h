// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct applied;
struct ovsdb_idl;
struct ovsrec_open_vswitch;

/* Brings the switch (applied.h) to what the databases want (desired.h). One pass does all that can be done without
 * waiting and publishes at most one snapshot:
 *
 *      rows ──► desired ──┐
 *                         ├─ difference ─► ports opened or handed to the closings
 *              applied ───┘                attachments, bridges, tunnels, address sets ─► snapshot ─► published
 *
 * What needs time (a device that is probed or closed) comes back through the notifier, and another pass continues.
 * Calling it when nothing changed does nothing. Control thread. */

/* 'cfg' is the root row, or NULL to take everything down. 'sluice_idl' is NULL as long as the Sluice database has never
 * been seen. */
void reconcile_run(struct applied *applied, const struct ovsrec_open_vswitch *cfg, const struct ovsdb_idl *idl,
                   struct ovsdb_idl *sluice_idl);

/* The part of a pass that follows from the Sluice database, when nothing else changed. */
void reconcile_policies(struct applied *applied, const struct ovsdb_idl *idl, struct ovsdb_idl *sluice_idl);

/* Takes the results of the builder. True when there were any. */
bool reconcile_take_results(struct applied *applied);

/* Gives failed interfaces another try at the next pass: all but those whose device is slow to probe. */
void reconcile_retry_failed(struct applied *applied);
/* Looks whether kernel devices of "system" interfaces came, went or were replaced. True when another pass is due. */
bool reconcile_check_devices(struct applied *applied);
