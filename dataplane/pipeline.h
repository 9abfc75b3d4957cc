// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/conntrack.h"
#include "dataplane/core/packet.h"
#include "dataplane/flow_rules.h"
#include "dataplane/snapshot.h"
#include "dataplane/vlan.h"

/* The pipeline decides the fate of the first packet of a flow: admit → port security → learn → find the destination →
 * sessions and policy → outputs. It says what is to be done; making a cached action of it is the caller's (compile.h).
 * Another pipeline (logical flows, say) would fill the same struct resolution. */

struct pipeline {
    unsigned int worker;
    struct conntrack *conntrack;
    uint32_t now; /* tick */
    bool moved;   /* out: an FDB entry moved; the caller revalidates */
};

/* One place a packet goes to. */
struct resolved_output {
    uint32_t attachment;    /* of the packet's own bridge */
    uint32_t underlay;      /* a tunnel: the attachment that its outer frame leaves by; else 0 */
    uint16_t vlan;          /* TCI when the change needs one */
    uint16_t underlay_vlan; /* TCI of the outer frame, 0: untagged */
    enum vlan_change change;
};

#define RESOLUTION_OUTPUTS_MAX 4096u

struct resolution {
    enum drop_reason drop; /* DROP_NONE: there is at least one output */
    bool cacheable;        /* what it says holds for every packet with the same flow key */
    bool if_no_session;    /* holds only while no session exists for the packet */
    bool flood;            /* holds only until the FDB learns an address */
    bool brief;            /* holds for a second at most, and only while no snapshot is published */
    bool track;            /* the session wants to be shown the next packet too */
    uint32_t additions;    /* flood: fdb_additions() it stands on */
    uint32_t n_refused;    /* flood: copies that cannot be sent, to be counted under 'refused' */
    enum drop_reason refused;
    uint32_t session; /* 0: none */
    enum ct_direction direction;
    bool hold;               /* a drop, unless the fragment is kept until its first one comes */
    bool reject;             /* a drop that the sender is told of */
    struct flow_rules rules; /* of a drop: that which refused, on its side */
    uint32_t reply_to;       /* flood of a reply: the only attachment that may have it, 0: no such limit */
    uint32_t n_outputs;
    struct resolved_output outputs[RESOLUTION_OUTPUTS_MAX];
};

/* Worker. 'packet' came in by 'attachment' (0 or unknown: dropped). Fills every field of 'resolution' but unused
 * outputs. May create a session and learn the source address. */
void pipeline_resolve(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                      uint32_t attachment, struct resolution *resolution);

/* Worker. Fills 'resolution' with the way of a frame of the switch's own out by 'to', tagged as one that came in there
 * would be. False when there is none at present. */
bool pipeline_resolve_output(const struct snapshot *snapshot, const struct packet *packet, const struct attachment *to,
                             struct resolution *resolution);

/* May the attachment talk on its bridge at all? DROP_NONE when it may. */
enum drop_reason pipeline_check_attachment(const struct bridge *bridge, const struct attachment *attachment);

/* The attachment a unicast frame for 'mac' in VLAN 'id' of the bridge leads to, 0 when unknown: the host's own address
 * of an internal port, else what the FDB has learned. */
uint32_t pipeline_find_destination(const struct snapshot *snapshot, uint16_t bridge, uint16_t id,
                                   const struct mac_addr *mac);
