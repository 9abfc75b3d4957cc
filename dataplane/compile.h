// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/flow_cache.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

/* From a resolution to an action that can be carried out and cached. */

/* What a flow entry holds besides its key and counters; also used alone, for packets that are not cached. */
struct action {
    uint32_t session;
    union {
        struct {
            uint16_t port;
            uint16_t vlan;
        } out;
        uint32_t action;
    };
    uint16_t flags; /* FLOW_* */
};

/* Worker. Compiles 'resolution' of a packet; takes a reference to an output list where one is needed (FLOW_LIST), which
 * goes with the entry the action is put into, or is given back by output_release(). When the output pool is empty the
 * action is a drop (DROP_INTERNAL) and false is returned: do not cache it. */
bool action_compile(struct worker *worker, const struct packet *packet, const struct resolution *resolution,
                    struct action *action);
