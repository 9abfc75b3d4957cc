// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "control/acl_list.h"
#include "control/policy_rows.h"

struct policy_work;
struct security_rules;
struct shared_chain;
struct shared_chains;
struct snapshot;

/* Logical_Network rows as far as their ACLs go: what all ports in the network's place, a VLAN of a bridge, are asked first.
 * Control thread. */
struct acl_network {
    struct hmap_node node; /* by row */
    struct uuid row;
    uint64_t seen;
    char *name;
    char *bridge; /* NULL: the network is not on this host */
    int64_t tag;
    struct acl_list acls;
    struct shared_chain *chains[2]; /* by direction; NULL: no ACLs */
    struct policy_chain *shut;      /* instead of both: an ACL that denies cannot be read; else NULL */
    char *error;                    /* the first ACL that is refused, in a sentence; NULL: none */
    uint32_t zone;                  /* whose policy in snapshots is that of this network; 0: none */
    bool is_lost;                   /* has not the zone that its place is, for now */
    bool dirty;                     /* snapshots have an older form */
    struct ovs_list work;           /* in policy_work.networks */
};

struct acl_networks {
    struct hmap by_row;
    bool dirty;      /* acl_networks_publish() has something to do, unless bridges come and go */
    uint32_t *freed; /* zones whose network is gone */
    size_t n_freed;
    size_t allocated_freed;
};

void acl_networks_init(struct acl_networks *networks);
/* 'chains' and what they are made of are still there. */
void acl_networks_destroy(struct acl_networks *networks);
struct acl_network *acl_networks_find(const struct acl_networks *networks, const struct uuid *row);

void acl_networks_set(struct acl_networks *networks, const struct acl_network_row *row, struct security_rules *rules,
                      struct policy_work *work);
void acl_networks_remove(struct acl_networks *networks, struct acl_network *network, struct policy_work *work);
/* Derives the policy of a network that was put to work. */
void acl_networks_work(struct acl_networks *networks, struct acl_network *network, struct shared_chains *chains,
                       struct policy_work *work);

/* Gives each network its zone: one that has it keeps it, then names decide. 'bridge_index' answers 0 for a bridge that is
 * not here. True when a snapshot has to be told something. */
typedef uint16_t acl_networks_bridge_index(void *aux, const char *name);
bool acl_networks_place(struct acl_networks *networks, acl_networks_bridge_index *bridge_index, void *aux);
/* Puts what changed into 'snapshot'. 0 or -ENOMEM (call again). */
int acl_networks_publish(struct acl_networks *networks, struct snapshot *snapshot);
