// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "tests/unit/acl/frame.h"

/* What packets cost piece by piece. A stage is set up once and then run batch by batch; only the run is measured. */
#define STAGE_BATCH 64u

struct stage {
    const char *name;
    const char *what;
    void (*run)(void);               /* one batch */
    void (*set_up)(uint32_t choice); /* once, before everything else */
    void (*prepare)(uint32_t round); /* before each batch, round 0, 1, ...; NULL: nothing to do */
    void (*tear_down)(void);         /* checks that what ran did what its name says; NULL: nothing to do */
    uint32_t choice;
    uint32_t rounds_max; /* more batches than this have no room; 0: any number */
};

/* Lists that end with a name NULL. Those of the key are compiled once for each level of processors, as the stages are. */
extern const struct stage stages_of_headers[], stages_of_tunnels[], stages_of_sessions[], stages_of_flows[],
    stages_of_workers[];
extern const struct stage stages_of_keys_v2[], stages_of_keys_v3[], stages_of_keys_v4[];

/* The packets of a batch: buffers of the pool, always the same. */
extern struct rte_mbuf *stage_packets[STAGE_BATCH];

/* Makes every buffer the frame, TCP or UDP with at most one VLAN tag, of flow 'first' and following: the number is the
 * client's port and, beyond 65535, in the server's. The client is the sender, or the receiver of a reply. */
enum stage_direction { STAGE_REQUEST, STAGE_REPLY };
void stage_fill(const struct frame *frame, enum stage_direction direction, uint32_t first);

/* The stage measured is not what it should be: says so and ends the program. */
void stage_expect(bool condition, const char *what);
