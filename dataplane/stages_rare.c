// SPDX-License-Identifier: Apache-2.0
/* What packets need rarely on their way through the stages. */
#include "dataplane/stages.h"

#include <rte_mbuf.h>

#include "dataplane/execute.h"
#include "dataplane/fdb.h"
#include "dataplane/flow_key_fast.h"
#include "dataplane/reject.h"
#include "dataplane/slow_path.h"
#include "dataplane/validate.h"
#include "overlay/decap_memo.h"

/* The port that answers for a packet: the one it came by, or its tunnel's. */
static struct port *port_of(const struct worker *worker, struct port *port, uint32_t attachment)
{
    const struct attachment *entered = snapshot_attachment(worker->snapshot, attachment);

    return entered != NULL && worker->snapshot->ports[entered->port] != NULL ? worker->snapshot->ports[entered->port]
                                                                             : port;
}

bool stages_key_slow(struct worker *worker, struct port *port, struct rte_mbuf *mbuf, uint32_t attachment,
                     struct flow_key *key, uint8_t *tcp_flags)
{
    struct packet packet;
    enum drop_reason drop =
        packet_parse(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, mbuf->pkt_len, &packet);

    port = port_of(worker, port, attachment);
    if (drop != DROP_NONE) {
        packet_drop(worker, port, mbuf, drop);
        return false;
    }
    if (packet_is_uncacheable(&packet)) {
        struct arrival arrival = {.port = port, .mbuf = mbuf, .attachment = attachment, .hash = mbuf->pkt_len};

        slow_path_resolve(worker, &arrival, &packet);
        return false;
    }
    flow_key_from_packet(&packet, attachment, key);
    *tcp_flags = packet.tcp_flags;
    return true;
}

/* Has the packet a session although its flow is cached as one without? Then what is cached is out of date. */
static bool session_exists(struct worker *worker, const struct packet *packet, uint32_t attachment)
{
    const struct attachment *source = snapshot_attachment(worker->snapshot, attachment);
    struct ct_tuple tuple;
    struct ct_match match;
    uint16_t id;

    return source != NULL && vlan_ingress(&source->vlan, packet->vlan, &id) &&
           ct_tuple_from_packet(packet, zone_of(source->bridge, id), &tuple) &&
           conntrack_find(worker->conntrack, &tuple, &match);
}

/* Has the FDB learned nothing since the flood was decided? */
static bool flood_is_current(const struct worker *worker, const struct flow_entry *entry)
{
    const struct flow_key *key = (const struct flow_key *)entry->key;
    const struct attachment *source = snapshot_attachment(worker->snapshot, key->attachment);
    const struct bridge *bridge = source != NULL ? snapshot_bridge(worker->snapshot, source->bridge) : NULL;

    return bridge != NULL && fdb_additions(bridge->fdb) == worker->outputs.outputs[entry->action].additions;
}

/* May the cached action be carried out on this packet? False: resolve it anew. Sets '*drop' when the session refuses
 * this one packet. */
static bool entry_is_usable(struct worker *worker, struct flow_entry *entry, uint8_t tcp_flags, enum drop_reason *drop)
{
    bool shown = false;

    /* First, because a packet must not be shown to its session twice: resolving will. */
    if (__builtin_expect((entry->flags & FLOW_FLOOD) != 0, 0) && !flood_is_current(worker, entry))
        return false;
    if (__builtin_expect(entry->stamp != worker->stamp, 0)) {
        if (!flow_revalidate(worker, entry, tcp_flags))
            return false;
        shown = true;
    }
    if (__builtin_expect((entry->flags & FLOW_TRACK) != 0 || ((entry->flags & stages_tests(tcp_flags) & FLOW_TCP) != 0),
                         0) &&
        !shown && entry->session != 0) {
        switch (conntrack_track(worker->conntrack, entry->session, entry->flags & FLOW_REPLY ? CT_REPLY : CT_ORIGINAL,
                                tcp_flags, worker->now)) {
        case CT_SETTLED:
            entry->flags &= (uint16_t)~FLOW_TRACK;
            break;
        case CT_TRACK:
            entry->flags |= FLOW_TRACK;
            break;
        case CT_INVALID:
            /* The session speaks for one receiver of a flood; the others may still have it. */
            if (entry->flags & FLOW_FLOOD)
                return false;
            *drop = DROP_CT_INVALID;
            break;
        case CT_GONE:
            return false;
        }
    }
    return true;
}

/* With more packets missing than this, most are taken for first ones, and stages_act_rest() looks for their flows in its own
 * pace. By measurement (bench_connections): it overlaps the fetching with what a new flow has to do. */
#define FURTHER_MAX 32

void stages_look_further(const struct worker *worker, struct batch *batch, uint64_t missing)
{
    const struct flow_cache *cache = &worker->cache;
    uint64_t rest = 0;

    if (__builtin_popcountll(missing) > FURTHER_MAX) {
        for (uint64_t left = missing; left != 0; left &= left - 1)
            batch->entries[__builtin_ctzll(left)] = NULL;
        return;
    }
    for (uint64_t left = missing; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left);
        struct flow_entry *second = flow_cache_second(cache, batch->hashes[i]);

        if (!flow_key_is_long(&batch->keys[i]) && flow_entry_matches(second, &batch->keys[i])) {
            batch->entries[i] = second;
        } else {
            rest |= 1ull << i;
            flow_cache_prefetch_rest(cache, batch->hashes[i]);
        }
    }
    for (uint64_t left = rest; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left);

        batch->entries[i] = flow_cache_find(cache, &batch->keys[i], batch->hashes[i]);
    }
}

static void act_on_miss(struct worker *worker, struct port *port, struct batch *batch, uint32_t i)
{
    struct rte_mbuf *mbuf = batch->packets[i];
    struct arrival arrival = {.port = port,
                              .mbuf = mbuf,
                              .attachment = batch_attachment(batch, i),
                              .key = &batch->keys[i],
                              .hash = batch->hashes[i]};
    struct packet packet;
    enum drop_reason drop =
        packet_parse(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, mbuf->pkt_len, &packet);

    if (drop != DROP_NONE)
        packet_drop(worker, port, mbuf, drop);
    else
        slow_path_resolve(worker, &arrival, &packet);
}

/* The rarer flags of an entry that may be carried out: is it still true that the packet has no session, and is its sender
 * to be told of a refusal? False: resolve it anew. */
static bool special_flags_hold(struct worker *worker, const struct flow_entry *entry, struct rte_mbuf *mbuf,
                               uint32_t attachment)
{
    if (entry->flags & FLOW_IF_NO_SESSION) {
        struct packet packet;

        if (packet_parse(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, mbuf->pkt_len, &packet) !=
                DROP_NONE ||
            session_exists(worker, &packet, attachment))
            return false;
    }
    if (entry->flags & FLOW_REJECT)
        reject_packet(worker, attachment, mbuf);
    return true;
}

bool stages_hit(struct worker *worker, struct port *port, struct batch *batch, uint32_t i, struct flow_entry *entry)
{
    struct rte_mbuf *mbuf = batch->packets[i];
    uint32_t attachment = batch_attachment(batch, i);
    enum drop_reason drop = DROP_NONE;
    struct action action;

    if (!entry_is_usable(worker, entry, batch->tcp_flags[i], &drop) ||
        ((entry->flags & (FLOW_IF_NO_SESSION | FLOW_REJECT)) != 0 &&
         !special_flags_hold(worker, entry, mbuf, attachment)))
        return false;
    port = port_of(worker, port, attachment);
    if (drop != DROP_NONE) {
        packet_drop(worker, port, mbuf, drop);
        return true;
    }
    flow_entry_count(entry, mbuf->pkt_len);
    action.action = entry->action;
    action.flags = entry->flags;
    action_execute(worker, &action, port, mbuf, batch->hashes[i]);
    return true;
}

/* Packets between the fetching of a first packet's cache lines and its turn: its flow cache set first, then, when the flow
 * is known not to be there, what its session will need. By measurement (bench_connections). */
#define SET_AHEAD     16u
#define SESSION_AHEAD 8u

/* Always in line: gcc takes a function that does nothing but prefetch for one without effect, and drops its calls. */
static inline __attribute__((always_inline)) void prefetch_set(const struct worker *worker, const struct batch *batch,
                                                               unsigned int i)
{
    if (i < batch->n)
        flow_cache_prefetch_set(&worker->cache, batch->hashes[i]);
}

static void prefetch_session(struct worker *worker, const struct batch *batch, unsigned int i, unsigned int nth)
{
    if (i < batch->n && batch->entries[i] == NULL)
        slow_path_prefetch(worker, &batch->keys[i], nth);
}

/* The first packet of a flow at 'i': there may be more behind it, whose cache misses are to overlap. */
static void begin_prefetch(struct worker *worker, const struct batch *batch, unsigned int i)
{
    for (unsigned int k = 0; k < SET_AHEAD; k++)
        prefetch_set(worker, batch, i + k);
    for (unsigned int k = 0; k < SESSION_AHEAD; k++)
        prefetch_session(worker, batch, i + k, k);
}

uint32_t stages_act_rest(struct worker *worker, struct port *port, struct batch *batch, uint32_t first, bool invalid)
{
    uint32_t hits = 0;

    begin_prefetch(worker, batch, first);
    for (uint32_t i = first; i < batch->n; i++) {
        struct flow_entry *entry = NULL;

        if (i != first) {
            prefetch_set(worker, batch, i + SET_AHEAD);
            prefetch_session(worker, batch, i + SESSION_AHEAD, SESSION_AHEAD);
        }
        if (i != first || !invalid)
            entry = flow_cache_find(&worker->cache, &batch->keys[i], batch->hashes[i]);
        if (entry != NULL && stages_hit(worker, port, batch, i, entry))
            hits++;
        else
            act_on_miss(worker, port_of(worker, port, batch_attachment(batch, i)), batch, i);
    }
    return hits;
}

/* Does the port take the frame's VLAN? What it does not take is no tunnel packet of ours either. */
static bool carries_tag(const struct attachment *source, const struct rte_mbuf *mbuf)
{
    const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    uint16_t id;

    if (mbuf->data_len < 16 || frame[12] != 0x81 || frame[13] != 0x00)
        return true;
    return vlan_ingress(&source->vlan, (flow_key_be16(frame + 14) & PACKET_VLAN_ID) | PACKET_VLAN_PRESENT, &id);
}

/* What came out of tunnels, gathered while it is one and the same. */
struct tunnel_run {
    uint32_t attachment;
    uint32_t packets;
    uint64_t bytes;
};

static void end_run(struct worker *worker, struct tunnel_run *run)
{
    const struct attachment *tunnel = snapshot_attachment(worker->snapshot, run->attachment);
    struct port *account = tunnel != NULL ? worker->snapshot->ports[tunnel->port] : NULL;

    if (account != NULL) {
        account->counters[worker->id]->rx_packets += run->packets;
        account->counters[worker->id]->rx_bytes += run->bytes;
    }
    run->packets = 0;
    run->bytes = 0;
}

static inline void count_decapsulated(struct worker *worker, struct tunnel_run *run, uint32_t attachment,
                                      uint32_t bytes)
{
    if (run->attachment != attachment) {
        if (run->packets > 0)
            end_run(worker, run);
        run->attachment = attachment;
    }
    run->packets++;
    run->bytes += bytes;
}

/* A packet that is not like one before it. */
static enum decap_verdict decap_anew(struct worker *worker, const struct attachment *source, uint16_t untagged_vlan,
                                     struct rte_mbuf *mbuf, uint32_t *attachment, enum drop_reason *reason)
{
    const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    enum decap_verdict verdict;

    if (!carries_tag(source, mbuf))
        return DECAP_PASS;
    verdict = decap_packet(worker->snapshot->decap_table, source->bridge, untagged_vlan, mbuf, attachment, reason);
    if (verdict == DECAP_STRIPPED)
        decap_remember(&worker->decap_memos, source->id, worker->snapshot->sequence, frame,
                       (uint32_t)(rte_pktmbuf_mtod(mbuf, const uint8_t *) - frame), *attachment);
    return verdict;
}

uint64_t stages_decap(struct worker *worker, struct port *port, const struct attachment *source,
                      struct rte_mbuf **packets, uint32_t n, struct batch *batch)
{
    struct tunnel_run run = {0};
    uint16_t untagged_vlan = 0;
    uint32_t kept = 0;
    uint64_t bytes = 0;

    if (!vlan_ingress(&source->vlan, 0, &untagged_vlan))
        untagged_vlan = UINT16_MAX; /* untagged frames are not taken: in no endpoint's VLAN */

    for (uint32_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(packets[i], const void *));
    for (uint32_t i = 0; i < n; i++) {
        struct rte_mbuf *mbuf = packets[i];
        uint32_t attachment = batch->attachment;
        enum drop_reason reason = DROP_NONE;
        enum decap_verdict verdict = DECAP_STRIPPED;

        bytes += mbuf->pkt_len;
        if (!decap_by_memo(&worker->decap_memos, source->id, worker->snapshot->sequence, mbuf, &attachment))
            verdict = decap_anew(worker, source, untagged_vlan, mbuf, &attachment, &reason);
        if (verdict == DECAP_DROP) {
            packet_drop(worker, port, mbuf, reason);
            continue;
        }
        if (verdict == DECAP_STRIPPED)
            count_decapsulated(worker, &run, attachment, mbuf->pkt_len);
        batch->packets[kept] = mbuf;
        batch->attachments[kept++] = attachment;
    }
    if (run.packets > 0)
        end_run(worker, &run);
    batch->n = kept;
    batch->mixed = true;
    return bytes;
}

bool stages_may_decap(const struct snapshot *snapshot, const struct attachment *attachment)
{
    return snapshot->decap_table != NULL && attachment != NULL && !attachment->has_policy && !attachment->internal &&
           attachment->kind == ATTACHMENT_PORT && !attachment->disabled &&
           snapshot->members[attachment->bridge] != NULL && snapshot->members[attachment->bridge]->is_underlay;
}
