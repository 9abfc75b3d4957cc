// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/hash.h"
#include "overlay/decap.h"

/* The inside of a struct decap_table, for overlay/decap.c. Two open-addressed tables, at most half full:
 *
 *   endpoints   by (address, bridge, VLAN): is the packet for us at all? The quick answer for ordinary traffic.
 *   entries     by (remote, type, VNI, port), with the local address compared in the slot. Entries with a local address
 *               are inserted before those without, so the first slot that matches is the most specific one.
 *
 * and 'remotes', sorted, read only to name the reason of a drop. A UDP port belongs to the type of the first entry that
 * names it. */

struct decap_key {
    uint32_t addr;  /* the endpoint's or the remote address; network order */
    uint32_t where; /* endpoints: bridge << 16 | VLAN; entries: type << 24 | VNI */
    uint32_t port;  /* entries: host order; endpoints: 0 */
    uint32_t zero;
};
_Static_assert(sizeof(struct decap_key) == 16, "hashed as 16 bytes");

struct decap_endpoint_slot {
    struct decap_key key;
    struct mac_addr mac;
    bool used;
};

struct decap_entry_slot {
    struct decap_key key;
    uint32_t local;
    uint32_t attachment;
    bool used;
};

#define DECAP_NO_TYPE (-1)

struct decap_table {
    struct hash_seed seed;
    uint32_t endpoint_mask;
    uint32_t entry_mask;
    uint32_t n_remotes;
    bool empty;
    struct decap_endpoint_slot *endpoints;
    struct decap_entry_slot *entries;
    uint32_t *remotes;
    int8_t port_types[UINT16_MAX + 1]; /* by UDP port in host order: enum tunnel_type or DECAP_NO_TYPE */
};

static inline uint32_t decap_table_hash(const struct decap_table *table, const struct decap_key *key)
{
    return (uint32_t)hash_16(key, &table->seed, 0);
}

static inline bool decap_key_equal(const struct decap_key *a, const struct decap_key *b)
{
    return a->addr == b->addr && a->where == b->where && a->port == b->port;
}

/* The endpoint 'addr' on 'bridge' and 'vlan', or NULL. */
static inline const struct decap_endpoint_slot *decap_table_endpoint(const struct decap_table *table, uint32_t addr,
                                                                     uint16_t bridge, uint16_t vlan)
{
    struct decap_key key = {.addr = addr, .where = (uint32_t)bridge << 16 | vlan};

    for (uint32_t i = decap_table_hash(table, &key);; i++) {
        const struct decap_endpoint_slot *slot = &table->endpoints[i & table->endpoint_mask];

        if (!slot->used)
            return NULL;
        if (decap_key_equal(&slot->key, &key))
            return slot;
    }
}

/* The entry for a packet from 'remote' to 'local' (network order) at 'port' (host order), or NULL. */
static inline const struct decap_entry_slot *decap_table_entry(const struct decap_table *table, enum tunnel_type type,
                                                               uint32_t remote, uint32_t local, uint32_t vni,
                                                               uint16_t port)
{
    struct decap_key key = {.addr = remote, .where = (uint32_t)type << 24 | vni, .port = port};

    for (uint32_t i = decap_table_hash(table, &key);; i++) {
        const struct decap_entry_slot *slot = &table->entries[i & table->entry_mask];

        if (!slot->used)
            return NULL;
        if (decap_key_equal(&slot->key, &key) && (slot->local == local || slot->local == 0))
            return slot;
    }
}

/* True when any entry names 'remote' (network order). */
bool decap_table_knows_remote(const struct decap_table *table, uint32_t remote);
