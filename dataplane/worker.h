// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/cycles.h"
#include "dataplane/flow_cache.h"
#include "dataplane/held_fragments.h"
#include "dataplane/mailbox.h"
#include "dataplane/output.h"
#include "dataplane/pipeline.h"
#include "dataplane/rest.h"
#include "dataplane/snapshot_private.h"
#include "dataplane/tx.h"
#include "overlay/decap_memo.h"

struct rte_mbuf;

/* One forwarding thread and everything it owns. Inside of the data plane; control sees dataplane.h.
 *
 * Validity of cached flows. What a flow was derived from may change in three ways: a new snapshot is published
 * (its sequence grows), an FDB entry moves or sessions are flushed (the data plane's 'revalidations' grows), or a second
 * passes (sessions must be shown that they live). Whenever a worker notices one of these, it takes a new private stamp
 * and writes down under which sequence, revalidation and tick it began. An entry that carries the present stamp is
 * valid, which costs one compare per packet; one with an older stamp is looked at again (validate.h): mostly nothing it
 * stands on has changed, and it gets the present stamp. */
#define STAMPS_KEPT 1024u /* older than this many changes: resolved anew without a look */

struct stamp {
    uint32_t sequence;
    uint32_t revalidations;
    uint32_t tick;
};

/* How often the senders behind one port were told of a refusal in the present second. */
struct reject_budget {
    uint32_t tick;
    uint32_t used;
};

struct worker {
    /* Constant while the thread runs. */
    unsigned int id; /* 0..WORKERS_MAX-1: index of counters, QSBR reader, conntrack worker */
    unsigned int cpu;
    struct conntrack *conntrack;

    /* The thread's own. */
    const struct snapshot *snapshot;
    uint32_t stamp;
    uint32_t now;       /* tick of one second */
    uint16_t packet_id; /* identification of outer IPv4 headers */
    struct flow_cache cache;
    struct output_pool outputs;
    struct tx tx;
    struct pipeline pipeline;
    struct rest rest;
    struct resolution resolution; /* scratch: too large for a stack */
    struct held_fragments held;
    struct decap_memos decap_memos;
    struct reject_budget rejects[PORTS_MAX]; /* by ingress port */
    struct stamp stamps[STAMPS_KEPT];
    struct {
        uint32_t attachment;
        uint32_t sequence;
        uint32_t head;    /* holds a reference */
    } tunnel_memory[256]; /* output lists by tunnel, so that its flows share one */

    /* Written by the thread, read by control (relaxed). On a line of their own: control reads them all the time. */
    struct {
        _Atomic uint32_t applied; /* sequence of the snapshot it forwards by */
        _Atomic uint64_t hits;
        _Atomic uint64_t misses;
        _Atomic uint64_t lost;
        _Atomic uint32_t flows;
    } published __attribute__((aligned(64)));
    struct cycles cycles;

    /* Written by control, read by the thread. */
    struct {
        _Atomic bool stop;
    } orders __attribute__((aligned(64)));
    struct mailbox mailbox;

    pthread_t thread; /* control's */
    bool running;     /* control's */
};

/* What all workers share; one instance (dataplane.c). */
struct dataplane_shared {
    _Atomic(struct snapshot *) current;                          /* written by control, release */
    _Atomic uint32_t revalidations __attribute__((aligned(64))); /* any thread may increment */
    _Atomic uint32_t sleep_max_us;
    _Atomic bool cycles_by_stage; /* written by control; relaxed */
    uint64_t tsc_hz;
    uint64_t tsc_start;
};
extern struct dataplane_shared dataplane_shared;

/* Control thread. Allocates everything the thread will need, then starts it on 'cpu' / stops it and waits. */
int worker_start(struct worker *worker, unsigned int id, unsigned int cpu, uint32_t flow_entries,
                 struct conntrack *conntrack);
void worker_stop(struct worker *worker);

/* The stage entry: forwards 'n' (at most WORKER_BATCH) packets that came from one port. */
#define WORKER_BATCH PORT_BURST
void worker_forward(struct worker *worker, struct port *port, uint32_t attachment, struct rte_mbuf **packets,
                    uint16_t n);

static inline uint32_t dataplane_tick(uint64_t tsc)
{
    return (uint32_t)((tsc - dataplane_shared.tsc_start) / dataplane_shared.tsc_hz) + 1;
}
