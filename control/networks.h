// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "control/network_rows.h"
#include "control/text_list.h"
#include "overlay/tunnel.h"

struct endpoints;
struct snapshot;
struct tunnel_attachments;

/* Logical_Network rows: a VNI on a VLAN of a bridge, with one tunnel attachment for every remote endpoint (VTEP) and
 * one counters-only port for all of them. What is wrong in one row is refused by itself. Control thread. */

struct vtep {
    uint32_t remote;                      /* network order */
    struct tunnel_attachment *attachment; /* NULL: refused */
};

struct network {
    struct hmap_node node; /* by row */
    struct uuid row;

    /* As the row has it. */
    char *name;
    char *encap;
    char *bridge;
    bool has_vni;
    int64_t vni;
    int64_t tag;
    int64_t mtu;
    bool learning;
    struct text_list vteps;

    uint16_t bridge_index; /* 0: there is no such bridge here */
    bool in_force;         /* attachments are as the row wants them */
    uint16_t port;         /* index of its port, 0: none */
    bool port_published;
    struct vtep *remotes; /* sorted by address */
    size_t n_remotes;
    char *error;         /* the first thing wrong, in a sentence; NULL: nothing */
    char *error_written; /* what the database was last told ... */
    bool status_written; /* ... if it was told anything */
    bool absent_written; /* ... and whether that was that its bridge is not here */
    bool seen;           /* in this pass */
};

struct networks;
typedef uint16_t networks_bridge_index(void *aux, const char *name);

/* 'attachments' and 'endpoints' outlive it. */
struct networks *networks_create(struct tunnel_attachments *attachments, const struct endpoints *endpoints);
void networks_destroy(struct networks *networks);

/* Makes the networks equal to the rows. */
void networks_apply(struct networks *networks, const struct network_row *rows, size_t n,
                    networks_bridge_index *bridge_index, void *aux);
/* Looks up the bridges again; true when one came or went and the networks were decided again. */
bool networks_update_bridges(struct networks *networks, networks_bridge_index *bridge_index, void *aux);
/* Decides again from the same rows: endpoints changed, or a tunnel port that was in the way is gone. */
void networks_decide(struct networks *networks);

struct network *networks_find(const struct networks *networks, const struct uuid *row);
/* In no order. */
void networks_for_each(const struct networks *networks, void (*visit)(void *aux, const struct network *network),
                       void *aux);

bool networks_is_dirty(const struct networks *networks);
/* Puts the ports of networks into 'snapshot': before their attachments, those that are gone after. 0 or -ENOMEM (call
 * again). */
int networks_publish(struct networks *networks, struct snapshot *snapshot);
int networks_publish_removed(struct networks *networks, struct snapshot *snapshot);
