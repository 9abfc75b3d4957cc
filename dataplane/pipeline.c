// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline.h"

#include <string.h>

#include "dataplane/admission.h"
#include "dataplane/fdb.h"
#include "dataplane/snapshot_private.h"
#include "overlay/tunnel.h"

/* IEEE 802.1Q 8.6.3: 01:80:c2:00:00:00 to 0f are for the bridge's neighbours only. */
static bool is_reserved_mac(const struct mac_addr *mac)
{
    static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

    return memcmp(mac->bytes, prefix, sizeof prefix) == 0 && mac->bytes[5] < 16;
}

enum drop_reason pipeline_check_attachment(const struct bridge *bridge, const struct attachment *attachment)
{
    if (attachment->disabled || (attachment->has_policy && attachment->policy.disabled))
        return DROP_PORT_DISABLED;
    if (attachment->has_policy && attachment->policy.broken)
        return DROP_POLICY_BROKEN;
    if (bridge->secure && !attachment->has_policy && !attachment->network_bound)
        return DROP_BRIDGE_SECURE;
    return DROP_NONE;
}

uint32_t pipeline_find_destination(const struct snapshot *snapshot, uint16_t bridge, uint16_t id,
                                   const struct mac_addr *mac)
{
    const struct bridge_members *members = snapshot->members[bridge];
    const struct attachment *attachment;
    uint32_t learned;

    for (uint32_t i = 0; i < members->n_internal; i++) {
        const struct attachment *internal = snapshot->attachments[members->ids[i]];
        bool tagged;

        if (mac_addr_equal(&internal->mac, mac) && vlan_egress(&internal->vlan, id, &tagged))
            return internal->id;
    }
    /* The FDB may still name an attachment that is gone, or on another bridge by now. */
    learned = fdb_lookup(snapshot->bridges[bridge]->fdb, id, mac);
    attachment = snapshot_attachment(snapshot, learned);
    return attachment != NULL && attachment->bridge == bridge ? learned : 0;
}

static enum drop_reason add_output(struct resolution *resolution, const struct resolved_output *output)
{
    if (resolution->n_outputs == RESOLUTION_OUTPUTS_MAX)
        return DROP_INTERNAL;
    resolution->outputs[resolution->n_outputs++] = *output;
    return DROP_NONE;
}

/* The outer frame's way: the underlay bridge's port behind which the next hop is. An address that the underlay has not
 * heard from yet is sent to each of its ports but the host's own, as a flood would. */
static enum drop_reason add_tunnel_output(const struct snapshot *snapshot, const struct attachment *tunnel,
                                          struct resolved_output output, struct resolution *resolution)
{
    const struct next_hop *hop = snapshot_next_hop(snapshot, tunnel->next_hop);
    const struct bridge_members *members;
    enum drop_reason drop = DROP_TUNNEL_NO_UNDERLAY;
    uint32_t found;

    if (hop == NULL || hop->state == NEXT_HOP_NO_ROUTE)
        return DROP_TUNNEL_NO_ROUTE;
    if (hop->state == NEXT_HOP_NO_NEIGHBOUR)
        return DROP_TUNNEL_NO_NEIGHBOUR;
    if (snapshot_bridge(snapshot, hop->bridge) == NULL)
        return DROP_TUNNEL_NO_UNDERLAY;

    members = snapshot->members[hop->bridge];
    found = pipeline_find_destination(snapshot, hop->bridge, hop->vlan, &hop->dst_mac);
    for (uint32_t i = found ? 0 : members->n_internal; i < members->n; i++) {
        const struct attachment *port = snapshot->attachments[members->ids[i]];
        bool tagged;

        if ((found != 0 && port->id != found) || port->disabled || !vlan_egress(&port->vlan, hop->vlan, &tagged))
            continue;
        /* A tunnel that leads to a tunnel or back into the host would wrap packets without end. */
        if (port->kind != ATTACHMENT_PORT || port->internal) {
            drop = found != 0 ? DROP_TUNNEL_LOOP : drop;
            continue;
        }
        output.underlay = port->id;
        output.underlay_vlan = tagged ? hop->vlan : 0;
        drop = add_output(resolution, &output);
    }
    return drop;
}

/* Adds the output(s) that lead to 'destination' for a packet of VLAN 'id'. */
static enum drop_reason add_destination(const struct snapshot *snapshot, const struct packet *packet, uint16_t id,
                                        const struct attachment *destination, struct resolution *resolution)
{
    struct resolved_output output = {.attachment = destination->id};
    bool tagged;

    if (!vlan_egress(&destination->vlan, id, &tagged))
        return DROP_VLAN_EGRESS;
    output.change = vlan_change(packet->vlan, id, tagged);
    output.vlan = (uint16_t)(packet->vlan_pcp << 12 | id);
    if (destination->kind == ATTACHMENT_TUNNEL)
        return add_tunnel_output(snapshot, destination, output, resolution);
    return add_output(resolution, &output);
}

static struct admission admission_of(struct pipeline *pipeline, const struct snapshot *snapshot,
                                     const struct packet *packet, const struct attachment *source, uint16_t id,
                                     struct resolution *resolution)
{
    uint32_t zone = zone_of(source->bridge, id);

    return (struct admission){.pipeline = pipeline,
                              .snapshot = snapshot,
                              .packet = packet,
                              .source = source,
                              .zone = zone,
                              .zone_policy = snapshot_zone_policy(snapshot, zone),
                              .resolution = resolution};
}

static enum drop_reason resolve_unicast(struct pipeline *pipeline, const struct snapshot *snapshot,
                                        const struct packet *packet, const struct attachment *source,
                                        const struct attachment *destination, uint16_t id,
                                        struct resolution *resolution)
{
    struct admission admission = admission_of(pipeline, snapshot, packet, source, id, resolution);
    enum drop_reason drop;

    if (destination->id == source->id || (destination->network_bound && source->network_bound))
        return DROP_SAME_PORT;
    drop = pipeline_check_attachment(snapshot->bridges[destination->bridge], destination);
    if (drop != DROP_NONE)
        return drop;
    admission.destination = destination;
    if (!admission_unicast(&admission))
        return resolution->drop;
    return add_destination(snapshot, packet, id, destination, resolution);
}

static enum drop_reason resolve_flood(struct pipeline *pipeline, const struct snapshot *snapshot,
                                      const struct packet *packet, const struct attachment *source, uint16_t id,
                                      struct resolution *resolution)
{
    const struct bridge *bridge = snapshot->bridges[source->bridge];
    const struct bridge_members *members = snapshot->members[source->bridge];
    struct admission admission = admission_of(pipeline, snapshot, packet, source, id, resolution);
    enum drop_reason drop = DROP_NO_DESTINATION;

    resolution->flood = true;
    resolution->additions = fdb_additions(bridge->fdb);
    if (!admission_flood_source(&admission))
        return resolution->drop;
    for (uint32_t i = 0; i < members->n; i++) {
        const struct attachment *destination = snapshot->attachments[members->ids[i]];
        enum drop_reason refused;
        bool tagged;

        /* Every endpoint of a network reaches every other itself: from one tunnel never to another. */
        if (destination->id == source->id ||
            (source->kind == ATTACHMENT_TUNNEL && destination->kind == ATTACHMENT_TUNNEL) ||
            !vlan_egress(&destination->vlan, id, &tagged) ||
            pipeline_check_attachment(bridge, destination) != DROP_NONE)
            continue;
        admission.destination = destination;
        if (!admission_flood_receiver(&admission)) {
            drop = DROP_POLICY_INGRESS;
            continue;
        }
        refused = add_destination(snapshot, packet, id, destination, resolution);
        if (resolution->n_outputs == 0)
            drop = refused;
        /* The underlay may know a way to the tunnel next time, and nothing that the flow stands on tells. */
        if (refused != DROP_NONE) {
            resolution->brief = true;
            resolution->refused = refused;
            resolution->n_refused++;
        }
    }
    if (resolution->n_outputs > 0)
        return DROP_NONE;
    resolution->rules = (struct flow_rules){0}; /* those that let it out of its source are not to blame */
    return drop;
}

static enum drop_reason resolve(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                                const struct attachment *source, struct resolution *resolution)
{
    const struct bridge *bridge = snapshot->bridges[source->bridge];
    enum fdb_learned learned;
    enum drop_reason drop;
    uint32_t destination;
    uint16_t id;

    drop = pipeline_check_attachment(bridge, source);
    if (drop != DROP_NONE)
        return drop;
    if (!vlan_ingress(&source->vlan, packet->vlan, &id))
        return DROP_VLAN_INGRESS;
    if (is_reserved_mac(&packet->dst_mac) && !bridge->forward_bpdu)
        return DROP_RESERVED_MAC;
    if (source->has_policy && source->policy.security != NULL) {
        drop = port_security_check(source->policy.security, packet);
        if (drop != DROP_NONE)
            return drop;
    }

    learned = source->no_learning ? FDB_KNOWN : fdb_learn(bridge->fdb, id, &packet->src_mac, source->id, pipeline->now);
    if (learned == FDB_MOVED)
        pipeline->moved = true;
    /* Learned when it may move again. */
    resolution->brief = learned == FDB_HELD;

    if (!mac_addr_is_multicast(&packet->dst_mac)) {
        destination = pipeline_find_destination(snapshot, source->bridge, id, &packet->dst_mac);
        if (destination != 0)
            return resolve_unicast(pipeline, snapshot, packet, source, snapshot->attachments[destination], id,
                                   resolution);
    }
    return resolve_flood(pipeline, snapshot, packet, source, id, resolution);
}

void pipeline_resolve(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                      uint32_t attachment, struct resolution *resolution)
{
    const struct attachment *source = snapshot_attachment(snapshot, attachment);

    memset(resolution, 0, offsetof(struct resolution, outputs));
    resolution->cacheable = !packet_is_uncacheable(packet);
    if (source == NULL || snapshot_bridge(snapshot, source->bridge) == NULL) {
        resolution->drop = DROP_PORT_GONE;
        return;
    }
    resolution->drop = resolve(pipeline, snapshot, packet, source, resolution);
    if (resolution->drop == DROP_NONE)
        return;
    resolution->n_outputs = 0;
    /* Who may have it is decided anew when the FDB learns the address, which does not stale a drop. */
    if (resolution->flood && !mac_addr_is_multicast(&packet->dst_mac))
        resolution->cacheable = false;
}

bool pipeline_resolve_output(const struct snapshot *snapshot, const struct packet *packet, const struct attachment *to,
                             struct resolution *resolution)
{
    uint16_t id;

    memset(resolution, 0, offsetof(struct resolution, outputs));
    if (!vlan_ingress(&to->vlan, packet->vlan, &id))
        return false;
    return add_destination(snapshot, packet, id, to, resolution) == DROP_NONE;
}
