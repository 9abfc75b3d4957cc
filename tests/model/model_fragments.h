// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/model/model_packet.h"

/* Datagrams in fragments: what became of the first one holds for those behind it, which wait for it when they are
 * early. */

#define MODEL_DATAGRAMS     64u
#define MODEL_FRAGMENT_TIME 30u /* ticks that the fragments of a datagram may take */
#define MODEL_HOLD_TIME     2u  /* ticks that early ones wait for the first */
#define MODEL_HELD          16u

struct model_datagram {
    bool used;
    struct model_packet like; /* any fragment of it */
    bool judged;
    bool passed;
    uint32_t judged_at;
    uint64_t policy;   /* the version of policy under which it was judged */
    bool perhaps_held; /* some whose first one was judged under an older policy */
    uint32_t n_held;
    uint32_t held_since[MODEL_HELD];
    uint64_t held_under[MODEL_HELD]; /* versions of policy */
};

struct model_fragments {
    struct model_datagram list[MODEL_DATAGRAMS];
};

/* The datagram that the fragment is of; made when there is none. What is over is forgotten. */
struct model_datagram *model_fragments_find(struct model_fragments *fragments, const struct model_packet *packet,
                                            uint32_t now);
