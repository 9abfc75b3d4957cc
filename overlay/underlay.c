// SPDX-License-Identifier: Apache-2.0
#include "overlay/underlay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "overlay/chain_table.h"

/* The node comes first in each, so that a node's address is its owner's. */
struct link_row {
    struct chain_node node;
    struct underlay_link link;
};

struct route_row {
    struct chain_node node;
    struct underlay_route route;
};

struct neighbour_row {
    struct chain_node node;
    int ifindex;
    uint32_t addr;
    struct mac_addr mac;
};

struct address {
    int ifindex;
    uint32_t addr;
    uint8_t prefix_len;
};

struct underlay {
    struct hash_seed seed;
    struct chain_table links;      /* struct link_row by ifindex */
    struct chain_table routes;     /* struct route_row by prefix and length */
    struct chain_table neighbours; /* struct neighbour_row by ifindex and address */
    size_t n_routes[33];           /* by prefix length: those without a route are not looked up */
    struct address *addresses;     /* in order of arrival, which is the kernel's */
    size_t n_addresses;
    size_t allocated_addresses;
};

static uint64_t hash_pair(const struct underlay *underlay, uint32_t a, uint32_t b)
{
    uint32_t words[4] = {a, b, 0, 0};

    return hash_16(words, &underlay->seed, 0);
}

static uint32_t prefix_mask(uint8_t len)
{
    return len == 0 ? 0 : htonl(UINT32_MAX << (32 - len));
}

static void release(struct chain_node *node)
{
    free(node);
}

struct underlay *underlay_create(void)
{
    struct underlay *underlay = calloc(1, sizeof *underlay);

    if (underlay != NULL)
        hash_seed_init(&underlay->seed);
    return underlay;
}

void underlay_clear(struct underlay *underlay)
{
    chain_table_clear(&underlay->routes, release);
    chain_table_clear(&underlay->neighbours, release);
    memset(underlay->n_routes, 0, sizeof underlay->n_routes);
    underlay->n_addresses = 0;
}

void underlay_destroy(struct underlay *underlay)
{
    if (underlay == NULL)
        return;
    underlay_clear(underlay);
    chain_table_clear(&underlay->links, release);
    free(underlay->addresses);
    free(underlay);
}

static struct link_row *find_link(const struct underlay *underlay, int ifindex)
{
    struct chain_node *node = chain_table_first(&underlay->links, hash_pair(underlay, (uint32_t)ifindex, 0));

    for (; node != NULL; node = chain_node_next(node)) {
        struct link_row *row = (struct link_row *)node;

        if (row->link.ifindex == ifindex)
            return row;
    }
    return NULL;
}

int underlay_set_link(struct underlay *underlay, const struct underlay_link *link)
{
    struct link_row *row = find_link(underlay, link->ifindex);
    int error;

    if (row != NULL) {
        row->link = *link;
        return 0;
    }
    row = calloc(1, sizeof *row);
    if (row == NULL)
        return -ENOMEM;
    row->link = *link;
    error = chain_table_insert(&underlay->links, &row->node, hash_pair(underlay, (uint32_t)link->ifindex, 0));
    if (error != 0)
        free(row);
    return error;
}

void underlay_remove_link(struct underlay *underlay, int ifindex)
{
    struct link_row *row = find_link(underlay, ifindex);

    if (row == NULL)
        return;
    chain_table_remove(&underlay->links, &row->node);
    free(row);
}

static struct address *find_address(const struct underlay *underlay, int ifindex, uint32_t addr, uint8_t prefix_len)
{
    for (size_t i = 0; i < underlay->n_addresses; i++) {
        struct address *a = &underlay->addresses[i];

        if (a->ifindex == ifindex && a->addr == addr && a->prefix_len == prefix_len)
            return a;
    }
    return NULL;
}

bool underlay_add_address(struct underlay *underlay, int ifindex, uint32_t addr, uint8_t prefix_len)
{
    if (prefix_len > 32 || find_address(underlay, ifindex, addr, prefix_len) != NULL)
        return false;
    if (underlay->n_addresses == underlay->allocated_addresses) {
        size_t allocated = underlay->allocated_addresses != 0 ? 2 * underlay->allocated_addresses : 8;
        struct address *grown = realloc(underlay->addresses, allocated * sizeof *grown);

        if (grown == NULL)
            return false;
        underlay->addresses = grown;
        underlay->allocated_addresses = allocated;
    }
    underlay->addresses[underlay->n_addresses++] =
        (struct address){.ifindex = ifindex, .addr = addr, .prefix_len = prefix_len};
    return true;
}

bool underlay_remove_address(struct underlay *underlay, int ifindex, uint32_t addr, uint8_t prefix_len)
{
    struct address *a = find_address(underlay, ifindex, addr, prefix_len);

    if (a == NULL)
        return false;
    underlay->n_addresses--;
    memmove(a, a + 1, (size_t)(underlay->addresses + underlay->n_addresses - a) * sizeof *a);
    return true;
}

static struct chain_node *first_route(const struct underlay *underlay, uint32_t prefix, uint8_t len)
{
    return chain_table_first(&underlay->routes, hash_pair(underlay, prefix, len));
}

static bool route_has_prefix(const struct underlay_route *route, uint32_t prefix, uint8_t len)
{
    return route->prefix == prefix && route->len == len;
}

/* The route that is the same, or, with 'any_hop', the first that 'route' would replace. */
static struct route_row *find_route(const struct underlay *underlay, const struct underlay_route *route, bool any_hop)
{
    struct chain_node *node = first_route(underlay, route->prefix, route->len);

    for (; node != NULL; node = chain_node_next(node)) {
        struct route_row *row = (struct route_row *)node;

        if (route_has_prefix(&row->route, route->prefix, route->len) && row->route.metric == route->metric &&
            (any_hop || (row->route.ifindex == route->ifindex && row->route.gateway == route->gateway)))
            return row;
    }
    return NULL;
}

static bool renew_route(struct route_row *row, const struct underlay_route *route)
{
    bool changed = row->route.source != route->source || row->route.gateway != route->gateway ||
                   row->route.ifindex != route->ifindex;

    row->route = *route;
    return changed;
}

bool underlay_add_route(struct underlay *underlay, const struct underlay_route *route)
{
    struct route_row *row;

    if (route->len > 32)
        return false;
    row = find_route(underlay, route, false);
    if (row != NULL)
        return renew_route(row, route);
    row = calloc(1, sizeof *row);
    if (row == NULL)
        return false;
    row->route = *route;
    if (chain_table_insert(&underlay->routes, &row->node, hash_pair(underlay, route->prefix, route->len)) != 0) {
        free(row);
        return false;
    }
    underlay->n_routes[route->len]++;
    return true;
}

bool underlay_remove_route(struct underlay *underlay, const struct underlay_route *route)
{
    struct route_row *row = find_route(underlay, route, false);

    if (row == NULL)
        return false;
    underlay->n_routes[route->len]--;
    chain_table_remove(&underlay->routes, &row->node);
    free(row);
    return true;
}

bool underlay_replace_route(struct underlay *underlay, const struct underlay_route *route)
{
    struct route_row *row = find_route(underlay, route, true);

    return row != NULL ? renew_route(row, route) : underlay_add_route(underlay, route);
}

static struct neighbour_row *find_neighbour(const struct underlay *underlay, int ifindex, uint32_t addr)
{
    struct chain_node *node = chain_table_first(&underlay->neighbours, hash_pair(underlay, (uint32_t)ifindex, addr));

    for (; node != NULL; node = chain_node_next(node)) {
        struct neighbour_row *row = (struct neighbour_row *)node;

        if (row->ifindex == ifindex && row->addr == addr)
            return row;
    }
    return NULL;
}

bool underlay_set_neighbour(struct underlay *underlay, int ifindex, uint32_t addr, const struct mac_addr *mac)
{
    struct neighbour_row *row = find_neighbour(underlay, ifindex, addr);

    if (row != NULL) {
        bool changed = !mac_addr_equal(&row->mac, mac);

        row->mac = *mac;
        return changed;
    }
    row = calloc(1, sizeof *row);
    if (row == NULL)
        return false;
    row->ifindex = ifindex;
    row->addr = addr;
    row->mac = *mac;
    if (chain_table_insert(&underlay->neighbours, &row->node, hash_pair(underlay, (uint32_t)ifindex, addr)) != 0) {
        free(row);
        return false;
    }
    return true;
}

bool underlay_remove_neighbour(struct underlay *underlay, int ifindex, uint32_t addr)
{
    struct neighbour_row *row = find_neighbour(underlay, ifindex, addr);

    if (row == NULL)
        return false;
    chain_table_remove(&underlay->neighbours, &row->node);
    free(row);
    return true;
}

static bool link_has_address(const struct underlay *underlay, int ifindex, uint32_t addr)
{
    for (size_t i = 0; i < underlay->n_addresses; i++) {
        if (underlay->addresses[i].ifindex == ifindex && underlay->addresses[i].addr == addr)
            return true;
    }
    return false;
}

/* The address that packets to 'neighbour' leave 'ifindex' with; 0 when the interface has none. */
static uint32_t source_address(const struct underlay *underlay, int ifindex, uint32_t neighbour)
{
    uint32_t first = 0;

    for (size_t i = 0; i < underlay->n_addresses; i++) {
        const struct address *a = &underlay->addresses[i];

        if (a->ifindex != ifindex)
            continue;
        if (((a->addr ^ neighbour) & prefix_mask(a->prefix_len)) == 0)
            return a->addr;
        if (first == 0)
            first = a->addr;
    }
    return first;
}

/* The usable route of lowest metric to exactly this prefix; sets '*link' to what it leads over. */
static const struct underlay_route *best_route(const struct underlay *underlay, uint32_t prefix, uint8_t len,
                                               uint32_t local, const struct underlay_link **link)
{
    const struct underlay_route *best = NULL;
    struct chain_node *node = first_route(underlay, prefix, len);

    for (; node != NULL; node = chain_node_next(node)) {
        const struct underlay_route *route = &((struct route_row *)node)->route;
        const struct link_row *over;

        if (!route_has_prefix(route, prefix, len) || (best != NULL && best->metric <= route->metric))
            continue;
        over = find_link(underlay, route->ifindex);
        if (over == NULL || !over->link.up || (local != 0 && !link_has_address(underlay, route->ifindex, local)))
            continue;
        best = route;
        *link = &over->link;
    }
    return best;
}

static const struct underlay_route *find_best_route(const struct underlay *underlay, uint32_t remote, uint32_t local,
                                                    const struct underlay_link **link)
{
    for (int len = 32; len >= 0; len--) {
        const struct underlay_route *route;

        if (underlay->n_routes[len] == 0)
            continue;
        route = best_route(underlay, remote & prefix_mask((uint8_t)len), (uint8_t)len, local, link);
        if (route != NULL)
            return route;
    }
    return NULL;
}

void underlay_resolve(const struct underlay *underlay, uint32_t remote, uint32_t local, struct next_hop *hop,
                      int *ifindex, uint32_t *neighbour)
{
    const struct underlay_link *link = NULL;
    const struct underlay_route *route = find_best_route(underlay, remote, local, &link);
    const struct neighbour_row *row;
    uint32_t next;

    hop->state = NEXT_HOP_NO_ROUTE;
    hop->remote = remote;
    hop->local = local;
    hop->bridge = 0;
    hop->vlan = 0;
    memset(&hop->src_mac, 0, sizeof hop->src_mac);
    memset(&hop->dst_mac, 0, sizeof hop->dst_mac);
    *ifindex = 0;
    *neighbour = 0;
    if (route == NULL)
        return;

    next = route->gateway != 0 ? route->gateway : remote;
    if (local == 0)
        hop->local = route->source != 0 ? route->source : source_address(underlay, link->ifindex, next);
    if (hop->local == 0)
        return;
    hop->bridge = link->bridge;
    hop->vlan = link->vlan;
    hop->src_mac = link->mac;
    *ifindex = link->ifindex;
    *neighbour = next;

    row = find_neighbour(underlay, link->ifindex, next);
    hop->state = row != NULL ? NEXT_HOP_READY : NEXT_HOP_NO_NEIGHBOUR;
    if (row != NULL)
        hop->dst_mac = row->mac;
}

void underlay_for_each_endpoint(const struct underlay *underlay,
                                void (*visit)(void *aux, const struct underlay_link *link, uint32_t addr), void *aux)
{
    for (size_t i = 0; i < underlay->n_addresses; i++) {
        const struct link_row *row = find_link(underlay, underlay->addresses[i].ifindex);

        if (row != NULL)
            visit(aux, &row->link, underlay->addresses[i].addr);
    }
}

void underlay_for_each_route(const struct underlay *underlay,
                             void (*visit)(void *aux, const struct underlay_route *route), void *aux)
{
    for (size_t i = 0; i < underlay->routes.n_buckets; i++) {
        for (const struct chain_node *node = underlay->routes.buckets[i]; node != NULL; node = node->next) {
            const struct underlay_route *route = &((const struct route_row *)node)->route;

            if (find_link(underlay, route->ifindex) != NULL)
                visit(aux, route);
        }
    }
}
