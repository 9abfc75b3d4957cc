// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/worker.h"

/* The first packet of a flow, and every packet that cannot be cached: resolved from the ground up, in line. */

/* A packet that came by 'port' and entered by 'attachment'. 'key' NULL: it was not made (the packet cannot be cached). */
struct arrival {
    struct port *port;
    struct rte_mbuf *mbuf;
    uint32_t attachment;
    const struct flow_key *key;
    uint32_t hash;
};

/* Stage: decides the packet's fate, caches it where it follows from the key, and carries it out. */
void slow_path_resolve(struct worker *worker, const struct arrival *arrival, const struct packet *packet);

/* Stage: brings what resolving a packet with this key will touch in the session table, as the 'nth' (0..) packet to be
 * resolved from now. */
void slow_path_prefetch(struct worker *worker, const struct flow_key *key, unsigned int nth);

/* Worker, about every millisecond: fragments that wait for their first one, which may have come by another worker; those
 * that waited too long are dropped. */
void slow_path_run_held(struct worker *worker);
