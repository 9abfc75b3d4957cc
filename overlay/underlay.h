// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/inet.h"
#include "overlay/tunnel.h"

/* The control side's picture of the underlay: kernel routes, addresses and neighbours of the internal ports, from which
 * the next hop of every tunnel endpoint follows. Plain data without system calls; fed from netlink. Control thread
 * only. */
struct underlay;

struct underlay *underlay_create(void);
void underlay_destroy(struct underlay *underlay);

/* An internal port of a bridge that the kernel knows as 'ifindex'. Adding again replaces. */
struct underlay_link {
    int ifindex;
    uint16_t bridge;
    uint16_t vlan;
    struct mac_addr mac;
    bool up;
};
int underlay_set_link(struct underlay *underlay, const struct underlay_link *link);
void underlay_remove_link(struct underlay *underlay, int ifindex);

/* Kernel state. A route is known by its prefix, length, metric, interface and gateway: adding it again only renews the
 * source. Events for interfaces that are no link are kept too, because a link may be announced later. IPv4,
 * network order. Return true when something changed. */
bool underlay_add_address(struct underlay *underlay, int ifindex, uint32_t addr, uint8_t prefix_len);
bool underlay_remove_address(struct underlay *underlay, int ifindex, uint32_t addr, uint8_t prefix_len);
struct underlay_route {
    uint32_t prefix; /* network order, host bits zero */
    uint8_t len;
    int ifindex;
    uint32_t gateway; /* 0: on link */
    uint32_t source;  /* preferred source, 0: none */
    uint32_t metric;
};
bool underlay_add_route(struct underlay *underlay, const struct underlay_route *route);
bool underlay_remove_route(struct underlay *underlay, const struct underlay_route *route);
/* As the kernel does it: takes the place of the first route of the same prefix, length and metric. */
bool underlay_replace_route(struct underlay *underlay, const struct underlay_route *route);
bool underlay_set_neighbour(struct underlay *underlay, int ifindex, uint32_t addr, const struct mac_addr *mac);
bool underlay_remove_neighbour(struct underlay *underlay, int ifindex, uint32_t addr);
/* Forgets routes, addresses and neighbours (links stay): before a fresh netlink dump. */
void underlay_clear(struct underlay *underlay);

/* Longest prefix, then lowest metric; only routes over links that are up, and when 'local' is given only over links
 * that have it as an address: elsewhere the answers would come back to no endpoint. 'local' 0 takes the route's source,
 * else the link's first address in the subnet of the gateway or endpoint, else its first. Fills every field of '*hop'
 * but 'changed'. With NEXT_HOP_NO_NEIGHBOUR, '*ifindex' and '*neighbour' say which address to resolve; with
 * NEXT_HOP_READY, which one to keep fresh; else both are 0. */
void underlay_resolve(const struct underlay *underlay, uint32_t remote, uint32_t local, struct next_hop *hop,
                      int *ifindex, uint32_t *neighbour);

/* Calls 'visit' for every route over a link, in no order. */
void underlay_for_each_route(const struct underlay *underlay,
                             void (*visit)(void *aux, const struct underlay_route *route), void *aux);

/* Calls 'visit' for every address of every link: the switch's own endpoints. */
void underlay_for_each_endpoint(const struct underlay *underlay,
                                void (*visit)(void *aux, const struct underlay_link *link, uint32_t addr), void *aux);
