// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct applied;
struct ovsdb_idl;

/* What the Sluice database is told: cur_cfg, the status of ports and networks, a few figures of the switch. Writes into
 * the transaction that is open on 'sluice_idl', only where it differs: of 'all' ports, or of those whose policy was decided
 * anew. 'idl' is that of Open_vSwitch. Control thread. */
void sluice_status_write(const struct applied *applied, struct ovsdb_idl *sluice_idl, const struct ovsdb_idl *idl,
                         bool all);
/* The figures alone (sessions, workers, how long the last change of policy took). */
void sluice_status_write_figures(const struct applied *applied, struct ovsdb_idl *sluice_idl);
