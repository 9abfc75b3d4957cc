// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct applied;
struct ovsdb_idl;
struct ovsrec_open_vswitch;

/* What the Open_vSwitch database is told about the switch, except statistics. Everything is written into the
 * transaction that is open on 'idl'; the IDL drops what is the same already. Control thread.
 *
 * A device that is still being probed when cur_cfg is due has its ofport already, link_state "down" and
 * status:probe="in progress", and no error: clients that only look whether ofport is there go on, and when the probe
 * fails ofport and error change as for any other failure. */

/* Every interface, bridge and controller ('all'), or only those interfaces whose status changed. */
void status_write(struct applied *applied, const struct ovsrec_open_vswitch *cfg, struct ovsdb_idl *idl, bool all);
/* Columns of the root row that say what this daemon can do. */
void status_write_root(const struct applied *applied, const struct ovsrec_open_vswitch *cfg);
