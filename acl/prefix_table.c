// SPDX-License-Identifier: Apache-2.0
#include "acl/prefix_table.h"

#include <stdlib.h>

#include "dataplane/core/hash.h"

struct prefix_slot {
    struct inet_addr addr;
    uint32_t scope;
    uint32_t value; /* 0: free */
    uint32_t len;
};

struct prefix_table {
    struct hash_seed seed;
    size_t mask; /* number of slots (a power of two, at least twice the prefixes) less one */
    size_t count;
    struct prefix_slot slots[];
};

struct prefix_table *prefix_table_create(size_t n)
{
    size_t n_slots = 2;
    struct prefix_table *table;

    while (n_slots < 2 * n)
        n_slots *= 2;
    table = calloc(1, sizeof *table + n_slots * sizeof table->slots[0]);
    if (table == NULL)
        return NULL;
    hash_seed_init(&table->seed);
    table->mask = n_slots - 1;
    return table;
}

void prefix_table_destroy(struct prefix_table *table)
{
    free(table);
}

/* The slot of a key (its address already masked), or the free slot where it belongs. */
static size_t slot_find(const struct prefix_table *table, uint32_t scope, const struct inet_addr *addr, uint32_t len)
{
    const struct hash_seed *seed = &table->seed;
    uint64_t chain = hash_fold(((uint64_t)scope << 8 | len) ^ seed->words[2], seed->words[3]);
    size_t i = hash_16(addr, seed, chain) & table->mask;

    for (;; i = (i + 1) & table->mask) {
        const struct prefix_slot *slot = &table->slots[i];

        if (slot->value == 0)
            return i;
        if (slot->scope == scope && slot->len == len && inet_addr_equal(&slot->addr, addr))
            return i;
    }
}

void prefix_table_put(struct prefix_table *table, uint32_t scope, const struct inet_prefix *prefix, uint32_t value)
{
    struct inet_addr addr = inet_addr_masked(&prefix->addr, prefix->len);
    struct prefix_slot *slot = &table->slots[slot_find(table, scope, &addr, prefix->len)];

    if (slot->value == 0) {
        *slot = (struct prefix_slot){.addr = addr, .scope = scope, .value = value, .len = prefix->len};
        table->count++;
    } else if (value < slot->value) {
        slot->value = value;
    }
}

uint32_t prefix_table_get(const struct prefix_table *table, uint32_t scope, const struct inet_addr *addr, int len)
{
    struct inet_addr masked = inet_addr_masked(addr, len);

    return table->slots[slot_find(table, scope, &masked, (uint32_t)len)].value;
}

size_t prefix_table_count(const struct prefix_table *table)
{
    return table->count;
}

bool prefix_table_next(const struct prefix_table *table, size_t *position, struct inet_prefix *prefix)
{
    while (*position <= table->mask) {
        const struct prefix_slot *slot = &table->slots[(*position)++];

        if (slot->value != 0) {
            *prefix = (struct inet_prefix){.addr = slot->addr, .len = (uint8_t)slot->len};
            return true;
        }
    }
    return false;
}
