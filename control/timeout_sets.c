// SPDX-License-Identifier: Apache-2.0
#include "control/timeout_sets.h"

#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <util.h>

#include "acl/conntrack.h"
#include "control/ids.h"

void timeout_sets_init(struct timeout_sets *sets)
{
    hmap_init(&sets->sets);
    sets->numbers = ids_create(1, CT_TIMEOUT_SETS_MAX - 1);
    sets->is_dirty = false;
}

void timeout_sets_destroy(struct timeout_sets *sets)
{
    struct timeout_set *set;

    HMAP_FOR_EACH_SAFE (set, node, &sets->sets) {
        hmap_remove(&sets->sets, &set->node);
        free(set);
    }
    hmap_destroy(&sets->sets);
    ids_destroy(sets->numbers);
}

struct timeout_set *timeout_sets_use(struct timeout_sets *sets, const struct session_timeouts *timeouts)
{
    uint32_t hash = hash_bytes(timeouts, sizeof *timeouts, 0);
    struct timeout_set *set;
    uint32_t number;

    HMAP_FOR_EACH_WITH_HASH (set, node, hash, &sets->sets) {
        if (memcmp(&set->timeouts, timeouts, sizeof *timeouts) == 0) {
            set->n_users++;
            return set;
        }
    }
    number = ids_take(sets->numbers);
    if (number == 0)
        return NULL;
    set = xzalloc(sizeof *set);
    set->timeouts = *timeouts;
    set->number = (uint16_t)number;
    set->n_users = 1;
    hmap_insert(&sets->sets, &set->node, hash);
    sets->is_dirty = true;
    return set;
}

void timeout_sets_leave(struct timeout_sets *sets, struct timeout_set *set)
{
    if (set == NULL || --set->n_users > 0)
        return;
    hmap_remove(&sets->sets, &set->node);
    ids_give(sets->numbers, set->number);
    free(set);
}

void timeout_sets_publish(struct timeout_sets *sets, struct conntrack *ct)
{
    struct timeout_set *set;

    if (!sets->is_dirty)
        return;
    HMAP_FOR_EACH (set, node, &sets->sets) {
        if (!set->is_published)
            conntrack_set_timeouts(ct, set->number, &set->timeouts);
        set->is_published = true;
    }
    sets->is_dirty = false;
}
