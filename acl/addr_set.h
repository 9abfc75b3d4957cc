// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/inet.h"

struct addr_directory;

/* A set of addresses and prefixes: the members of an address group, or of a security group named as remote group.
 * Immutable once made and shared by reference: a membership change makes a new set and leaves every rule alone,
 * because rules name sets by number (struct addr_sets). */
struct addr_set;

/* Control or builder thread. Copies 'prefixes' (any order, duplicates allowed). NULL when out of memory. The caller
 * holds one reference. */
struct addr_set *addr_set_create(const struct inet_prefix *prefixes, size_t n);
struct addr_set *addr_set_ref(struct addr_set *set);
void addr_set_unref(struct addr_set *set); /* frees with the last one; NULL allowed */

/* Any thread. Cost does not grow with the number of members. */
bool addr_set_contains(const struct addr_set *set, const struct inet_addr *addr);
size_t addr_set_count(const struct addr_set *set);
/* True when that very prefix is a member. */
bool addr_set_has(const struct addr_set *set, const struct inet_prefix *prefix);
/* The members one by one: begins with '*position' 0; false when there are no more. */
bool addr_set_next(const struct addr_set *set, size_t *position, struct inet_prefix *prefix);

/* The sets in force in one snapshot, by the number that rules use. A NULL entry is the empty set. */
struct addr_sets {
    uint32_t n;
    struct addr_set **sets;
    struct addr_directory *directory; /* of the same sets; NULL: each set is asked */
};

/* Control thread. Puts 'set' (NULL: the empty one) at 'index', which is below 'n', into 'sets' and their directory, which is
 * not in force yet; NULL there: one of all sets is made. Without memory the directory becomes NULL: answers stay right, at the
 * cost of asking each set. References are the caller's business. */
void addr_sets_put(struct addr_sets *sets, uint32_t index, struct addr_set *set);
