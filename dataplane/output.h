// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/vlan.h"
#include "overlay/encap.h"

/* Where a packet goes when one flow cache line cannot say it all: through a tunnel, or to many places. A list of
 * outputs from a worker's own pool, named by the index of its head. Heads are counted, so that all flows through one
 * tunnel share its header template. */
struct output {
    struct encap_template encap; /* when 'encapsulate' */
    uint32_t next;               /* index of the next output, 0: last */
    uint32_t refs;               /* head only: flow entries (and the tunnel memory) that use the list */
    uint32_t attachment;         /* where it leads */
    uint32_t underlay;           /* 'encapsulate': the underlay attachment that the outer frame leaves by */
    uint32_t next_hop;           /* 'encapsulate' */
    uint32_t additions;          /* head of a flood: fdb_additions() it was made under */
    uint16_t port;               /* the port that sends it */
    uint16_t account;            /* the port whose counters it goes to: 'port', or the tunnel's */
    uint16_t vlan;               /* TCI for VLAN_PUSH and VLAN_SET (inner frame) */
    uint16_t mtu;                /* largest IP packet 'port' takes, 0: any */
    uint32_t inner_max;          /* 'encapsulate': the longest frame that fits 'mtu' once it is inside */
    uint32_t n_refused;          /* head of a flood: copies that cannot be sent, */
    uint8_t refused;             /* and the enum drop_reason they are counted under */
    uint8_t change;              /* enum vlan_change of the (inner) frame */
    bool encapsulate;
} __attribute__((aligned(64)));

struct output_pool {
    struct output *outputs; /* [0] is not used */
    uint32_t n;
    uint32_t n_free;
    uint32_t free_list;
};

#define OUTPUT_POOL_SIZE 16384u

int output_pool_init(struct output_pool *pool, uint32_t n); /* 0 or -ENOMEM */
void output_pool_fini(struct output_pool *pool);

/* May a list stay with a cached flow? The last quarter is kept for packets that are forwarded without being remembered,
 * the half before it is not for floods, of which a few can be as large as all others together. */
static inline bool output_pool_has_room(const struct output_pool *pool, bool flood)
{
    return pool->n_free >= (flood ? pool->n / 2 : pool->n / 4);
}

/* Takes one output (next 0, refs 1, else undefined). 0 when the pool is empty. */
uint32_t output_take(struct output_pool *pool);
/* Gives up one reference to a list; the last gives all its outputs back. */
void output_release(struct output_pool *pool, uint32_t head);
