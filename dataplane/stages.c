// SPDX-License-Identifier: Apache-2.0
/* What every packet of a known flow passes. Compiled once for each level of processors (meson.build), with STAGES the name
 * of what this file defines and STAGES_NAME the level. */
#include "dataplane/stages.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "dataplane/execute.h"
#include "dataplane/flow_key_fast.h"
#include "dataplane/tag.h"

/* How far ahead frames are fetched: those of a network card are in no cache of ours. By measurement. */
#define FRAMES_AHEAD 4u

/* Packets in a row mostly go to one port: its buffer is looked up once. */
struct tx_run {
    struct tx_buffer *buffer;
    uint32_t port;
};

static inline __attribute__((always_inline)) void prefetch_frame(const struct rte_mbuf *mbuf)
{
    rte_prefetch0(rte_pktmbuf_mtod(mbuf, const void *));
}

/* Stage: keys and hashes of the batch; brings the cache lines that the next stage will look at. Returns how many bytes
 * there were. */
static inline __attribute__((always_inline)) uint64_t stage_keys(struct worker *worker, struct port *port,
                                                                 struct rte_mbuf **packets, uint32_t n,
                                                                 struct batch *batch, bool mixed)
{
    uint64_t bytes = 0;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < RTE_MIN(n, FRAMES_AHEAD); i++)
        prefetch_frame(packets[i]);
    for (uint32_t i = 0; i < n; i++) {
        struct rte_mbuf *mbuf = packets[i];
        uint32_t attachment = mixed ? batch->attachments[i] : batch->attachment;
        struct flow_key *key = &batch->keys[kept];
        uint8_t tcp_flags;

        prefetch_frame(packets[RTE_MIN(i + FRAMES_AHEAD, n - 1)]);
        bytes += mbuf->pkt_len;
        if (!flow_key_fast(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, mbuf->pkt_len, attachment, key,
                           &tcp_flags) &&
            !stages_key_slow(worker, port, mbuf, attachment, key, &tcp_flags))
            continue;
        batch->hashes[kept] = flow_cache_hash(&worker->cache, key);
        batch->entries[kept] = flow_cache_home(&worker->cache, key, batch->hashes[kept]);
        rte_prefetch0(batch->entries[kept]);
        if (__builtin_expect(flow_key_is_long(key), 0))
            rte_prefetch0(batch->entries[kept] + 1);
        batch->packets[kept] = mbuf;
        batch->tcp_flags[kept] = tcp_flags;
        batch->tests[kept] = stages_tests(tcp_flags);
        if (mixed)
            batch->attachments[kept] = attachment;
        kept++;
    }
    batch->n = kept;
    return bytes;
}

/* Stage: where the flows are. Mostly in the lines that have been fetched; what is not is fetched together. */
static inline __attribute__((always_inline)) void stage_look_up(const struct worker *worker, struct batch *batch)
{
    uint64_t missing = 0;

    for (uint32_t i = 0; i < batch->n; i++) {
        if (__builtin_expect(!flow_entry_matches(batch->entries[i], &batch->keys[i]), 0)) {
            missing |= 1ull << i;
            rte_prefetch0(flow_cache_second(&worker->cache, batch->hashes[i]));
        }
    }
    if (__builtin_expect(missing != 0, 0))
        stages_look_further(worker, batch, missing);
}

static inline void send_to(struct worker *worker, struct tx_run *run, uint16_t port, struct rte_mbuf *mbuf)
{
    if (__builtin_expect(port != run->port, 0)) {
        run->port = port;
        run->buffer = tx_buffer_of(&worker->tx, port);
    }
    tx_buffer_add(&worker->tx, worker->snapshot, run->buffer, port, mbuf);
}

/* To the port that the entry names, with another tag. False when the frame may be too long then, or has no room for a tag:
 * nothing has happened to it yet. */
static inline bool send_tagged(struct worker *worker, struct tx_run *run, struct flow_entry *entry,
                               struct rte_mbuf *mbuf)
{
    enum vlan_change change = tag_change_of(entry->flags);
    uint32_t bytes = mbuf->pkt_len;
    uint32_t longest = change == VLAN_PUSH  ? ACTION_ORDINARY_FRAME - 4
                       : change == VLAN_POP ? ACTION_ORDINARY_FRAME + 4
                                            : ACTION_ORDINARY_FRAME;

    if (__builtin_expect(bytes > longest, 0) || tag_change(mbuf, change, entry->out.vlan) != 0)
        return false;
    flow_entry_count(entry, bytes);
    send_to(worker, run, entry->out.port, mbuf);
    return true;
}

/* Into the tunnel that the entry names. False when the packet does not fit: nothing has happened to it yet. */
static inline bool send_tunnelled(struct worker *worker, struct tx_run *run, struct flow_entry *entry,
                                  struct rte_mbuf *mbuf, uint32_t hash)
{
    const struct output *output = &worker->outputs.outputs[entry->action];
    uint32_t bytes = mbuf->pkt_len;

    if (__builtin_expect(bytes > output->inner_max || offload_is_pending(mbuf), 0) ||
        __builtin_expect(encap_apply(&output->encap, mbuf, hash, worker->packet_id++) != 0, 0))
        return false;
    flow_entry_count(entry, bytes);
    count_tunnelled(worker, output, mbuf->pkt_len);
    send_to(worker, run, output->port, mbuf);
    return true;
}

/* The rest of a batch from its first packet of no known flow, or of an invalid entry, on. */
static uint32_t act_rest(struct worker *worker, struct port *port, struct batch *batch, uint32_t i, bool invalid,
                         bool timed)
{
    uint64_t begun = timed ? rte_rdtsc() : 0;
    uint32_t hits = stages_act_rest(worker, port, batch, i, invalid);

    if (timed)
        cycles_stage(&worker->cycles, CYCLES_MISS, rte_rdtsc() - begun, batch->n - i);
    return i + hits;
}

/* Stage: action. Returns how many packets found a valid flow. */
static inline __attribute__((always_inline)) uint32_t stage_act(struct worker *worker, struct port *port,
                                                                struct batch *batch, bool timed)
{
    struct tx_run run = {NULL, UINT32_MAX};
    uint32_t stamp = worker->stamp;

    for (uint32_t i = 0; i < batch->n; i++) {
        struct rte_mbuf *mbuf = batch->packets[i];
        struct flow_entry *entry = batch->entries[i];
        uint16_t rare;

        if (__builtin_expect(entry == NULL, 0))
            return act_rest(worker, port, batch, i, false, timed);
        rare = entry->stamp == stamp ? entry->flags & batch->tests[i] : UINT16_MAX;
        if (__builtin_expect(rare == 0 && mbuf->pkt_len <= ACTION_ORDINARY_FRAME, 1)) {
            flow_entry_count(entry, mbuf->pkt_len);
            send_to(worker, &run, entry->out.port, mbuf);
        } else if ((rare & ~TAG_FLAGS) == 0 && send_tagged(worker, &run, entry, mbuf)) {
            continue;
        } else if (rare == FLOW_LIST && (entry->flags & FLOW_TUNNEL) != 0 &&
                   send_tunnelled(worker, &run, entry, mbuf, batch->hashes[i])) {
            continue;
        } else if (!stages_hit(worker, port, batch, i, entry)) {
            return act_rest(worker, port, batch, i, true, timed);
        }
    }
    return batch->n;
}

/* Adds the clocks since '*begun' to the account of a stage, and begins anew. */
static inline void account(struct worker *worker, enum cycle_stage stage, uint64_t *begun, uint32_t packets)
{
    uint64_t now = rte_rdtsc();

    cycles_stage(&worker->cycles, stage, now - *begun, packets);
    *begun = now;
}

/* 'timed' is constant where this is called: without it nothing of the account is left. */
static inline __attribute__((always_inline)) void forward_batch(struct worker *worker, struct port *port,
                                                                uint32_t attachment, struct rte_mbuf **packets,
                                                                uint32_t n, bool timed)
{
    const struct attachment *source = snapshot_attachment(worker->snapshot, attachment);
    struct port_counters *counters = port->counters[worker->id];
    uint64_t begun = timed ? rte_rdtsc() : 0;
    struct batch batch;
    uint32_t hits;

    batch.attachment = attachment;
    batch.mixed = false;
    counters->rx_packets += n;
    if (__builtin_expect(stages_may_decap(worker->snapshot, source), 0)) {
        counters->rx_bytes += stages_decap(worker, port, source, packets, n, &batch);
        if (timed)
            account(worker, CYCLES_DECAP, &begun, n);
        stage_keys(worker, port, batch.packets, batch.n, &batch, true);
    } else {
        counters->rx_bytes += stage_keys(worker, port, packets, n, &batch, false);
    }
    if (timed)
        account(worker, CYCLES_KEYS, &begun, n);
    stage_look_up(worker, &batch);
    hits = stage_act(worker, port, &batch, timed);
    if (timed)
        account(worker, CYCLES_ACT, &begun, batch.n);
    worker->tx.n_waiting += n;
    atomic_store_explicit(&worker->published.hits,
                          atomic_load_explicit(&worker->published.hits, memory_order_relaxed) + hits,
                          memory_order_relaxed);
}

static void forward(struct worker *worker, struct port *port, uint32_t attachment, struct rte_mbuf **packets,
                    uint16_t n)
{
    forward_batch(worker, port, attachment, packets, n, false);
}

static void forward_timed(struct worker *worker, struct port *port, uint32_t attachment, struct rte_mbuf **packets,
                          uint16_t n)
{
    forward_batch(worker, port, attachment, packets, n, true);
}

static bool is_usable(void)
{
#ifdef __AVX512F__
    return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0 &&
           rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512DQ) > 0 &&
           rte_cpu_get_flag_enabled(RTE_CPUFLAG_AES) > 0;
#elif defined(__AVX2__)
    return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_BMI2) > 0 &&
           rte_cpu_get_flag_enabled(RTE_CPUFLAG_AES) > 0;
#else
    return true;
#endif
}

const struct stages STAGES = {
    .name = STAGES_NAME, .is_usable = is_usable, .forward = forward, .forward_timed = forward_timed};
