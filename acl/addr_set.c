// SPDX-License-Identifier: Apache-2.0
#include "acl/addr_set.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "acl/addr_directory.h"
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

bool addr_set_has(const struct addr_set *set, const struct inet_prefix *prefix)
{
    return prefix_table_get(set->prefixes, 0, &prefix->addr, prefix->len) != 0;
}

bool addr_set_next(const struct addr_set *set, size_t *position, struct inet_prefix *prefix)
{
    return prefix_table_next(set->prefixes, position, prefix);
}

static struct addr_directory *directory_of(const struct addr_sets *sets)
{
    struct addr_directory *directory = addr_directory_copy(NULL);

    for (uint32_t i = 0; i < sets->n && directory != NULL; i++) {
        if (addr_directory_replace(directory, i, NULL, sets->sets[i]) != 0) {
            addr_directory_destroy(directory);
            return NULL;
        }
    }
    return directory;
}

void addr_sets_put(struct addr_sets *sets, uint32_t index, struct addr_set *set)
{
    struct addr_set *former = sets->sets[index];

    sets->sets[index] = set;
    if (sets->directory == NULL) {
        sets->directory = directory_of(sets);
    } else if (addr_directory_replace(sets->directory, index, former, set) != 0) {
        addr_directory_destroy(sets->directory);
        sets->directory = NULL;
    }
}
