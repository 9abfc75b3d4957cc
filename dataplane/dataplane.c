// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "acl/conntrack.h"
#include "dataplane/core/err.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/core/wake.h"
#include "dataplane/dataplane_private.h"
#include "dataplane/fdb.h"
#include "dataplane/rule_counters.h"
#include "dataplane/rxq_plan.h"
#include "dataplane/stages.h"

/* Sessions that change their worker in one turn of its loop. */
#define HANDOVER_SLICE 1024u

struct dataplane_shared dataplane_shared;

/* Replaced by a published snapshot; waits for its grace period. */
struct pending {
    struct pending *next;
    uint64_t token;
    struct snapshot *former;
};

struct closed_port {
    struct closed_port *next;
    struct port *port;
};

/* Control thread's own. */
static struct {
    struct worker *workers[WORKERS_MAX];
    struct conntrack *conntrack;
    uint32_t flow_entries;
    struct snapshot *edit;
    struct pending *pending; /* oldest first */
    struct closed_port *closed;
    bool isolate;         /* pmd-rxq-isolate */
    int n_taken;          /* receive queues on their way from one worker to another ... */
    uint32_t taken_since; /* ... that nobody polls in this snapshot */
} dp;

int dataplane_init(const struct dataplane_config *config, char **error)
{
    struct conntrack_config ct = {
        .capacity = config->session_capacity ? config->session_capacity : CONNTRACK_CAPACITY_DEFAULT,
        .n_workers = WORKERS_MAX,
    };
    struct snapshot *empty;

    dp.isolate = true;
    if (qsbr_init() != 0) {
        err_set(error, "out of memory for quiescence");
        return -ENOMEM;
    }
    dp.flow_entries = config->flow_entries ? config->flow_entries : FLOW_ENTRIES_DEFAULT;
    if (rule_counters_init() != 0) {
        err_set(error, "not enough memory for the counters of rules");
        return -ENOMEM;
    }
    dp.conntrack = conntrack_create(&ct);
    empty = snapshot_copy(NULL);
    if (dp.conntrack == NULL || empty == NULL) {
        err_set(error, "out of memory for %u sessions", ct.capacity);
        return -ENOMEM;
    }
    stages_choose(NULL);
    dataplane_shared.tsc_hz = rte_get_tsc_hz();
    dataplane_shared.tsc_start = rte_rdtsc();
    atomic_store(&dataplane_shared.sleep_max_us, WORKER_SLEEP_MAX_DEFAULT_US);
    atomic_store_explicit(&dataplane_shared.current, empty, memory_order_release);
    return 0;
}

const char *dataplane_level(void)
{
    return stages_current()->name;
}

void dataplane_stop(void)
{
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        if (dp.workers[i] != NULL)
            worker_stop(dp.workers[i]);
    }
}

const struct snapshot *dataplane_current(void)
{
    return atomic_load_explicit(&dataplane_shared.current, memory_order_relaxed);
}

struct worker *dataplane_worker(unsigned int id)
{
    return dp.workers[id] != NULL && dp.workers[id]->running ? dp.workers[id] : NULL;
}

static uint32_t applied_by(const struct worker *worker)
{
    return atomic_load_explicit((_Atomic uint32_t *)&worker->published.applied, memory_order_acquire);
}

struct rxq_workers dataplane_rxq_workers(void)
{
    struct rxq_workers workers = {.isolate = dp.isolate, .applied = dataplane_current()->sequence};

    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        const struct worker *worker = dataplane_worker(i);

        if (worker == NULL)
            continue;
        workers.ids[workers.n] = i;
        workers.cpus[workers.n++] = worker->cpu;
        if ((int32_t)(applied_by(worker) - workers.applied) < 0)
            workers.applied = applied_by(worker);
    }
    return workers;
}

size_t dataplane_worker_count(void)
{
    return dataplane_rxq_workers().n;
}

void dataplane_set_sleep_max(unsigned int microseconds)
{
    atomic_store_explicit(&dataplane_shared.sleep_max_us, microseconds, memory_order_relaxed);
    wake_all();
}

unsigned int dataplane_sleep_max(void)
{
    return atomic_load_explicit(&dataplane_shared.sleep_max_us, memory_order_relaxed);
}

struct snapshot *dataplane_edit(void)
{
    if (dp.edit == NULL)
        dp.edit = snapshot_copy(dataplane_current());
    return dp.edit;
}

void dataplane_discard(struct snapshot *snapshot)
{
    snapshot_discard(snapshot, dataplane_current());
    dp.edit = NULL;
}

/* Everything that workers will need of the snapshot is there before they can see it. */
static int make_ready(struct snapshot *snapshot, const struct rxq_workers *workers)
{
    uint32_t n_ports = 0;
    int n_taken;

    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        if (snapshot->ports[i] == NULL)
            continue;
        n_ports++;
        for (unsigned int w = 0; w < workers->n; w++) {
            if (tx_prepare_port(&dp.workers[workers->ids[w]]->tx, i) != 0)
                return -ENOMEM;
        }
    }
    for (unsigned int w = 0; w < workers->n; w++)
        flow_cache_set_share(&dp.workers[workers->ids[w]]->cache, n_ports);
    if (snapshot_finish(snapshot) != 0)
        return -ENOMEM;
    n_taken = rxq_plan_make(snapshot, workers);
    if (n_taken < 0)
        return n_taken;
    dp.n_taken = n_taken;
    dp.taken_since = snapshot->sequence;
    return 0;
}

static uint32_t publish(struct snapshot *snapshot, const struct rxq_workers *workers)
{
    struct snapshot *former = atomic_load(&dataplane_shared.current);
    struct pending *pending = malloc(sizeof *pending);
    struct pending **last = &dp.pending;

    if (pending == NULL || make_ready(snapshot, workers) != 0) {
        /* Out of memory while deriving tables: the former snapshot stays in force. */
        free(pending);
        dataplane_discard(snapshot);
        return former->sequence;
    }
    /* What this edit replaced goes when its predecessor does. */
    former->retired = snapshot->retired;
    former->n_retired = snapshot->n_retired;
    snapshot->retired = NULL;
    snapshot->n_retired = snapshot->retired_space = 0;

    dp.edit = NULL;
    atomic_store_explicit(&dataplane_shared.current, snapshot, memory_order_release);
    *pending = (struct pending){.token = qsbr_start(), .former = former}; /* wakes workers, too */
    while (*last != NULL)
        last = &(*last)->next;
    *last = pending;
    return snapshot->sequence;
}

uint32_t dataplane_publish(struct snapshot *snapshot)
{
    struct rxq_workers workers = dataplane_rxq_workers();

    return publish(snapshot, &workers);
}

bool dataplane_is_applied(uint32_t sequence)
{
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        const struct worker *worker = dataplane_worker(i);

        if (worker != NULL && (int32_t)(applied_by(worker) - sequence) < 0)
            return false;
    }
    return true;
}

/* What was learned at a port that is gone, or carries other VLANs now, would lead frames nowhere until it aged. Called
 * when no worker can learn by the former attachment any more. */
static void forget_learned(const struct attachment *former)
{
    const struct snapshot *current = dataplane_current();
    const struct bridge *bridge = snapshot_bridge(current, former->bridge);
    const struct attachment *present = snapshot_attachment(current, former->id);

    if (bridge == NULL || (present != NULL && present->bridge == former->bridge &&
                           memcmp(&present->vlan, &former->vlan, sizeof present->vlan) == 0))
        return;
    if (fdb_flush(bridge->fdb, former->id) > 0)
        dataplane_revalidate();
}

static void free_former(struct snapshot *former)
{
    for (uint32_t i = 0; i < former->n_retired; i++) {
        if (former->retired[i].kind == RETIRED_ATTACHMENT)
            forget_learned(former->retired[i].object);
        struct port *port = retired_free(&former->retired[i]);
        struct closed_port *closed = port != NULL ? malloc(sizeof *closed) : NULL;

        /* Without memory for a list element the port stays open: a leak, but nothing worse. */
        if (closed != NULL) {
            *closed = (struct closed_port){dp.closed, port};
            dp.closed = closed;
        }
    }
    snapshot_free(former);
}

bool dataplane_reclaim(void)
{
    while (dp.pending != NULL && qsbr_done(dp.pending->token)) {
        struct pending *done = dp.pending;

        dp.pending = done->next;
        free_former(done->former);
        free(done);
    }
    return dp.pending != NULL;
}

struct port *dataplane_next_closed_port(void)
{
    struct closed_port *first = dp.closed;
    struct port *port;

    if (first == NULL)
        return NULL;
    port = first->port;
    dp.closed = first->next;
    free(first);
    return port;
}

static bool contains(const unsigned int *cpus, size_t n, unsigned int cpu)
{
    for (size_t i = 0; i < n; i++) {
        if (cpus[i] == cpu)
            return true;
    }
    return false;
}

static bool has_worker_on(unsigned int cpu)
{
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        if (dataplane_worker(i) != NULL && dp.workers[i]->cpu == cpu)
            return true;
    }
    return false;
}

static int start_on(unsigned int cpu, bool *any_new, char **error)
{
    unsigned int id = 0;
    int result;

    while (id < WORKERS_MAX && dataplane_worker(id) != NULL)
        id++;
    if (id == WORKERS_MAX) {
        err_set(error, "at most %d workers", WORKERS_MAX);
        return -EINVAL;
    }
    if (dp.workers[id] == NULL) {
        dp.workers[id] = aligned_alloc(64, (sizeof(struct worker) + 63) / 64 * 64);
        if (dp.workers[id] != NULL)
            memset(dp.workers[id], 0, sizeof(struct worker));
    }
    result = dp.workers[id] == NULL ? -ENOMEM : worker_start(dp.workers[id], id, cpu, dp.flow_entries, dp.conntrack);
    if (result != 0)
        err_set(error, "worker on CPU %u could not be started: %s", cpu, strerror(-result));
    *any_new = *any_new || result == 0;
    return result;
}

/* Gives the queues of all ports to the workers whose CPU is among 'cpus' and waits until every worker forwards by that
 * plan. */
static int replan(const unsigned int *cpus, size_t n, bool spread)
{
    struct rxq_workers all = dataplane_rxq_workers();
    struct rxq_workers stay = all;
    struct snapshot *snapshot = dataplane_edit();
    uint32_t sequence;

    if (snapshot == NULL)
        return -ENOMEM;
    stay.n = 0;
    for (unsigned int i = 0; i < all.n; i++) {
        if (!contains(cpus, n, all.cpus[i]))
            continue;
        stay.ids[stay.n] = all.ids[i];
        stay.cpus[stay.n++] = all.cpus[i];
    }
    if (spread)
        rxq_plan_spread(snapshot, &stay);
    sequence = publish(snapshot, &stay);
    while (!dataplane_is_applied(sequence))
        usleep(100);
    return 0;
}

struct handover {
    unsigned int from;
    unsigned int heir;
    bool done;
};

static void take_over(void *worker, void *handover_)
{
    struct handover *handover = handover_;

    handover->done = conntrack_worker_handover(dp.conntrack, handover->from, handover->heir, HANDOVER_SLICE);
}

/* The heir takes them over itself, in slices: its timers are its own. */
static void hand_over_sessions(unsigned int from, unsigned int heir)
{
    struct handover handover = {.from = from, .heir = heir};
    struct worker *worker = dataplane_worker(heir);

    while (!handover.done) {
        if (worker == NULL) {
            take_over(NULL, &handover);
            continue;
        }
        mailbox_post(&worker->mailbox, take_over, &handover);
        while (!mailbox_is_done(&worker->mailbox))
            usleep(20);
    }
}

int dataplane_set_workers(const unsigned int *cpus, size_t n, char **error)
{
    unsigned int leave[WORKERS_MAX];
    unsigned int n_leave = 0, heir = WORKERS_MAX;
    bool any_new = false;

    for (size_t i = 0; i < n; i++) {
        int result = has_worker_on(cpus[i]) ? 0 : start_on(cpus[i], &any_new, error);

        if (result != 0)
            return result;
    }
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        if (dataplane_worker(i) == NULL)
            continue;
        if (!contains(cpus, n, dp.workers[i]->cpu))
            leave[n_leave++] = i;
        else if (heir == WORKERS_MAX)
            heir = i;
    }
    /* Queues that change their worker are taken from the one first, and then given to the other. Then those that leave
     * lose their thread, then their sessions' timers. */
    if (replan(cpus, n, any_new) != 0 || (dp.n_taken > 0 && replan(cpus, n, false) != 0)) {
        err_set(error, "out of memory for the queue plan");
        return -ENOMEM;
    }
    for (unsigned int i = 0; i < n_leave; i++)
        worker_stop(dp.workers[leave[i]]);
    /* Without any worker left, the first id to be used again finds them all. */
    for (unsigned int i = 0; i < n_leave; i++)
        hand_over_sessions(leave[i], heir < WORKERS_MAX ? heir : leave[0]);
    return 0;
}

void dataplane_set_rxq_isolate(bool isolate)
{
    dp.isolate = isolate;
}

uint32_t dataplane_replan(void)
{
    struct snapshot *snapshot = dataplane_edit();

    return snapshot != NULL ? dataplane_publish(snapshot) : dataplane_current()->sequence;
}

bool dataplane_run_queues(void)
{
    if (dp.n_taken > 0 && dp.edit == NULL && dataplane_is_applied(dp.taken_since))
        dataplane_replan();
    return dp.n_taken > 0;
}

void dataplane_revalidate(void)
{
    atomic_fetch_add_explicit(&dataplane_shared.revalidations, 1, memory_order_release);
}

struct conntrack *dataplane_conntrack(void)
{
    return dp.conntrack;
}

uint32_t dataplane_flow_entries(void)
{
    return dp.flow_entries;
}

uint32_t dataplane_now(void)
{
    return dataplane_tick(rte_rdtsc());
}

uint64_t dataplane_clocks(void)
{
    return rte_rdtsc();
}

uint64_t dataplane_clock_rate(void)
{
    return dataplane_shared.tsc_hz;
}

void dataplane_totals(struct dataplane_totals *totals)
{
    memset(totals, 0, sizeof *totals);
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        struct worker *worker = dp.workers[i];

        if (worker == NULL)
            continue;
        totals->hits += atomic_load_explicit(&worker->published.hits, memory_order_relaxed);
        totals->misses += atomic_load_explicit(&worker->published.misses, memory_order_relaxed);
        totals->lost += atomic_load_explicit(&worker->published.lost, memory_order_relaxed);
        totals->flows += worker->running ? atomic_load_explicit(&worker->published.flows, memory_order_relaxed) : 0;
    }
}
