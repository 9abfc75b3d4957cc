// SPDX-License-Identifier: Apache-2.0
#include "acl/addr_set.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "acl/prefix_table.h"

struct addr_set {
    atomic_uint refs;
    struct prefix_lengths lengths;
    struct prefix_table *prefixes;
};

struct addr_set *addr_set_create(const struct inet_prefix *prefixes, size_t n)
{
    struct addr_set *set = calloc(1, sizeof *set);

    if (set == NULL)
        return NULL;
    set->prefixes = prefix_table_create(n);
    if (set->prefixes == NULL) {
        free(set);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        prefix_table_put(set->prefixes, 0, &prefixes[i], 1);
        prefix_lengths_add(&set->lengths, prefixes[i].len);
    }
    atomic_init(&set->refs, 1);
    return set;
}

struct addr_set *addr_set_ref(struct addr_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void addr_set_unref(struct addr_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    prefix_table_destroy(set->prefixes);
    free(set);
}

bool addr_set_contains(const struct addr_set *set, const struct inet_addr *addr)
{
    int floor = prefix_lengths_floor(addr);

    for (int len = prefix_lengths_next(&set->lengths, 129); len >= floor;
         len = prefix_lengths_next(&set->lengths, len)) {
        if (prefix_table_get(set->prefixes, 0, addr, len) != 0)
            return true;
    }
    return false;
}

size_t addr_set_count(const struct addr_set *set)
{
    return prefix_table_count(set->prefixes);
}
