// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/addr_set.h"

/* Which sets an address is in: all address sets of a snapshot the other way round, so that the cost of asking depends on
 * the sets that contain the address, never on how many there are.
 *
 *     directory          shard (by hash of the prefix)
 *     ┌─────────┐        ┌───────────────────────────────────┐
 *     │ lengths │   ┌───►│ 10.0.0.7/32  → sets 3, 8          │
 *     │ shard 0 │───┘    │ 10.1.0.0/16  → set 5              │
 *     │ shard 1 │        │ ...                               │
 *     │   ...   │        └───────────────────────────────────┘
 *     └─────────┘
 *
 * Once in force a directory is never changed. Control copies it for the next snapshot, which copies the table of shards
 * alone; a change of members then copies the shards that it touches, once per snapshot. */
struct addr_directory;

/* Control thread. A copy to be changed, of 'from' or (NULL) of the empty one. NULL when out of memory. */
struct addr_directory *addr_directory_copy(const struct addr_directory *from);
void addr_directory_destroy(struct addr_directory *directory); /* NULL allowed */

/* Control thread, before the directory is in force. Members of set number 'set' were those of 'from' and become those of
 * 'to' (NULL: none). Costs a look at each member and work for each that comes or goes. 0 or -ENOMEM: the directory then is
 * of no use any more. */
int addr_directory_replace(struct addr_directory *directory, uint32_t set, const struct addr_set *from,
                           const struct addr_set *to);

/* The sets that have one prefix, by rising number. */
struct addr_directory_list {
    const uint32_t *sets;
    uint32_t n;
};

/* Worker. The sets that contain 'addr' by their longest prefix shorter than '*len' (begin with 129), which becomes its
 * length; false: no more. A set with several prefixes around the address comes several times. */
bool addr_directory_next(const struct addr_directory *directory, const struct inet_addr *addr, int *len,
                         struct addr_directory_list *list);
