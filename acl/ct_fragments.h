// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/packet.h"

struct conntrack;

/* Virtual reassembly: fragments behind the first have no ports, so what became of the first one holds for them. The table
 * is bounded and shared by all workers, because a NIC or tunnel may spread the fragments of a packet; each bucket has a
 * lock that is held for a few stores. Each source has its share of the buckets, so that one that sends nothing but first
 * fragments forgets its own. */

/* Where a fragment is on its way. */
struct ct_fragment_way {
    uint32_t zone;
    uint32_t source; /* attachments; destination 0: not learned yet */
    uint32_t destination;
};

/* How long the fragments of a packet may take, in ticks: what receivers commonly wait for them. */
#define CT_FRAGMENT_TIMEOUT 30u

/* What became of the first fragment. */
struct ct_fragment_note {
    uint32_t sequence; /* of the snapshot it was judged by */
    bool passed;
};

/* Worker. Notes what became of the first fragment 'packet'. */
void conntrack_note_fragment(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *way,
                             const struct ct_fragment_note *note, uint32_t now);

/* Worker. Whether the first fragment of the packet that 'packet' is a later fragment of went the same way; '*note' is then
 * what became of it. */
bool conntrack_find_fragment(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *way,
                             uint32_t now, struct ct_fragment_note *note);
