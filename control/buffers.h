// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "dataplane/core/packet_pool.h"

struct applied;
struct simap;

/* Keeps the pools of packet buffers as large as ports and workers need them. Control thread.
 *
 * buffers_start() after EAL, with the most buffers of a pool (other_config:packet-buffers-max; 0: the default). 0, or
 * negative errno with '*error'. */
int buffers_start(uint32_t limit, char **error);

/* About once a second: lets pools grow that are smaller than what is claimed of them, or nearly empty. When there is no
 * memory the log says once what would help, and the next try waits until more is wanted or hugepages have come free. */
void buffers_run(const struct applied *applied);

/* For memory/show: buffers, and those in use. */
void buffers_memory_usage(struct simap *usage);
