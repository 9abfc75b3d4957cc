// SPDX-License-Identifier: Apache-2.0
#include "dataplane/slow_path.h"

#include <rte_mbuf.h>

#include "dataplane/compile.h"
#include "dataplane/execute.h"
#include "dataplane/flow_tally.h"
#include "dataplane/reject.h"

/* Most held fragments that one run looks at. */
#define HELD_SLICE 32u
/* Most that one first fragment looks at in vain: of datagrams that look like its own, which a guest may make at will. The rest
 * is for the next run. */
#define HELD_MISSES 4u

/* Puts the action into an entry for the key: the one that is there, or a new one. False when there is no place. */
static bool cache_action(struct worker *worker, const struct arrival *arrival, const struct action *action)
{
    struct flow_entry *entry = flow_cache_find(&worker->cache, arrival->key, arrival->hash);

    if (entry != NULL) {
        worker->cache.on_remove(worker->cache.aux, entry);
        entry->stamp = worker->stamp;
    } else {
        entry = flow_cache_insert(&worker->cache, arrival->key, arrival->hash, arrival->port->index, worker->stamp);
        if (entry == NULL)
            return false;
    }
    if (action->flags & FLOW_LIST)
        worker->outputs.outputs[action->action].refs++;
    entry->session = action->session;
    entry->action = action->action;
    entry->flags = action->flags;
    flow_tally_begin(worker, entry, &worker->resolution.rules);
    flow_entry_count(entry, arrival->mbuf->pkt_len);
    return true;
}

static void look_up_fate(struct worker *worker, const struct arrival *arrival, const struct packet *packet)
{
    pipeline_resolve(&worker->pipeline, worker->snapshot, packet, arrival->attachment, &worker->resolution);
    if (worker->pipeline.moved) {
        worker->pipeline.moved = false;
        atomic_fetch_add_explicit(&dataplane_shared.revalidations, 1, memory_order_release);
    }
}

/* Caches and carries out what worker->resolution says. */
static void carry_out(struct worker *worker, const struct arrival *arrival, const struct packet *packet)
{
    const struct resolution *resolution = &worker->resolution;
    struct action action;
    bool compiled = action_compile(worker, packet, resolution, &action);

    if (!compiled)
        atomic_fetch_add_explicit(&worker->published.lost, 1, memory_order_relaxed);
    if (!(compiled && resolution->cacheable && arrival->key != NULL &&
          output_pool_has_room(&worker->outputs, action.flags & FLOW_FLOOD) && cache_action(worker, arrival, &action)))
        flow_tally_packet(worker, arrival->port->index, resolution->drop, &resolution->rules, arrival->mbuf->pkt_len);
    if (action.flags & FLOW_REJECT)
        reject_packet(worker, arrival->attachment, arrival->mbuf);
    action_execute(worker, &action, arrival->port, arrival->mbuf, arrival->hash);
    if (action.flags & FLOW_LIST)
        output_release(&worker->outputs, action.action);
}

/* A held fragment once more; it stays where it is while its first one is not known. False: it stays. */
static bool retry_held(struct worker *worker, uint32_t place)
{
    const struct held_fragment *held = &worker->held.fragments[place];
    const uint8_t *frame = rte_pktmbuf_mtod(held->mbuf, const uint8_t *);
    struct arrival arrival = {.port = snapshot_port(worker->snapshot, held->port),
                              .mbuf = held->mbuf,
                              .attachment = held->attachment,
                              .hash = held->mbuf->pkt_len};
    struct packet packet;

    if (arrival.port == NULL || packet_parse(frame, held->mbuf->data_len, held->mbuf->pkt_len, &packet) != DROP_NONE) {
        rte_pktmbuf_free(held_fragments_take(&worker->held, place).mbuf); /* the port is gone, and its counters */
        return true;
    }
    look_up_fate(worker, &arrival, &packet);
    if (worker->resolution.hold && (int32_t)(worker->now - held->expires) < 0)
        return false;
    held_fragments_take(&worker->held, place);
    carry_out(worker, &arrival, &packet);
    return true;
}

/* The first fragment has been judged: so can those that waited for it be. */
static void release_held(struct worker *worker, const struct packet *first)
{
    uint32_t tag = held_fragments_tag(first);
    unsigned int misses = 0;

    for (uint32_t place = held_fragments_find(&worker->held, tag, 0);
         place < HELD_FRAGMENTS_MAX && misses < HELD_MISSES; place = held_fragments_find(&worker->held, tag, place + 1))
        misses += !retry_held(worker, place);
}

static bool hold(struct worker *worker, const struct arrival *arrival, const struct packet *packet)
{
    struct held_fragment fragment = {.mbuf = arrival->mbuf,
                                     .attachment = arrival->attachment,
                                     .expires = worker->now + HELD_FRAGMENTS_TICKS,
                                     .port = arrival->port->index};

    return worker->resolution.hold && held_fragments_add(&worker->held, &fragment, held_fragments_tag(packet));
}

void slow_path_resolve(struct worker *worker, const struct arrival *arrival, const struct packet *packet)
{
    atomic_store_explicit(&worker->published.misses,
                          atomic_load_explicit(&worker->published.misses, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    look_up_fate(worker, arrival, packet);
    if (hold(worker, arrival, packet))
        return;
    carry_out(worker, arrival, packet);
    if (packet->fragment == PACKET_FIRST_FRAGMENT && worker->held.n > 0)
        release_held(worker, packet);
}

void slow_path_prefetch(struct worker *worker, const struct flow_key *key, unsigned int nth)
{
    const struct attachment *source = snapshot_attachment(worker->snapshot, key->attachment);
    struct ct_tuple tuple = {.protocol = key->protocol};
    uint16_t id;

    if (key->kind != PACKET_IPV4 || !packet_protocol_has_ports(key->protocol) || source == NULL ||
        !vlan_ingress(&source->vlan, key->vlan, &id))
        return;
    tuple.src = inet_addr_from_v4(key->v4.src);
    tuple.dst = inet_addr_from_v4(key->v4.dst);
    tuple.zone = zone_of(source->bridge, id);
    tuple.src_port = key->v4.src_port;
    tuple.dst_port = key->v4.dst_port;
    conntrack_prefetch(worker->conntrack, worker->id, &tuple, nth);
}

void slow_path_run_held(struct worker *worker)
{
    struct held_fragments *held = &worker->held;

    if (held->n == 0)
        return;
    for (uint32_t i = 0; i < HELD_SLICE && held->n > 0; i++) {
        uint32_t place = held_fragments_find(held, 0, held->cursor);

        if (place < HELD_FRAGMENTS_MAX)
            retry_held(worker, place);
        held->cursor = place < HELD_FRAGMENTS_MAX ? (place + 1) % HELD_FRAGMENTS_MAX : 0;
    }
    tx_flush(&worker->tx, worker->snapshot);
}
