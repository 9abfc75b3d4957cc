// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "overlay/tunnel.h"

struct netlink;
struct snapshot;
struct underlay;

/* The next hops of all tunnels: one for every distinct pair of remote and configured local address. Control thread.
 * Addresses in network order, times in milliseconds of the monotonic clock. */
struct tunnel_hop {
    struct hmap_node node;
    uint32_t remote;
    uint32_t local; /* as configured, 0: the route's source */
    uint32_t index; /* in snapshots */
    unsigned int users;
    struct next_hop hop; /* as last resolved */
    bool dirty;          /* 'hop' is not in a snapshot yet */
    int ifindex;         /* device and address of the neighbour; 0: no route */
    uint32_t neighbour;
};

struct next_hops;

struct next_hops *next_hops_create(void);
void next_hops_destroy(struct next_hops *hops);

/* The hop of a tunnel, resolved; NULL when all indexes are taken. Every take is given back once. */
struct tunnel_hop *next_hops_take(struct next_hops *hops, const struct underlay *underlay, uint32_t remote,
                                  uint32_t local);
void next_hops_give(struct next_hops *hops, struct tunnel_hop *hop);

/* Resolves all again after the underlay changed. True when that changed one. */
bool next_hops_resolve(struct next_hops *hops, const struct underlay *underlay);

/* Makes the kernel look for neighbours that are missing (at most once a second each) and keep those in use fresh (every
 * ten seconds). Returns when it wants to be called again, LLONG_MAX: never. */
long long next_hops_ask(struct next_hops *hops, struct netlink *netlink, long long now);

bool next_hops_is_dirty(const struct next_hops *hops);
/* Puts what changed into 'snapshot'; 0 or -ENOMEM (call again). Hops that are gone are removed by the second function,
 * after the attachments that named them. */
int next_hops_publish(struct next_hops *hops, struct snapshot *snapshot);
int next_hops_publish_removed(struct next_hops *hops, struct snapshot *snapshot);

/* For dumps, in no order. */
void next_hops_for_each(const struct next_hops *hops, void (*visit)(void *aux, const struct tunnel_hop *hop),
                        void *aux);
