// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/addr_set.h"
#include "dataplane/snapshot.h"

/* Inside of a snapshot, for the files of this folder only. */

/* One receive queue that a worker polls. */
struct poll {
    struct port *port;
    uint32_t attachment; /* 0: the port is on no bridge; its packets are dropped */
    uint16_t queue;
};

struct poll_list {
    uint32_t n;
    struct poll polls[];
};

/* Derived per bridge at publish: who takes part. Immutable, shared while the bridge's attachments stay the same. */
struct bridge_members {
    uint32_t changed;
    uint32_t refs;       /* snapshots that use it; control thread */
    bool is_underlay;    /* one of its internal ports holds a tunnel endpoint, so its packets may need decapsulation */
    uint32_t n_internal; /* ids[0..n_internal-1] are internal ports */
    uint32_t n;
    uint32_t ids[]; /* attachment ids */
};

enum retired_kind {
    RETIRED_PORT,
    RETIRED_BRIDGE,         /* with its FDB */
    RETIRED_BRIDGE_VERSION, /* without: the bridge goes on */
    RETIRED_ATTACHMENT,
    RETIRED_DECAP_TABLE,
    RETIRED_ADDRESS_SET,
    RETIRED_ADDRESS_DIRECTORY,
    RETIRED_ZONE_POLICY
};

struct retired {
    enum retired_kind kind;
    void *object;
};

struct snapshot {
    uint32_t sequence;
    uint32_t n_attachments; /* length of 'attachments' */
    uint32_t n_next_hops;   /* length of 'next_hops' */
    struct attachment **attachments;
    struct next_hop *next_hops; /* state NEXT_HOP_NO_ROUTE and remote 0: not in use */
    struct decap_table *decap_table;
    struct addr_sets sets;
    bool owns_directory; /* the directory of 'sets' was made in this edit: it may be changed until publish */
    uint32_t n_zone_policies;
    struct zone_policy **zone_policies; /* by zone */
    struct poll_list *plans[WORKERS_MAX];
    struct port *ports[PORTS_MAX];
    uint32_t port_attachments[PORTS_MAX]; /* the attachment of kind ATTACHMENT_PORT of a port, 0: none */
    struct bridge *bridges[BRIDGES_MAX];
    struct bridge_members *members[BRIDGES_MAX];
    bool dirty_bridges[BRIDGES_MAX]; /* members to be derived anew at publish */

    /* Replaced in this edit; freed once no worker uses a former snapshot. */
    struct retired *retired;
    uint32_t n_retired;
    uint32_t retired_space;
};

/* Copy for editing, sequence one higher; 'from' NULL: empty. NULL when out of memory. */
struct snapshot *snapshot_copy(const struct snapshot *from);
/* Derives what is derived (members). 0 or -ENOMEM. */
int snapshot_finish(struct snapshot *snapshot);
/* Frees the tables of a snapshot, not the objects that it names. */
void snapshot_free(struct snapshot *snapshot);
/* Frees what 'snapshot' names and 'current' does not, then its tables: an edit that is given up. */
void snapshot_discard(struct snapshot *snapshot, const struct snapshot *current);
/* Frees one replaced object; a port is not freed but returned. */
struct port *retired_free(const struct retired *retired);
/* Puts a replaced object on the list of what is freed once no worker can see it. 0 or -ENOMEM. NULL: nothing to do. */
int snapshot_retire(struct snapshot *snapshot, enum retired_kind kind, void *object);
