// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/policy.h"
#include "dataplane/core/port.h"
#include "overlay/decap.h"
#include "overlay/tunnel.h"

struct fdb;

/* The configuration that workers forward by: immutable, complete, one pointer.
 *
 * The control thread takes an editable copy of the current snapshot (dataplane_edit()), replaces what changed by the
 * setters below, and publishes it (dataplane_publish(), which see). A copy copies tables of pointers; the objects they
 * point at are shared between snapshots and never changed once published. A setter takes ownership of the object it is
 * given and puts the one it replaces on a list that is freed when no worker can see it any more.
 *
 * Every object that flows are derived from carries 'changed', the sequence of the snapshot it last changed in; the
 * setters fill it in. A cached flow validated under an older sequence is re-validated on its next packet. */

enum vlan_mode { VLAN_TRUNK, VLAN_ACCESS, VLAN_NATIVE_TAGGED, VLAN_NATIVE_UNTAGGED };

/* How a port takes part in VLANs (Port.tag, trunks, vlan_mode). */
struct vlan_config {
    enum vlan_mode mode;
    uint16_t tag;        /* access or native VLAN, 0..4095 */
    bool all_trunks;     /* trunk list is empty: every VLAN */
    bool blocked;        /* the dead-VLAN triple tag=4095, trunks=[4095]: nothing passes */
    uint64_t trunks[64]; /* bit per VLAN id, when !all_trunks */
};

enum attachment_kind {
    ATTACHMENT_PORT,   /* a port of the bridge with queues of its own */
    ATTACHMENT_TUNNEL, /* a tunnel of the bridge: a tunnel port, or one VTEP of a Logical_Network */
};

/* A place where packets enter and leave a bridge. Named by an id that control chooses (1..ATTACHMENTS_MAX-1), keeps
 * while the thing exists, and does not use again for another thing within the same minute. */
#define ATTACHMENTS_MAX (1u << 20)
struct attachment {
    uint32_t id;
    enum attachment_kind kind;
    uint32_t changed;
    uint16_t port;       /* index of its port; a tunnel's port has no queues (ops NULL) and keeps its counters */
    uint16_t bridge;     /* index of its bridge */
    uint32_t ofport;     /* Interface.ofport, for dumps; 0 for a VTEP of a Logical_Network */
    uint16_t mtu;        /* largest IP packet it takes; 0: not limited here */
    bool disabled;       /* takes no part in forwarding */
    bool internal;       /* the host's own port: 'mac' is delivered to it without learning */
    bool network_bound;  /* belongs to a Logical_Network: may talk on a fail_mode=secure bridge */
    bool no_learning;    /* addresses heard from it are not put into the FDB */
    struct mac_addr mac; /* internal ports */
    struct vlan_config vlan;
    bool has_policy;             /* a Logical_Port row names it */
    struct port_policy policy;   /* holds references; released by attachment_destroy() */
    uint32_t account;            /* conntrack account that its sessions are charged to; 0: none */
    struct tunnel_config tunnel; /* ATTACHMENT_TUNNEL */
    uint32_t next_hop;           /* ATTACHMENT_TUNNEL: index of its next hop */
};

/* Frees an attachment that was never handed to a setter. Releases the policy's references. */
void attachment_destroy(struct attachment *attachment);

#define BRIDGES_MAX 1024 /* bridge indexes are 1..BRIDGES_MAX-1 */
struct bridge {
    uint16_t index;
    uint32_t changed;
    char name[PORT_NAME_LEN];
    bool secure;       /* fail_mode=secure: only attachments with a policy or bound to a network talk */
    bool forward_bpdu; /* other_config:forward-bpdu */
    struct fdb *fdb;   /* shared by all snapshots of this bridge; destroyed with its last */
};

/* What the ACLs of a Logical_Network say: they come before those of its ports (the attachments with a policy of their
 * own), on each side. 'zone' is the network's bridge and VLAN (zone_of()), so a trunk port has those of the network that
 * the packet is of. */
struct zone_policy {
    uint32_t zone;
    uint32_t changed;
    struct policy_chain *ingress; /* references; NULL: none */
    struct policy_chain *egress;
    struct policy_chain *ingress_audit;
    struct policy_chain *egress_audit;
};

/* A session is of a zone: the layer-2 segment, so that tenants may overlap. */
static inline uint32_t zone_of(uint16_t bridge, uint16_t vlan)
{
    return (uint32_t)bridge << 12 | vlan;
}

#define NEXT_HOPS_MAX 65536 /* next hop indexes are 1..NEXT_HOPS_MAX-1 */

struct snapshot;

/* Setters: control thread, on a copy that is not published yet. NULL removes. 0, or -ENOMEM (the object is freed),
 * -EINVAL for an index out of range.
 *
 * A port that is removed is handed to dataplane_closed_ports() after its grace period: control closes it then. A
 * bridge is removed after its attachments. */
int snapshot_set_port(struct snapshot *snapshot, uint16_t index, struct port *port);
int snapshot_set_bridge(struct snapshot *snapshot, uint16_t index, struct bridge *bridge);
int snapshot_set_attachment(struct snapshot *snapshot, uint32_t id, struct attachment *attachment);
int snapshot_set_next_hop(struct snapshot *snapshot, uint32_t index, const struct next_hop *hop);
int snapshot_set_decap_table(struct snapshot *snapshot, struct decap_table *table);
/* Copies 'policy' and takes over its references. NULL: the zone has none any more (an empty one stays, so that flows which
 * stood on the former one notice). */
int snapshot_set_zone_policy(struct snapshot *snapshot, uint32_t zone, const struct zone_policy *policy);
/* Takes over the caller's reference. Does not mark anything changed: the caller replaces the attachments whose policy
 * names the set (so that their flows are decided again). */
int snapshot_set_address_set(struct snapshot *snapshot, uint32_t index, struct addr_set *set);

/* Readers: any thread that may see the snapshot (a worker between quiescent states, or the control thread). NULL when
 * there is none. */
const struct attachment *snapshot_attachment(const struct snapshot *snapshot, uint32_t id);
const struct bridge *snapshot_bridge(const struct snapshot *snapshot, uint16_t index);
const struct next_hop *snapshot_next_hop(const struct snapshot *snapshot, uint32_t index);
const struct zone_policy *snapshot_zone_policy(const struct snapshot *snapshot, uint32_t zone);
struct port *snapshot_port(const struct snapshot *snapshot, uint16_t index);
