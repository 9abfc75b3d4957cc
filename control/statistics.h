// SPDX-License-Identifier: Apache-2.0
#pragma once

struct applied;
struct interface;
struct ovsdb_idl;

/* Interface.statistics: the workers' counters, what the device counts besides, and a drop_<reason> for each reason that
 * has dropped something. Control thread. */
void statistics_write(const struct applied *applied, const struct ovsdb_idl *idl);
