// SPDX-License-Identifier: Apache-2.0
#include "overlay/chain_table.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 16

static void append(struct chain_table *table, struct chain_node *node)
{
    struct chain_node **link = &table->buckets[node->hash & (table->n_buckets - 1)];

    while (*link != NULL)
        link = &(*link)->next;
    node->next = NULL;
    *link = node;
}

static int resize(struct chain_table *table, size_t n_buckets)
{
    struct chain_table larger = {.n_buckets = n_buckets, .n_nodes = table->n_nodes};

    larger.buckets = calloc(n_buckets, sizeof *larger.buckets);
    if (larger.buckets == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < table->n_buckets; i++) {
        struct chain_node *next;

        for (struct chain_node *node = table->buckets[i]; node != NULL; node = next) {
            next = node->next;
            append(&larger, node);
        }
    }
    free(table->buckets);
    *table = larger;
    return 0;
}

int chain_table_insert(struct chain_table *table, struct chain_node *node, uint64_t hash)
{
    if (table->n_nodes >= table->n_buckets) {
        int error = resize(table, table->n_buckets != 0 ? 2 * table->n_buckets : BUCKETS_MIN);

        if (error != 0 && table->n_buckets == 0)
            return error;
    }
    node->hash = hash;
    append(table, node);
    table->n_nodes++;
    return 0;
}

void chain_table_remove(struct chain_table *table, struct chain_node *node)
{
    struct chain_node **link = &table->buckets[node->hash & (table->n_buckets - 1)];

    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->n_nodes--;
}

static struct chain_node *same_hash(struct chain_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

struct chain_node *chain_table_first(const struct chain_table *table, uint64_t hash)
{
    return table->n_buckets != 0 ? same_hash(table->buckets[hash & (table->n_buckets - 1)], hash) : NULL;
}

struct chain_node *chain_node_next(const struct chain_node *node)
{
    return same_hash(node->next, node->hash);
}

void chain_table_clear(struct chain_table *table, void (*release)(struct chain_node *node))
{
    for (size_t i = 0; i < table->n_buckets; i++) {
        struct chain_node *next;

        for (struct chain_node *node = table->buckets[i]; node != NULL; node = next) {
            next = node->next;
            release(node);
        }
    }
    free(table->buckets);
    *table = (struct chain_table){0};
}
