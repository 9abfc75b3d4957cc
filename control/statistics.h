// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct applied;
struct interface;
struct ovsdb_idl;

/* Interface.statistics: the workers' counters, what the device counts besides, and a drop_<reason> for each reason that
 * has dropped something. Of every interface ('all'), or only of those that have none yet: clients take a port without
 * statistics for broken. Control thread. */
void statistics_write(const struct applied *applied, const struct ovsdb_idl *idl, bool all);
