// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct smap;

/* DPDK's environment abstraction layer. Started once, when the database is first known; control thread, before any
 * other thread exists.
 *
 * Arguments that the database asks for are tried in a child process first, because EAL answers bad ones by ending the
 * process. When they are refused the log says why and the defaults are taken. */

/* 0, or negative errno with '*error' when not even the defaults work: then there is no data plane. */
int eal_start(const struct smap *other_config, char **error);
const char *eal_version(void); /* "DPDK 22.11.11" */
