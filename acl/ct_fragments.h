// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/packet.h"

struct conntrack;

/* Virtual reassembly: fragments behind the first have no ports, so they may go where their first fragment was let
 * through. A fragment that overtakes its first one is dropped. The table is small and shared by all workers, because a
 * NIC or tunnel may spread the fragments of a packet; each bucket has a lock that is held for a few stores. */

/* Where a fragment is on its way. */
struct ct_fragment_way {
    uint32_t zone;
    uint32_t source; /* attachments; destination 0: not learned yet */
    uint32_t destination;
};

/* How long the fragments of a packet may take, in ticks: what receivers commonly wait for them. */
#define CT_FRAGMENT_TIMEOUT 30u

/* Worker. Notes that the first fragment 'packet' was let through under the snapshot 'sequence'. */
void conntrack_note_fragment(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *way,
                             uint32_t sequence, uint32_t now);

/* Worker. Whether the first fragment of the packet that 'packet' is a later fragment of was let through the same way;
 * '*sequence' is then that of the snapshot it was judged by. */
bool conntrack_find_fragment(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *way,
                             uint32_t now, uint32_t *sequence);
