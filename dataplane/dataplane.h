// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/port.h"
#include "dataplane/flow_key.h"
#include "dataplane/snapshot.h"

struct conntrack;

/* What the control side may ask of the data plane. Control thread only; nothing here blocks on a worker for longer
 * than its loop takes, except where it says so. */

struct dataplane_config {
    uint32_t flow_entries;     /* per worker; 0: the default, FLOW_ENTRIES_DEFAULT */
    uint32_t session_capacity; /* 0: CONNTRACK_CAPACITY_DEFAULT */
};
#define FLOW_ENTRIES_DEFAULT 262144u

/* The level of processors that the stages in use are compiled for, "x86-64-v3" for example. */
const char *dataplane_level(void);

/* After EAL and packet_pool_init(). 0 or negative errno with '*error'. */
int dataplane_init(const struct dataplane_config *config, char **error);
/* Stops the workers (waits for them), closes nothing: ports are control's. */
void dataplane_stop(void);

/* One worker per CPU of 'cpus' (ids as in /proc/cpuinfo), at most WORKERS_MAX; workers that are already there go on
 * undisturbed. Starting and stopping a worker waits for its thread (milliseconds). 0 or negative errno with '*error';
 * then the former workers are still there. */
int dataplane_set_workers(const unsigned int *cpus, size_t n, char **error);
size_t dataplane_worker_count(void);
/* Longest sleep of an idle worker in microseconds (other_config:pmd-sleep-max; see back_off.h and
 * rest.h); 0: never sleeps. */
#define WORKER_SLEEP_MAX_DEFAULT_US 1000
void dataplane_set_sleep_max(unsigned int microseconds);
unsigned int dataplane_sleep_max(void);

/* Whether a worker that a receive queue is bound to (struct rxq_place) is left to such queues; true at the start. Counts
 * from the next publication on, as do the wishes in rxq_places. */
void dataplane_set_rxq_isolate(bool isolate);
/* Publishes the present configuration again, so that changed wishes of queues are followed. Returns the sequence. */
uint32_t dataplane_replan(void);
/* Gives queues that were taken from one worker to the other, once no worker polls them any more. Call once per turn of the
 * main loop; returns true while there are such queues (then call again soon: their packets wait). */
bool dataplane_run_queues(void);

/* An editable copy of the current snapshot, or NULL when out of memory. Exactly one at a time: publish or discard it.
 * Publishing takes ownership, assigns every receive queue of every port (port->n_rxq) to a worker (rxq_plan.h) and makes
 * it current with one store. Returns its sequence number. */
struct snapshot *dataplane_edit(void);
uint32_t dataplane_publish(struct snapshot *snapshot);
void dataplane_discard(struct snapshot *snapshot);
const struct snapshot *dataplane_current(void);

/* True once every worker forwards by the snapshot of that sequence or a later one. */
bool dataplane_is_applied(uint32_t sequence);

/* Frees what no worker can see any more. Call once per turn of the main loop; returns true while there is more to wait
 * for (then call again within some milliseconds). */
bool dataplane_reclaim(void);
/* The next port that was removed and that no worker sees any more, or NULL. The caller closes and destroys it. */
struct port *dataplane_next_closed_port(void);

/* Makes every worker look at every cached flow again (after conntrack_flush() or an FDB change by hand). */
void dataplane_revalidate(void);

struct conntrack *dataplane_conntrack(void);
/* Lines of each worker's flow cache that were asked for. */
uint32_t dataplane_flow_entries(void);
/* The clock of sessions and FDB, in ticks of one second. */
uint32_t dataplane_now(void);
/* The clock of the accounts of workers and queues, and its rate in a second. */
uint64_t dataplane_clocks(void);
uint64_t dataplane_clock_rate(void);

/* Sums over workers. */
struct dataplane_totals {
    uint64_t hits;   /* packets that found a valid flow */
    uint64_t misses; /* packets that were resolved */
    uint64_t lost;   /* packets dropped because resolving failed for want of memory */
    uint64_t flows;  /* living flow cache entries (as of the last sweep) */
};
void dataplane_totals(struct dataplane_totals *totals);

/* Cached flows for dumps: asks each worker for slices of its cache through its mailbox. Calls 'visit' for each living
 * flow. Waits for the workers' answers (each drains its mailbox once per loop; at most some tens of milliseconds). */
struct flow_copy {
    unsigned int worker;
    struct flow_key key;
    uint64_t packets;
    uint64_t bytes;
    uint32_t idle;    /* ticks since last used */
    char action[256]; /* as text: "output:3", "drop(policy_ingress)", "vxlan(...)" */
};
void dataplane_dump_flows(void (*visit)(void *aux, const struct flow_copy *flow), void *aux);

/* Makes every worker count for rules (rule_counters.h) what its cached flows counted until now. Waits like
 * dataplane_dump_flows(). */
void dataplane_harvest(void);
