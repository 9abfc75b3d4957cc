// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vhost/ring.h"

struct vring_desc;

/* Packets or buffers that are not in one piece, in either layout of rings: what is not the fast path. Private to this
 * folder. */

/* What goes back to the guest for a buffer. */
struct ring_entry {
    uint32_t head;  /* by which the guest knows it: its first descriptor in a split ring, its id in a packed one */
    uint32_t len;   /* bytes it takes; then bytes written to it */
    uint32_t slots; /* descriptors of a packed ring that it takes up */
};

/* Places in guest memory that take or hold one packet, and the entries that go with them. */
struct ring_pieces {
    uint32_t total; /* bytes */
    uint32_t slots; /* of all entries */
    uint16_t n;
    uint16_t n_entries;
    bool writable; /* what the descriptors must be */
    struct {
        uint8_t *data;
        uint32_t len;
    } pieces[RING_PIECES];
    struct ring_entry entries[RING_PIECES];
};

/* How far a burst has come. */
struct ring_progress {
    uint32_t bad; /* entries given back unused */
    /* In a split ring. */
    uint16_t first;     /* index of the first entry that was available */
    uint16_t available; /* entries */
    uint16_t taken;     /* of these, those whose used entries are written */
    /* In a packed ring. */
    bool wrap;     /* the wrap counter at 'slot' */
    bool holding;  /* the burst has a first entry: */
    uint32_t slot; /* first descriptor not yet taken */
    uint32_t first_slot;
    uint64_t first_used; /* what is to be written there last of all */
    uint32_t chained;    /* bytes received in frames longer than a buffer */
};

/* What differs between the layouts. */
struct ring_layout {
    /* Adds the entry behind those in 'pieces' to them. 0; -EAGAIN: none is available; -EINVAL: it cannot be followed, or
     * -ENOSPC: there are more pieces than fit. The entry itself is added in the last two cases, too. */
    int (*collect)(const struct ring *ring, const struct ring_progress *progress, struct ring_pieces *pieces);

    /* Writes the used entry of the next entry. */
    void (*use)(const struct ring *ring, struct ring_progress *progress, const struct ring_entry *entry);
};

static inline void ring_pieces_start(struct ring_pieces *pieces, bool writable)
{
    pieces->n = pieces->n_entries = 0;
    pieces->total = pieces->slots = 0;
    pieces->writable = writable;
}

/* Adds the bytes that a descriptor with these fields points to; they may lie in several regions. 0, -EINVAL or
 * -ENOSPC. */
int ring_pieces_add(const struct ring *ring, uint64_t address, uint32_t len, uint16_t flags,
                    struct ring_pieces *pieces);

/* Where the indirect table is that a descriptor with these fields points to, and its number of entries. NULL when there
 * is none: outside of memory, of odd length, or the chain goes on behind it. */
const void *ring_find_table(const struct ring *ring, uint64_t address, uint32_t len, uint16_t flags, uint32_t *n);

/* Reads the frame in 'pieces' into 'packet' and as many buffers of 'pool' behind it as it takes. 'room' is how much a
 * buffer takes. 'result' is what collecting said. False, with the reason in '*losses', when it cannot be passed on. */
bool ring_read_packet(const struct ring *ring, int result, const struct ring_pieces *pieces, struct rte_mempool *pool,
                      struct rte_mbuf *packet, uint32_t room, struct ring_losses *losses);

/* Copies a packet to the next buffers and uses these; those that cannot be followed are given back. False when there is
 * no room for it. */
bool ring_write_packet(const struct ring *ring, const struct ring_layout *layout, struct ring_progress *progress,
                       const struct rte_mbuf *packet, struct ring_losses *losses);
