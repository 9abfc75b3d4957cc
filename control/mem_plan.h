// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/memory_demand.h"

struct ds;

/* Whether a configuration fits into the machine, and what to do when it does not. */

/* What there is. */
struct mem_room {
    int node;               /* that the first pool of packet buffers is on, and all of DPDK's memory is reckoned for */
    bool single_node;       /* there is no other */
    bool huge;              /* DPDK has hugepages; else ordinary memory, of which it got all at the start */
    unsigned long page_kib; /* the smallest hugepages of that node */
    unsigned long pages;    /* of that size: all, and the free ones */
    unsigned long pages_free;
    uint64_t free_bytes;     /* in free hugepages of all sizes */
    uint64_t dpdk_bytes;     /* DPDK has this much already, used or not */
    uint64_t dpdk_others;    /* of which this much is in use, but not by packet buffers: queues of devices, ... */
    uint64_t dpdk_limit;     /* other_config:dpdk-socket-limit; 0: none */
    uint64_t ordinary_bytes; /* available for new use */
    uint32_t buffers_most;   /* of one pool */
};
/* Looks at the machine. 'socket_limit' is the value of other_config, or NULL. After the start of the data plane. */
void mem_room_read(struct mem_room *room, const char *socket_limit);

/* Appends the lines "verdict: fits" or "verdict: needs ...", one for each thing that is missing. 'ordinary_now': of the
 * configuration in force. False when something is. */
bool mem_plan_judge(const struct memory_demand *demand, uint64_t ordinary_now, const struct mem_room *room,
                    struct ds *out);
/* What to set other_config:dpdk-socket-mem to, in MiB, so that the memory is there from the start. */
uint64_t mem_plan_socket_mem(const struct memory_demand *demand, const struct mem_room *room);
