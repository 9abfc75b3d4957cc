// SPDX-License-Identifier: Apache-2.0
#include "control/address_sets.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/ids.h"
#include "dataplane/snapshot.h"

struct slot {
    struct address_set *set; /* NULL: the number is free */
    bool dirty;              /* not yet in a snapshot */
};

struct address_sets {
    struct hmap by_row;
    struct ids *numbers;
    struct slot *slots; /* by number */
    size_t n_slots;
    size_t allocated_slots;
};

struct address_sets *address_sets_create(void)
{
    struct address_sets *sets = xzalloc(sizeof *sets);

    hmap_init(&sets->by_row);
    sets->numbers = ids_create(1, ADDRESS_SETS_MAX - 1);
    return sets;
}

static void set_free(struct address_sets *sets, struct address_set *set)
{
    hmap_remove(&sets->by_row, &set->node);
    addr_set_unref(set->set);
    prefix_list_clear(&set->members);
    free(set);
}

void address_sets_destroy(struct address_sets *sets)
{
    struct address_set *set;

    if (sets == NULL)
        return;
    HMAP_FOR_EACH_SAFE (set, node, &sets->by_row) {
        set_free(sets, set);
    }
    hmap_destroy(&sets->by_row);
    ids_destroy(sets->numbers);
    free(sets->slots);
    free(sets);
}

void address_sets_begin(struct address_sets *sets)
{
    struct address_set *set;

    HMAP_FOR_EACH (set, node, &sets->by_row) {
        set->used = false;
        set->is_new = false;
        set->changed = false;
    }
}

static void occupy(struct address_sets *sets, uint32_t number, struct address_set *set)
{
    while (sets->n_slots <= number) {
        if (sets->n_slots == sets->allocated_slots)
            sets->slots = x2nrealloc(sets->slots, &sets->allocated_slots, sizeof *sets->slots);
        sets->slots[sets->n_slots++] = (struct slot){.set = NULL, .dirty = false};
    }
    sets->slots[number] = (struct slot){.set = set, .dirty = true};
}

struct address_set *address_sets_use(struct address_sets *sets, const struct uuid *row)
{
    uint32_t hash = uuid_hash(row);
    struct address_set *set;

    HMAP_FOR_EACH_WITH_HASH (set, node, hash, &sets->by_row) {
        if (uuid_equals(&set->row, row)) {
            set->used = true;
            return set;
        }
    }

    /* The lowest number, because every snapshot copies a table as long as the highest. A number that changes hands does
     * so in one snapshot, in which the rules that named it are gone as well. */
    uint32_t number = ids_take_lowest(sets->numbers);

    if (number == 0)
        return NULL;
    set = xzalloc(sizeof *set);
    set->row = *row;
    set->number = number;
    set->used = true;
    set->is_new = true;
    hmap_insert(&sets->by_row, &set->node, hash);
    occupy(sets, number, set);
    return set;
}

bool address_set_replace(struct address_sets *sets, struct address_set *set, struct prefix_list *members)
{
    prefix_list_normalise(members);
    if (prefix_list_equal(&set->members, members)) {
        prefix_list_clear(members);
        return false;
    }
    prefix_list_clear(&set->members);
    set->members = *members;
    *members = PREFIX_LIST_EMPTY;

    /* Without memory for the new set nobody is a member: rules allow, so this errs on the closed side. */
    addr_set_unref(set->set);
    set->set = set->members.n > 0 ? addr_set_create(set->members.prefixes, set->members.n) : NULL;
    set->changed = true;
    sets->slots[set->number].dirty = true;
    return true;
}

bool address_sets_sweep(struct address_sets *sets)
{
    struct address_set *set;
    bool any = false;

    HMAP_FOR_EACH_SAFE (set, node, &sets->by_row) {
        if (set->used)
            continue;
        occupy(sets, set->number, NULL);
        ids_give(sets->numbers, set->number);
        set_free(sets, set);
        any = true;
    }
    return any;
}

int address_sets_publish(struct address_sets *sets, struct snapshot *snapshot)
{
    for (size_t i = 0; i < sets->n_slots; i++) {
        struct slot *slot = &sets->slots[i];
        struct addr_set *set = slot->set != NULL ? slot->set->set : NULL;

        if (!slot->dirty)
            continue;
        int error = snapshot_set_address_set(snapshot, (uint32_t)i, set != NULL ? addr_set_ref(set) : NULL);
        if (error != 0)
            return error;
        slot->dirty = false;
    }
    return 0;
}
