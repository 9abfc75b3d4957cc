// SPDX-License-Identifier: Apache-2.0
#include "control/next_hops.h"

#include <limits.h>
#include <stdlib.h>

#include <hash.h>
#include <util.h>

#include "control/ids.h"
#include "control/netlink.h"
#include "dataplane/snapshot.h"
#include "overlay/underlay.h"

#define ASK_MISSING_MS 1000
#define ASK_FRESH_MS   10000

/* When the kernel was last asked about a neighbour, however many hops lead through it. */
struct asked {
    struct hmap_node node;
    int ifindex;
    uint32_t addr;
    long long at;
    bool wanted; /* by some hop, in this round */
};

struct next_hops {
    struct hmap hops;
    struct hmap asked;
    bool dirty;
    uint32_t *removed; /* indexes to take out of snapshots and to give back */
    size_t n_removed;
    size_t allocated_removed;
};

struct next_hops *next_hops_create(void)
{
    struct next_hops *hops = xzalloc(sizeof *hops);

    hmap_init(&hops->hops);
    hmap_init(&hops->asked);
    return hops;
}

void next_hops_destroy(struct next_hops *hops)
{
    struct tunnel_hop *hop;
    struct asked *asked;

    if (hops == NULL)
        return;
    HMAP_FOR_EACH_SAFE (hop, node, &hops->hops) {
        hmap_remove(&hops->hops, &hop->node);
        ids_give(next_hop_ids(), hop->index);
        free(hop);
    }
    HMAP_FOR_EACH_SAFE (asked, node, &hops->asked) {
        hmap_remove(&hops->asked, &asked->node);
        free(asked);
    }
    for (size_t i = 0; i < hops->n_removed; i++)
        ids_give(next_hop_ids(), hops->removed[i]);
    hmap_destroy(&hops->hops);
    hmap_destroy(&hops->asked);
    free(hops->removed);
    free(hops);
}

static bool next_hop_equal(const struct next_hop *a, const struct next_hop *b)
{
    return a->state == b->state && a->remote == b->remote && a->local == b->local && a->bridge == b->bridge &&
           a->vlan == b->vlan && mac_addr_equal(&a->src_mac, &b->src_mac) && mac_addr_equal(&a->dst_mac, &b->dst_mac);
}

/* True when that changed what snapshots show. */
static bool resolve(struct next_hops *hops, struct tunnel_hop *hop, const struct underlay *underlay)
{
    struct next_hop now = {.changed = 0};

    underlay_resolve(underlay, hop->remote, hop->local, &now, &hop->ifindex, &hop->neighbour);
    if (next_hop_equal(&now, &hop->hop))
        return false;
    hop->hop = now;
    hop->dirty = true;
    hops->dirty = true;
    return true;
}

struct tunnel_hop *next_hops_take(struct next_hops *hops, const struct underlay *underlay, uint32_t remote,
                                  uint32_t local)
{
    uint32_t hash = hash_2words(remote, local);
    struct tunnel_hop *hop;

    HMAP_FOR_EACH_WITH_HASH (hop, node, hash, &hops->hops) {
        if (hop->remote == remote && hop->local == local) {
            hop->users++;
            return hop;
        }
    }

    uint32_t index = ids_take(next_hop_ids());

    if (index == 0)
        return NULL;
    hop = xzalloc(sizeof *hop);
    hop->remote = remote;
    hop->local = local;
    hop->index = index;
    hop->users = 1;
    hmap_insert(&hops->hops, &hop->node, hash);
    resolve(hops, hop, underlay);
    hop->dirty = true;
    hops->dirty = true;
    return hop;
}

void next_hops_give(struct next_hops *hops, struct tunnel_hop *hop)
{
    if (--hop->users > 0)
        return;
    if (hops->n_removed == hops->allocated_removed)
        hops->removed = x2nrealloc(hops->removed, &hops->allocated_removed, sizeof *hops->removed);
    hops->removed[hops->n_removed++] = hop->index;
    hmap_remove(&hops->hops, &hop->node);
    free(hop);
}

bool next_hops_resolve(struct next_hops *hops, const struct underlay *underlay)
{
    struct tunnel_hop *hop;
    bool changed = false;

    HMAP_FOR_EACH (hop, node, &hops->hops) {
        changed = resolve(hops, hop, underlay) || changed;
    }
    return changed;
}

static struct asked *asked_of(struct next_hops *hops, int ifindex, uint32_t addr)
{
    uint32_t hash = hash_2words((uint32_t)ifindex, addr);
    struct asked *asked;

    HMAP_FOR_EACH_WITH_HASH (asked, node, hash, &hops->asked) {
        if (asked->ifindex == ifindex && asked->addr == addr)
            return asked;
    }
    asked = xzalloc(sizeof *asked);
    asked->ifindex = ifindex;
    asked->addr = addr;
    asked->at = LLONG_MIN / 2;
    hmap_insert(&hops->asked, &asked->node, hash);
    return asked;
}

long long next_hops_ask(struct next_hops *hops, struct netlink *netlink, long long now)
{
    long long next = LLONG_MAX;
    struct tunnel_hop *hop;
    struct asked *asked;

    HMAP_FOR_EACH (asked, node, &hops->asked) {
        asked->wanted = false;
    }
    HMAP_FOR_EACH (hop, node, &hops->hops) {
        if (hop->ifindex == 0)
            continue;
        long long interval = hop->hop.state == NEXT_HOP_READY ? ASK_FRESH_MS : ASK_MISSING_MS;

        asked = asked_of(hops, hop->ifindex, hop->neighbour);
        asked->wanted = true;
        if (now - asked->at >= interval) {
            netlink_resolve_neighbour(netlink, hop->ifindex, hop->neighbour);
            asked->at = now;
        }
        next = MIN(next, asked->at + interval);
    }
    HMAP_FOR_EACH_SAFE (asked, node, &hops->asked) {
        /* One that comes back within the second is not to be asked for again at once. */
        if (!asked->wanted && now - asked->at >= ASK_MISSING_MS) {
            hmap_remove(&hops->asked, &asked->node);
            free(asked);
        }
    }
    return next;
}

bool next_hops_is_dirty(const struct next_hops *hops)
{
    return hops->dirty || hops->n_removed > 0;
}

int next_hops_publish(struct next_hops *hops, struct snapshot *snapshot)
{
    struct tunnel_hop *hop;

    if (!hops->dirty)
        return 0;
    HMAP_FOR_EACH (hop, node, &hops->hops) {
        if (!hop->dirty)
            continue;
        int error = snapshot_set_next_hop(snapshot, hop->index, &hop->hop);

        if (error != 0)
            return error;
        hop->dirty = false;
    }
    hops->dirty = false;
    return 0;
}

int next_hops_publish_removed(struct next_hops *hops, struct snapshot *snapshot)
{
    while (hops->n_removed > 0) {
        uint32_t index = hops->removed[hops->n_removed - 1];
        int error = snapshot_set_next_hop(snapshot, index, NULL);

        if (error != 0)
            return error;
        ids_give(next_hop_ids(), index);
        hops->n_removed--;
    }
    return 0;
}

void next_hops_for_each(const struct next_hops *hops, void (*visit)(void *aux, const struct tunnel_hop *hop), void *aux)
{
    const struct tunnel_hop *hop;

    HMAP_FOR_EACH (hop, node, &hops->hops) {
        visit(aux, hop);
    }
}
