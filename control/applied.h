// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openvswitch/hmap.h>
#include <openvswitch/list.h>
#include <openvswitch/uuid.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/ofports.h"
#include "control/rule_flush.h"
#include "control/settings.h"
#include "dataplane/snapshot.h"

struct builder;
struct policies;
struct tunnels;

/* The switch as it is: what reconcile has brought about so far. Control thread only. */

struct applied_bridge {
    struct hmap_node node; /* in applied.bridges, by hash of name */
    char *name;
    struct uuid uuid; /* of its row */
    uint16_t index;
    struct fdb *fdb; /* the data plane's; gone when the bridge has left the snapshot */
    struct ofports ofports;
    bool leaving;   /* no longer wanted: goes at the end of this pass */
    bool published; /* false: the snapshot has an older form of it, or none */
    bool secure;
    bool forward_bpdu;
    uint32_t table_size;
    uint32_t aging_s;
    bool has_mac;        /* other_config:hwaddr */
    struct mac_addr mac; /* what its own port should have */
};

enum interface_state {
    INTERFACE_WAITING, /* a former port of that name or device is still being closed */
    INTERFACE_OPENING, /* the builder is at it */
    INTERFACE_OPEN,
    INTERFACE_FAILED, /* 'error' says why */
};

/* What the data plane was last told about an interface; compared as bytes, so always zeroed before it is filled. */
struct attachment_facts {
    uint64_t policy_version;
    int64_t ofport;
    uint16_t port;
    uint16_t bridge;
    uint16_t mtu;
    bool has_policy;
    bool disabled;
    bool internal;
    struct mac_addr mac;
    struct vlan_config vlan;
};

struct interface {
    struct hmap_node node; /* in applied.interfaces, by hash of name */
    struct applied_bridge *bridge;
    bool local; /* the bridge's own port */
    bool has_row;
    struct uuid uuid; /* of its row */
    enum interface_state state;
    bool overdue; /* WAITING, OPENING: a configuration was confirmed without it; nothing waits for it again */
    struct port_settings *settings; /* what the database last asked for; name and type are here */
    int64_t ofport_request;
    int64_t ofport;        /* OFPORT_NONE while FAILED */
    int64_t ofport_before; /* to be had again after a failure, or from before a restart */
    struct vlan_config vlan;
    char *error;                        /* FAILED: why. OPEN: the change that was refused. Or NULL */
    char *complaint;                    /* what of the row is ignored, or NULL */
    struct port *port;                  /* OPENING (then the builder's), OPEN */
    uint16_t n_rxq;                     /* as of the last publication */
    char *rxq_affinity;                 /* other_config:pmd-rxq-affinity, or NULL */
    uint16_t rxq_cpus[PORT_QUEUES_MAX]; /* what it says: by queue the CPU's number plus one, 0: any */
    uint32_t rxq_homeless;              /* bit by queue: bound to a CPU without a worker */
    struct port_status status;          /* OPEN */
    bool status_dirty;                  /* status differs from what the database was told */
    uint32_t ifindex_seen;              /* "system": the kernel device it opened, or failed to; 0: none */

    /* "vxlan", "geneve" */
    bool is_tunnel;
    bool tunnel_carries;
    struct tunnel_config tunnel;

    uint32_t attachment; /* id; 0: none (tunnels have theirs elsewhere) */
    uint32_t account;    /* that its sessions are charged to, while a Logical_Port names it; 0: none */
    bool attached;       /* 'facts' are in force */
    struct attachment_facts facts;
};

/* A port that is on its way out. */
enum closing_phase {
    CLOSING_LINKED,  /* still in the snapshot */
    CLOSING_GRACE,   /* out of it, but a worker may still see it */
    CLOSING_BUILDER, /* the builder opens it (and will find out that it is not wanted) or closes it */
};
struct closing {
    struct ovs_list node;
    enum closing_phase phase;
    bool overdue; /* as that of an interface */
    struct port *port;
    struct port_settings *settings;
};

struct applied {
    struct hmap bridges;
    struct hmap interfaces;
    struct ovs_list closing;
    struct builder *builder;
    struct policies *policies;
    struct tunnels *tunnels;
    struct snapshot *edit; /* being edited, or NULL */
    uint32_t sequence;     /* last one published */
    bool tunnels_changed;  /* tunnels_publish() has something to do */
    bool policies_changed; /* policies_publish() has */
    bool policies_whole;   /* all rows of the Sluice database have to be looked at again */
    struct rule_flush flush;
    const char *no_data_plane; /* why there is none, or NULL */
    /* False until it is known what the Sluice database says, or that there is none: ports stay closed till then. */
    bool policy_known;
};

void applied_init(struct applied *applied);
void applied_destroy(struct applied *applied);

/* The snapshot being edited; starts an edit if there is none. NULL when out of memory. */
struct snapshot *applied_edit(struct applied *applied);
/* Publishes the edit, if any. Returns true if there was one. */
bool applied_publish(struct applied *applied);

struct interface *applied_find_interface(const struct applied *applied, const char *name);
struct applied_bridge *applied_find_bridge(const struct applied *applied, const char *name);
/* True while a port is being opened or closed or waits for that, but for those that are overdue. */
bool applied_is_busy(const struct applied *applied);
/* What is going on now took too long to wait for. */
void applied_set_overdue(struct applied *applied);
