// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A growing hash table of nodes that live inside their owner's structs, chained per bucket in order of insertion. One
 * thread. The owner allocates and frees what the nodes are part of, and compares keys itself:
 *
 *     for (node = chain_table_first(table, hash); node != NULL; node = chain_node_next(node))
 */
struct chain_node {
    struct chain_node *next;
    uint64_t hash;
};

struct chain_table {
    struct chain_node **buckets; /* NULL while empty */
    size_t n_buckets;            /* a power of two */
    size_t n_nodes;
};

/* All zero is an empty table. 0 or -ENOMEM (only for the first node: a table that cannot grow keeps its size). */
int chain_table_insert(struct chain_table *table, struct chain_node *node, uint64_t hash);
void chain_table_remove(struct chain_table *table, struct chain_node *node);

/* The first node of that hash, and the next one of the same hash; NULL: no more. */
struct chain_node *chain_table_first(const struct chain_table *table, uint64_t hash);
struct chain_node *chain_node_next(const struct chain_node *node);

/* Empties the table and frees its buckets; 'release' is called for each node. */
void chain_table_clear(struct chain_table *table, void (*release)(struct chain_node *node));
