// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/flow_key.h"
#include "dataplane/worker.h"

/* Inside of the stages that a batch of packets passes: what packets of known flows mostly need (stages.c) is compiled
 * once for each level of processors and chosen at start; what they need rarely (stages_rare.c) exists once. */

/* A batch passes through straight loops over these arrays: decapsulation, then keys, hashes and prefetches for all, then
 * look-up for all, then action for all. */
struct batch {
    uint32_t n;
    uint32_t attachment; /* that of the port they came by */
    bool mixed;          /* some entered by a tunnel: each packet's attachment is below */
    struct rte_mbuf *packets[WORKER_BATCH];
    uint32_t attachments[WORKER_BATCH];
    uint32_t hashes[WORKER_BATCH];
    struct flow_entry *entries[WORKER_BATCH]; /* where to look first; after the look-up the flow's; NULL: not found */
    uint16_t tests[WORKER_BATCH];             /* FLOW_* flags of an entry that send the packet the long way */
    uint8_t tcp_flags[WORKER_BATCH];
    struct flow_key keys[WORKER_BATCH];
};

/* Flags of an entry whose action is more than "to that port, as it is", or that has something to be looked at first. */
#define STAGES_RARE_FLAGS                                                                                       \
    (FLOW_DROP | FLOW_LIST | FLOW_VLAN_PUSH | FLOW_VLAN_POP | FLOW_VLAN_SET | FLOW_TRACK | FLOW_IF_NO_SESSION | \
     FLOW_FLOOD | FLOW_REJECT)

/* Ordinary segments of an established connection carry ACK, and may carry PSH. */
#define STAGES_TCP_ACK 0x10u
#define STAGES_TCP_PSH 0x08u

static inline uint16_t stages_tests(uint8_t tcp_flags)
{
    return (tcp_flags & ~STAGES_TCP_PSH) == STAGES_TCP_ACK ? STAGES_RARE_FLAGS : STAGES_RARE_FLAGS | FLOW_TCP;
}

static inline uint32_t batch_attachment(const struct batch *batch, uint32_t i)
{
    return batch->mixed ? batch->attachments[i] : batch->attachment;
}

static_assert(WORKER_BATCH <= 64, "a bit for each packet of a batch");

/* The long way to a key, for what flow_key_fast() does not know. Packets that cannot be cached, or are malformed, are
 * dealt with here and now; then false. */
bool stages_key_slow(struct worker *worker, struct port *port, struct rte_mbuf *mbuf, uint32_t attachment,
                     struct flow_key *key, uint8_t *tcp_flags);

/* Tunnel packets among those of an underlay port lose their outer headers and enter by their tunnel. Fills the batch's
 * packets and attachments from 'packets'. Returns how many bytes came. */
uint64_t stages_decap(struct worker *worker, struct port *port, const struct attachment *source,
                      struct rte_mbuf **packets, uint32_t n, struct batch *batch);

/* Tunnel packets are taken from ports that the operator trusts, never from a guest. */
bool stages_may_decap(const struct snapshot *snapshot, const struct attachment *attachment);

/* Looks for the flows of packets 'missing' (by bit) where else they may be than in the line that was fetched, all lines on
 * their way at once. Fills their entries: NULL where none was found; there may be one none the less when many are missing. */
void stages_look_further(const struct worker *worker, struct batch *batch, uint64_t missing);

/* Packet 'i' found an entry that asks for more than the common way. False when the entry is not valid any more: nothing
 * has happened to the packet yet. */
bool stages_hit(struct worker *worker, struct port *port, struct batch *batch, uint32_t i, struct flow_entry *entry);

/* Acts on packets 'first' and following. 'invalid': stages_hit() found that the entry of 'first' is not valid any more; the
 * packet must not be shown to it again. Otherwise its entry was not found. Returns how many packets found a valid entry. */
uint32_t stages_act_rest(struct worker *worker, struct port *port, struct batch *batch, uint32_t first, bool invalid);

typedef void stages_forward(struct worker *worker, struct port *port, uint32_t attachment, struct rte_mbuf **packets,
                            uint16_t n);

/* One level's stages: worker_forward() without the flush at its end. 'forward_timed' keeps the worker's account by stage as
 * well; CYCLES_ACT has CYCLES_MISS in it. */
struct stages {
    const char *name;
    bool (*is_usable)(void); /* on this processor */
    stages_forward *forward;
    stages_forward *forward_timed;
};
extern const struct stages stages_v2, stages_v3, stages_v4;

/* Those in use: the best that the processor can run, until one is chosen. */
const struct stages *stages_current(void);

/* Chooses the stages by name ("x86-64-v2", ...), for tests; NULL: the best. 0, -ENOENT or -ENOTSUP. Before workers run. */
int stages_choose(const char *name);
