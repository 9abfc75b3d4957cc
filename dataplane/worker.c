// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "dataplane/back_off.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/core/wake.h"
#include "dataplane/fdb.h"
#include "dataplane/flow_tally.h"
#include "dataplane/rule_counters.h"
#include "dataplane/slow_path.h"
#include "dataplane/stages.h"
#include "dataplane/validate.h"

/* Housekeeping happens this often; the whole cache is swept about once in ten seconds. */
#define HOUSEKEEPING_US 1000u
#define SWEEP_SECONDS   10u
#define SWEEP_LATE_MAX  (2 * REST_US / HOUSEKEEPING_US)
/* While there are more ending sessions than one slice takes, so many slices between two housekeepings. */
#define SESSIONS_SHARE 10u

static void on_flow_remove(void *aux, struct flow_entry *entry)
{
    struct worker *worker = aux;

    flow_tally_harvest(worker, entry);
    if (entry->flags & FLOW_LIST)
        output_release(&worker->outputs, entry->action);
}

static void flush(struct worker *worker)
{
    uint32_t n = worker->tx.n_waiting;
    uint64_t begun;

    if (n == 0 && worker->tx.n_dirty == 0)
        return;
    if (__builtin_expect(!worker->cycles.by_stage, 1)) {
        tx_flush(&worker->tx, worker->snapshot);
        return;
    }
    begun = rte_rdtsc();
    tx_flush(&worker->tx, worker->snapshot);
    cycles_stage(&worker->cycles, CYCLES_TX, rte_rdtsc() - begun, n);
}

/* One queue's turn: bursts of a whole batch, where there is as much, amortise the ring. What is to be sent gathers until the
 * turn of all queues ends, or until so much has come that waiting longer would gain nothing: few packets of many ports to one
 * port leave in one burst, and none waits for more than a batch or two of others. */
static uint16_t poll_queue(struct worker *worker, const struct stages *stages, const struct poll *poll)
{
    struct rte_mbuf *packets[WORKER_BATCH];
    uint16_t n = poll->port->ops->rx_burst(poll->port, poll->queue, packets, WORKER_BATCH);

    if (n > 0) {
        bool by_stage = __builtin_expect(worker->cycles.by_stage, 0);

        if (by_stage)
            cycles_stage(&worker->cycles, CYCLES_RX, rte_rdtsc() - worker->cycles.last, n);
        (by_stage ? stages->forward_timed : stages->forward)(worker, poll->port, poll->attachment, packets, n);
        if (tx_is_due(&worker->tx))
            flush(worker);
    }
    cycles_poll(&worker->cycles, &poll->port->rxq_accounts[poll->queue], rte_rdtsc(), n);
    return n;
}

/* One entry of the sweep: idle flows go, living ones keep the FDB entry of their sender fresh. */
static void sweep_entry(void *aux, struct flow_entry *entry)
{
    struct worker *worker = aux;
    const struct flow_key *key = (const struct flow_key *)entry->key;
    uint32_t idle = flow_idle(worker, entry);
    const struct attachment *source;
    struct mac_addr mac;
    uint16_t id;

    if (idle >= SESSION_CACHE_IDLE) {
        flow_cache_remove(&worker->cache, entry);
        return;
    }
    flow_tally_harvest(worker, entry);
    source = snapshot_attachment(worker->snapshot, key->attachment);
    if (source == NULL || (entry->flags & FLOW_DROP) != 0 || !vlan_ingress(&source->vlan, key->vlan, &id) ||
        snapshot_bridge(worker->snapshot, source->bridge) == NULL)
        return;
    memcpy(mac.bytes, key->src_mac, sizeof mac.bytes);
    fdb_refresh(worker->snapshot->bridges[source->bridge]->fdb, id, &mac, source->id, worker->now - idle);
}

/* The share of the cache that is due after 'late' times the usual pause, which a rest makes longer. */
static void sweep(struct worker *worker, uint64_t late)
{
    uint32_t lines = flow_cache_line_count(&worker->cache) / (SWEEP_SECONDS * 1000000u / HOUSEKEEPING_US) + 1;

    if (worker->cache.n_flows > 0)
        flow_cache_sweep(&worker->cache, lines * (uint32_t)(late < SWEEP_LATE_MAX ? late : SWEEP_LATE_MAX), sweep_entry,
                         worker);
}

/* True when sessions end faster than one slice at a time keeps up with. */
static bool housekeeping(struct worker *worker, uint64_t late)
{
    sweep(worker, late);
    atomic_store_explicit(&worker->published.flows, worker->cache.n_flows, memory_order_relaxed);
    slow_path_run_held(worker);
    return conntrack_run(worker->conntrack, worker->id, worker->now);
}

static void look_around(struct worker *worker, uint64_t tsc)
{
    const struct snapshot *snapshot = atomic_load_explicit(&dataplane_shared.current, memory_order_acquire);
    uint32_t revalidations = atomic_load_explicit(&dataplane_shared.revalidations, memory_order_acquire);

    worker_take_stamp(worker, snapshot, revalidations, dataplane_tick(tsc));
    if (atomic_load_explicit(&worker->published.applied, memory_order_relaxed) != snapshot->sequence)
        atomic_store_explicit(&worker->published.applied, snapshot->sequence, memory_order_release);
}

/* Nothing has come for 'silence' microseconds. */
static void sleep_by_time(struct worker *worker, uint64_t silence, uint64_t most)
{
    uint64_t us = back_off_sleep(silence, most);
    struct timespec ts = {.tv_nsec = (long)us * 1000};

    if (us == 0) {
        rte_pause();
        return;
    }
    cycles_sleep(&worker->cycles);
    nanosleep(&ts, NULL);
}

/* The turn that began at 'tsc' found nothing to forward, nor did those since 'last_packet'. */
static void back_off(struct worker *worker, const struct poll_list *plan, uint64_t tsc, uint64_t last_packet)
{
    uint64_t most = atomic_load_explicit(&dataplane_shared.sleep_max_us, memory_order_relaxed);
    uint64_t tsc_us = dataplane_shared.tsc_hz / 1000000u;
    uint64_t calm = worker->rest.disturbed > last_packet ? worker->rest.disturbed : last_packet;

    if ((int64_t)(tsc - calm) >= (int64_t)(REST_AFTER_US * tsc_us) && most >= REST_SLEEP_MAX_US) {
        if (worker->rest.lying)
            cycles_sleep(&worker->cycles);
        if (rest_take(&worker->rest, worker->id, plan))
            return;
    } else if (worker->rest.lying) {
        rest_end(&worker->rest, worker->id);
    }
    sleep_by_time(worker, (tsc - last_packet) / tsc_us, most);
}

static void run(struct worker *worker)
{
    uint64_t housekeeping_tsc = dataplane_shared.tsc_hz / 1000000u * HOUSEKEEPING_US;
    uint64_t next_housekeeping = 0, next_sessions = UINT64_MAX;
    uint64_t last_packet = rte_rdtsc();
    const struct stages *stages = stages_current();

    cycles_start(&worker->cycles, last_packet);
    while (!atomic_load_explicit(&worker->orders.stop, memory_order_relaxed)) {
        uint64_t tsc = rte_rdtsc();
        const struct poll_list *plan;
        uint32_t received = 0;

        cycles_turn(&worker->cycles, tsc,
                    atomic_load_explicit(&dataplane_shared.cycles_by_stage, memory_order_relaxed));
        qsbr_reader_quiescent(worker->id);
        look_around(worker, tsc);
        plan = worker->snapshot->plans[worker->id];
        for (uint32_t i = 0; plan != NULL && i < plan->n; i++)
            received += poll_queue(worker, stages, &plan->polls[i]);
        flush(worker);
        mailbox_drain(&worker->mailbox, worker);
        if (tsc >= next_housekeeping) {
            bool more = housekeeping(worker, 1 + (tsc - next_housekeeping) / housekeeping_tsc);

            next_sessions = more ? tsc + housekeeping_tsc / SESSIONS_SHARE : UINT64_MAX;
            next_housekeeping = tsc + housekeeping_tsc;
        } else if (tsc >= next_sessions) {
            if (conntrack_run(worker->conntrack, worker->id, worker->now))
                next_sessions = tsc + housekeeping_tsc / SESSIONS_SHARE;
            else
                next_sessions = UINT64_MAX;
        }
        if (next_sessions != UINT64_MAX || worker->held.n > 0)
            worker->rest.disturbed = tsc;
        if (received == 0) {
            back_off(worker, plan, tsc, last_packet);
            continue;
        }
        last_packet = tsc;
        if (worker->rest.lying)
            rest_end(&worker->rest, worker->id);
    }
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    char name[16];

    snprintf(name, sizeof name, "worker%u", worker->id);
    pthread_setname_np(pthread_self(), name);
    /* Short sleeps are to be short: the default slack is 50 µs. */
    prctl(PR_SET_TIMERSLACK, 1000UL);
    /* Gives the thread a buffer cache of its own in the packet pool; without one it still works. */
    rte_thread_register();
    qsbr_reader_register(worker->id);
    run(worker);
    wake_get_up(worker->id);
    flow_tally_harvest_all(worker);
    qsbr_reader_unregister(worker->id);
    rte_thread_unregister();
    return NULL;
}

static int prepare(struct worker *worker, uint32_t flow_entries)
{
    const struct snapshot *snapshot = atomic_load(&dataplane_shared.current);

    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        if (snapshot->ports[i] != NULL && tx_prepare_port(&worker->tx, i) != 0)
            return -ENOMEM;
    }
    if (rule_counters_prepare(worker->id) != 0)
        return -ENOMEM;
    if (output_pool_init(&worker->outputs, OUTPUT_POOL_SIZE) != 0)
        return -ENOMEM;
    return flow_cache_init(&worker->cache, flow_entries, on_flow_remove, worker);
}

static void release(struct worker *worker)
{
    held_fragments_clear(&worker->held);
    flow_cache_fini(&worker->cache);
    output_pool_fini(&worker->outputs);
    tx_fini(&worker->tx);
    memset(worker->tunnel_memory, 0, sizeof worker->tunnel_memory);
}

int worker_start(struct worker *worker, unsigned int id, unsigned int cpu, uint32_t flow_entries,
                 struct conntrack *conntrack)
{
    pthread_attr_t attr;
    cpu_set_t cpus;
    int error;

    worker->id = id;
    worker->cpu = cpu;
    worker->conntrack = conntrack;
    worker->tx.worker = id;
    worker->pipeline = (struct pipeline){.worker = id, .conntrack = conntrack, .now = worker->now};
    worker->snapshot = NULL;
    worker->rest = (struct rest){0};
    cycles_clear(&worker->cycles);
    atomic_store(&worker->orders.stop, false);
    atomic_store(&worker->published.applied, 0);
    if (wake_prepare(id) != 0 || prepare(worker, flow_entries) != 0) {
        release(worker);
        return -ENOMEM;
    }

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    pthread_attr_init(&attr);
    pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus);
    error = pthread_create(&worker->thread, &attr, worker_main, worker);
    pthread_attr_destroy(&attr);
    if (error != 0) {
        release(worker);
        return -error;
    }
    worker->running = true;
    return 0;
}

void worker_stop(struct worker *worker)
{
    if (!worker->running)
        return;
    atomic_store(&worker->orders.stop, true);
    wake_all();
    pthread_join(worker->thread, NULL);
    worker->running = false;
    release(worker);
}
