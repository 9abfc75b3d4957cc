// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/dataplane/world_fixture.h"

#include <errno.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/core/packet_pool.h"
#include "dataplane/flow_tally.h"
#include "dataplane/rule_counters.h"
#include "dataplane/stages.h"
#include "dataplane/validate.h"
#include "dataplane/worker.h"

/* A world whose packets are forwarded by a worker without a thread, between ports that keep what is sent to them. */
#define STATION_SENT_MAX 64
struct station {
    struct world w;
    struct worker *worker;
    uint32_t tick;
};

/* By port index; full: the port takes no more. */
static struct {
    struct rte_mbuf *packets[STATION_SENT_MAX];
    unsigned int n;
} station_sent[PORTS_MAX];

static inline uint16_t station_tx_burst(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    uint16_t taken = 0;

    while (taken < n && station_sent[port->index].n < STATION_SENT_MAX)
        station_sent[port->index].packets[station_sent[port->index].n++] = packets[taken++];
    return taken;
}

static const struct port_ops station_ops = {.type = "test", .tx_burst = station_tx_burst};

/* Exit status by which meson knows a test that cannot run here. */
#define STATION_SKIPPED 77

/* Group set-up: EAL without hugepages or devices, and packet buffers. The environment may choose the stages' level. */
static inline int station_group_start(void **state)
{
    char prefix[40];
    char *args[] = {
        "test", "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=critical", prefix};

    if (stages_choose(getenv("STAGES")) == -ENOTSUP)
        exit(STATION_SKIPPED);
    snprintf(prefix, sizeof prefix, "--file-prefix=unit%d", getpid());
    if (rte_eal_init((int)(sizeof args / sizeof args[0]), args) < 0 || qsbr_init() != 0 || rule_counters_init() != 0 ||
        rule_counters_prepare(0) != 0)
        return -1;
    return packet_pool_init(8192);
}

static inline int station_group_stop(void **state)
{
    return rte_eal_cleanup();
}

static inline void station_on_remove(void *worker, struct flow_entry *entry)
{
    flow_tally_harvest(worker, entry);
    if (entry->flags & FLOW_LIST)
        output_release(&((struct worker *)worker)->outputs, entry->action);
}

static inline void station_start(struct station *s, uint32_t n_lines, uint32_t n_outputs)
{
    world_start(&s->w);
    s->w.ops = &station_ops;
    s->tick = 100;
    s->worker = aligned_alloc(64, (sizeof *s->worker + 63) / 64 * 64);
    assert_non_null(s->worker);
    memset(s->worker, 0, sizeof *s->worker);
    s->worker->conntrack = s->w.ct;
    s->worker->pipeline = (struct pipeline){.conntrack = s->w.ct};
    assert_int_equal(output_pool_init(&s->worker->outputs, n_outputs), 0);
    assert_int_equal(flow_cache_init(&s->worker->cache, n_lines, station_on_remove, s->worker), 0);
}

/* What a worker's thread does at the top of its loop. */
static inline void station_look_around(struct station *s)
{
    worker_take_stamp(s->worker, s->w.snapshot, atomic_load(&dataplane_shared.revalidations), s->tick);
}

/* Publishes what was edited. */
static inline void station_settle(struct station *s)
{
    if (s->w.edit != NULL)
        world_publish(&s->w);
    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        if (s->w.snapshot->ports[i] == NULL)
            continue;
        s->w.snapshot->ports[i]->ready = true;
        assert_int_equal(tx_prepare_port(&s->worker->tx, i), 0);
    }
    station_look_around(s);
}

static inline void station_guests(struct station *s, uint32_t n)
{
    world_guests(&s->w, n);
    station_settle(s);
    for (uint32_t id = 1; id <= n; id++) {
        struct mac_addr mac = {{2, 0, 0, 0, 0, (uint8_t)id}};

        fdb_learn(s->w.snapshot->bridges[1]->fdb, 0, &mac, id, s->tick - 10);
    }
}

static inline struct rte_mbuf *station_mbuf(const void *bytes, uint32_t len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());

    assert_non_null(m);
    memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
    return m;
}

static inline void station_forward(struct station *s, uint32_t from, struct rte_mbuf *m)
{
    const struct attachment *a = snapshot_attachment(s->w.snapshot, from);

    station_look_around(s);
    worker_forward(s->worker, s->w.snapshot->ports[a->port], from, &m, 1);
}

static inline void station_send(struct station *s, uint32_t from, struct packet_spec spec)
{
    struct frame f = spec_frame(&spec);

    station_forward(s, from, station_mbuf(f.bytes, f.len));
}

static inline void station_udp(struct station *s, unsigned int src, unsigned int dst, uint16_t src_port,
                               uint16_t dst_port)
{
    station_send(s, src, (struct packet_spec){src, dst, NULL, IPPROTO_UDP, false, src_port, dst_port, 0, 0, false, 0});
}

static inline void station_tcp(struct station *s, unsigned int src, unsigned int dst, uint16_t src_port,
                               uint16_t dst_port, uint8_t flags)
{
    station_send(s, src,
                 (struct packet_spec){src, dst, NULL, IPPROTO_TCP, false, src_port, dst_port, flags, 0, false, 0});
}

/* Takes the last packet sent to a port out, or NULL. The caller frees it. */
static inline struct rte_mbuf *station_take(uint16_t port)
{
    return station_sent[port].n > 0 ? station_sent[port].packets[--station_sent[port].n] : NULL;
}

/* How many packets went to a port since the last call; frees them. */
static inline unsigned int station_drain(uint16_t port)
{
    unsigned int n = station_sent[port].n;

    rte_pktmbuf_free_bulk(station_sent[port].packets, n);
    station_sent[port].n = 0;
    return n;
}

static inline uint64_t station_misses(const struct station *s)
{
    return atomic_load(&s->worker->published.misses);
}

static inline uint64_t station_drops(const struct station *s, uint16_t port, enum drop_reason reason)
{
    return s->w.snapshot->ports[port]->counters[0]->drops[reason];
}

static inline void station_remove_all(void *aux, struct flow_entry *entry)
{
    struct station *s = aux;

    flow_cache_remove(&s->worker->cache, entry);
}

/* Every buffer and every output must have come back. */
static inline void station_stop(struct station *s)
{
    uint32_t n_free = 0;

    for (uint16_t i = 1; i < PORTS_MAX; i++)
        station_drain(i);
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
    flow_cache_sweep(&s->worker->cache, flow_cache_line_count(&s->worker->cache), station_remove_all, s);
    assert_int_equal(s->worker->cache.n_flows, 0);
    for (unsigned int i = 0; i < RTE_DIM(s->worker->tunnel_memory); i++)
        output_release(&s->worker->outputs, s->worker->tunnel_memory[i].head);
    for (uint32_t i = s->worker->outputs.free_list; i != 0; i = s->worker->outputs.outputs[i].next)
        n_free++;
    assert_int_equal(n_free, s->worker->outputs.n - 1);
    flow_cache_fini(&s->worker->cache);
    output_pool_fini(&s->worker->outputs);
    tx_fini(&s->worker->tx);
    free(s->worker);
    world_stop(&s->w);
}
