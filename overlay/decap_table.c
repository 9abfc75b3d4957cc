// SPDX-License-Identifier: Apache-2.0
#include "overlay/decap_table.h"

#include <stdlib.h>
#include <string.h>

/* Slots for 'n' items: a power of two, at least twice as many, and never full. */
static uint32_t slots_for(size_t n)
{
    uint32_t slots = 2;

    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

static void insert_endpoint(struct decap_table *table, const struct decap_endpoint *endpoint)
{
    struct decap_key key = {.addr = endpoint->addr, .where = (uint32_t)endpoint->bridge << 16 | endpoint->vlan};

    for (uint32_t i = decap_table_hash(table, &key);; i++) {
        struct decap_endpoint_slot *slot = &table->endpoints[i & table->endpoint_mask];

        if (slot->used && decap_key_equal(&slot->key, &key))
            return;
        if (!slot->used) {
            *slot = (struct decap_endpoint_slot){.key = key, .mac = endpoint->mac, .used = true};
            return;
        }
    }
}

static void insert_entry(struct decap_table *table, const struct decap_entry *entry)
{
    struct decap_key key = {
        .addr = entry->remote, .where = (uint32_t)entry->type << 24 | entry->vni, .port = entry->dst_port};

    for (uint32_t i = decap_table_hash(table, &key);; i++) {
        struct decap_entry_slot *slot = &table->entries[i & table->entry_mask];

        if (slot->used && slot->local == entry->local && decap_key_equal(&slot->key, &key))
            return;
        if (!slot->used) {
            *slot = (struct decap_entry_slot){
                .key = key, .local = entry->local, .attachment = entry->attachment, .used = true};
            return;
        }
    }
}

static int compare_addr(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

struct decap_table *decap_table_create(const struct decap_endpoint *endpoints, size_t n_endpoints,
                                       const struct decap_entry *entries, size_t n_entries)
{
    struct decap_table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return NULL;
    hash_seed_init(&table->seed);
    memset(table->port_types, DECAP_NO_TYPE, sizeof table->port_types);
    table->empty = n_endpoints == 0 || n_entries == 0;
    table->endpoint_mask = slots_for(n_endpoints) - 1;
    table->entry_mask = slots_for(n_entries) - 1;
    table->endpoints = calloc(table->endpoint_mask + 1, sizeof *table->endpoints);
    table->entries = calloc(table->entry_mask + 1, sizeof *table->entries);
    table->remotes = calloc(n_entries + 1, sizeof *table->remotes);
    if (table->endpoints == NULL || table->entries == NULL || table->remotes == NULL)
        goto fail;

    for (size_t i = 0; i < n_endpoints; i++)
        insert_endpoint(table, &endpoints[i]);
    for (size_t i = 0; i < n_entries; i++) {
        if (table->port_types[entries[i].dst_port] == DECAP_NO_TYPE)
            table->port_types[entries[i].dst_port] = (int8_t)entries[i].type;
        if (entries[i].local != 0)
            insert_entry(table, &entries[i]);
        table->remotes[table->n_remotes++] = entries[i].remote;
    }
    for (size_t i = 0; i < n_entries; i++) {
        if (entries[i].local == 0)
            insert_entry(table, &entries[i]);
    }
    qsort(table->remotes, table->n_remotes, sizeof *table->remotes, compare_addr);
    return table;

fail:
    decap_table_destroy(table);
    return NULL;
}

void decap_table_destroy(struct decap_table *table)
{
    if (table == NULL)
        return;
    free(table->endpoints);
    free(table->entries);
    free(table->remotes);
    free(table);
}

bool decap_table_is_empty(const struct decap_table *table)
{
    return table->empty;
}

bool decap_table_knows_remote(const struct decap_table *table, uint32_t remote)
{
    return bsearch(&remote, table->remotes, table->n_remotes, sizeof remote, compare_addr) != NULL;
}
