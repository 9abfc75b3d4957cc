// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* Prefixes found by exact match: one open-addressing table, keyed by (scope, prefix), for many small sets of prefixes
 * ("scopes"). A look-up of an address asks once for each prefix length that its scope has, so its cost depends on how
 * many different lengths there are, never on how many prefixes. Filled by one thread, then read-only and shared. */
struct prefix_table;

/* The lengths present in one scope, as a bitmap of 0..128. */
struct prefix_lengths {
    uint64_t words[3];
};

/* A table for up to 'n' prefixes; NULL when out of memory. */
struct prefix_table *prefix_table_create(size_t n);
void prefix_table_destroy(struct prefix_table *table); /* NULL allowed */

/* Adds a prefix with a value other than 0. Of two values for one key the lower stays. Never more than the 'n' given
 * at creation. */
void prefix_table_put(struct prefix_table *table, uint32_t scope, const struct inet_prefix *prefix, uint32_t value);

/* The value of the prefix of 'addr' that is 'len' bits long; 0 when it is not in the scope. */
uint32_t prefix_table_get(const struct prefix_table *table, uint32_t scope, const struct inet_addr *addr, int len);

size_t prefix_table_count(const struct prefix_table *table);
/* The prefixes one by one, of all scopes: begins with '*position' 0; false when there are no more. */
bool prefix_table_next(const struct prefix_table *table, size_t *position, struct inet_prefix *prefix);

/* The first 'len' bits of an address, the rest zero. */
static inline struct inet_addr inet_addr_masked(const struct inet_addr *addr, int len)
{
    uint64_t high = len >= 64 ? UINT64_MAX : len == 0 ? 0 : UINT64_MAX << (64 - len);
    uint64_t low = len <= 64 ? 0 : UINT64_MAX << (128 - len);
    struct inet_addr masked = {
        .halves = {addr->halves[0] & __builtin_bswap64(high), addr->halves[1] & __builtin_bswap64(low)}};

    return masked;
}

static inline void prefix_lengths_add(struct prefix_lengths *lengths, int len)
{
    lengths->words[len / 64] |= UINT64_C(1) << (len % 64);
}

/* The longest length present that is shorter than 'below' (129 to begin), or -1. */
static inline int prefix_lengths_next(const struct prefix_lengths *lengths, int below)
{
    if (below <= 0)
        return -1;

    int last = below - 1;
    uint64_t word = lengths->words[last / 64] & (UINT64_MAX >> (63 - last % 64));

    for (int i = last / 64;; word = lengths->words[i]) {
        if (word != 0)
            return i * 64 + 63 - __builtin_clzll(word);
        if (i-- == 0)
            return -1;
    }
}

/* The shortest length that may speak about an address: prefixes of less than 96 bits are IPv6 prefixes, and those that
 * cover ::ffff:0:0/96 by chance (::/0 above all) say nothing about IPv4. */
static inline int prefix_lengths_floor(const struct inet_addr *addr)
{
    return inet_addr_is_v4(addr) ? 96 : 0;
}
