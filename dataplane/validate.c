// SPDX-License-Identifier: Apache-2.0
#include "dataplane/validate.h"

#include "dataplane/fdb.h"

void worker_take_stamp(struct worker *worker, const struct snapshot *snapshot, uint32_t revalidations, uint32_t tick)
{
    struct stamp *present = &worker->stamps[worker->stamp % STAMPS_KEPT];

    worker->snapshot = snapshot;
    if (present->sequence == snapshot->sequence && present->revalidations == revalidations && present->tick == tick)
        return;
    worker->now = tick;
    worker->pipeline.now = tick;
    worker->stamp++;
    worker->stamps[worker->stamp % STAMPS_KEPT] =
        (struct stamp){.sequence = snapshot->sequence, .revalidations = revalidations, .tick = tick};
}

/* The circumstances under which the entry was last valid; NULL when they are forgotten. */
static const struct stamp *stamp_of(const struct worker *worker, const struct flow_entry *entry)
{
    return worker->stamp - entry->stamp < STAMPS_KEPT ? &worker->stamps[entry->stamp % STAMPS_KEPT] : NULL;
}

uint32_t flow_idle(const struct worker *worker, const struct flow_entry *entry)
{
    const struct stamp *then = stamp_of(worker, entry);

    return then ? worker->now - then->tick : UINT32_MAX;
}

static bool is_newer(uint32_t changed, const struct stamp *then)
{
    return (int32_t)(changed - then->sequence) > 0;
}

/* Does the FDB (or the host's own address) still lead 'mac' to 'attachment'? */
static bool leads_to(const struct worker *worker, uint16_t bridge, uint16_t id, const struct mac_addr *mac,
                     uint32_t attachment)
{
    return snapshot_bridge(worker->snapshot, bridge) != NULL &&
           pipeline_find_destination(worker->snapshot, bridge, id, mac) == attachment;
}

static bool output_is_valid(const struct worker *worker, const struct output *output, const struct stamp *then)
{
    const struct snapshot *snapshot = worker->snapshot;
    const struct attachment *to = snapshot_attachment(snapshot, output->attachment);
    const struct attachment *underlay;
    const struct next_hop *hop;

    if (to == NULL || is_newer(to->changed, then))
        return false;
    if (!output->encapsulate)
        return true;
    hop = snapshot_next_hop(snapshot, output->next_hop);
    underlay = snapshot_attachment(snapshot, output->underlay);
    return hop != NULL && !is_newer(hop->changed, then) && underlay != NULL && !is_newer(underlay->changed, then) &&
           leads_to(worker, hop->bridge, hop->vlan, &hop->dst_mac, output->underlay);
}

/* Is everything the entry stands on as it was at 'then'? */
static bool scopes_are_valid(const struct worker *worker, const struct flow_entry *entry, const struct stamp *then)
{
    const struct snapshot *snapshot = worker->snapshot;
    const struct flow_key *key = (const struct flow_key *)entry->key; /* short part only */
    const struct attachment *source = snapshot_attachment(snapshot, key->attachment);
    const struct zone_policy *zone;
    uint32_t destination;
    struct mac_addr mac;
    uint16_t id;

    if (source == NULL || is_newer(source->changed, then) || snapshot_bridge(snapshot, source->bridge) == NULL ||
        is_newer(snapshot->bridges[source->bridge]->changed, then) || !vlan_ingress(&source->vlan, key->vlan, &id))
        return false;

    zone = snapshot_zone_policy(snapshot, zone_of(source->bridge, id));
    if (zone != NULL && is_newer(zone->changed, then))
        return false;
    /* Packets of a flow do not teach the FDB: when it has forgotten the sender or heard it elsewhere, this one will. */
    memcpy(mac.bytes, key->src_mac, sizeof mac.bytes);
    if (!source->no_learning && fdb_lookup(snapshot->bridges[source->bridge]->fdb, id, &mac) != source->id)
        return false;
    memcpy(mac.bytes, key->dst_mac, sizeof mac.bytes);
    if (entry->flags & FLOW_LIST) {
        for (uint32_t i = entry->action; i != 0; i = worker->outputs.outputs[i].next) {
            if (!output_is_valid(worker, &worker->outputs.outputs[i], then))
                return false;
        }
        if (entry->flags & FLOW_FLOOD)
            return !is_newer(snapshot->members[source->bridge]->changed, then) &&
                   ((mac.bytes[0] & 1) != 0 || leads_to(worker, source->bridge, id, &mac, 0));
        destination = worker->outputs.outputs[entry->action].attachment;
    } else {
        const struct attachment *to;

        destination = snapshot->port_attachments[entry->out.port];
        to = snapshot_attachment(snapshot, destination);
        if (to == NULL || is_newer(to->changed, then))
            return false;
    }
    return leads_to(worker, source->bridge, id, &mac, destination);
}

bool flow_revalidate(struct worker *worker, struct flow_entry *entry, uint8_t tcp_flags)
{
    const struct stamp *then = stamp_of(worker, entry);
    const struct stamp *present = &worker->stamps[worker->stamp % STAMPS_KEPT];

    /* A session may be gone by the time an entry has idled for SESSION_CACHE_IDLE. Drops are cheap to decide again. */
    if (then == NULL || present->tick - then->tick >= SESSION_CACHE_IDLE || (entry->flags & (FLOW_DROP | FLOW_BRIEF)))
        return false;
    if ((then->sequence != present->sequence || then->revalidations != present->revalidations) &&
        !scopes_are_valid(worker, entry, then))
        return false;
    if (entry->session != 0) {
        enum ct_direction direction = entry->flags & FLOW_REPLY ? CT_REPLY : CT_ORIGINAL;
        enum ct_result result = conntrack_track(worker->conntrack, entry->session, direction, tcp_flags, worker->now);

        if (result != CT_SETTLED && result != CT_TRACK)
            return false;
        if (result == CT_TRACK)
            entry->flags |= FLOW_TRACK;
        else
            entry->flags &= (uint16_t)~FLOW_TRACK;
    }
    entry->stamp = worker->stamp;
    return true;
}
