// SPDX-License-Identifier: Apache-2.0
#include "control/address_sets.h"

#include <stdlib.h>

#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "control/ids.h"
#include "control/policy_work.h"
#include "dataplane/snapshot.h"

VLOG_DEFINE_THIS_MODULE(address_sets);

static struct vlog_rate_limit no_memory = VLOG_RATE_LIMIT_INIT(1, 5);

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
    uint32_t *dirty; /* numbers of dirty slots */
    size_t n_dirty;
    size_t allocated_dirty;
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
    hmapx_destroy(&set->policies);
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
    free(sets->dirty);
    free(sets);
}

static void mark_dirty(struct address_sets *sets, uint32_t number)
{
    if (sets->slots[number].dirty)
        return;
    sets->slots[number].dirty = true;
    if (sets->n_dirty == sets->allocated_dirty)
        sets->dirty = x2nrealloc(sets->dirty, &sets->allocated_dirty, sizeof *sets->dirty);
    sets->dirty[sets->n_dirty++] = number;
}

static void occupy(struct address_sets *sets, uint32_t number, struct address_set *set)
{
    while (sets->n_slots <= number) {
        if (sets->n_slots == sets->allocated_slots)
            sets->slots = x2nrealloc(sets->slots, &sets->allocated_slots, sizeof *sets->slots);
        sets->slots[sets->n_slots++] = (struct slot){.set = NULL, .dirty = false};
    }
    sets->slots[number].set = set;
    mark_dirty(sets, number);
}

bool address_sets_use(struct address_sets *sets, const struct uuid *row, struct address_set **home, bool *is_new)
{
    struct address_set *set = *home;
    uint32_t number;

    *is_new = set == NULL;
    if (set != NULL) {
        set->n_rules++;
        return true;
    }

    /* The lowest number, because every snapshot copies a table as long as the highest. A number that changes hands does
     * so in one snapshot, in which the rules that named it are gone as well. */
    number = ids_take_lowest(sets->numbers);
    if (number == 0)
        return false;
    set = xzalloc(sizeof *set);
    set->row = *row;
    set->number = number;
    set->n_rules = 1;
    set->home = home;
    hmapx_init(&set->policies);
    ovs_list_init(&set->unused);
    hmap_insert(&sets->by_row, &set->node, uuid_hash(row));
    occupy(sets, number, set);
    *home = set;
    return true;
}

void address_sets_leave(struct address_set *set, struct policy_work *work)
{
    if (--set->n_rules == 0)
        policy_work_add(&work->unused_sets, &set->unused);
}

bool address_set_replace(struct address_sets *sets, struct address_set *set, struct prefix_list *members)
{
    struct addr_set *made;

    prefix_list_normalise(members);
    if (prefix_list_equal(&set->members, members)) {
        prefix_list_clear(members);
        return false;
    }
    made = members->n > 0 ? addr_set_create(members->prefixes, members->n) : NULL;
    if (members->n > 0 && made == NULL) {
        /* Rules that allow and rules that deny may name it: only its former members open nothing that was closed. */
        VLOG_ERR_RL(&no_memory, "not enough memory for %" PRIuSIZE " addresses: their group stays as it was",
                    members->n);
        prefix_list_clear(members);
        return false;
    }
    prefix_list_clear(&set->members);
    set->members = *members;
    *members = PREFIX_LIST_EMPTY;
    addr_set_unref(set->set);
    set->set = made;
    mark_dirty(sets, set->number);
    return true;
}

void address_sets_sweep(struct address_sets *sets, struct policy_work *work)
{
    struct ovs_list *node;

    while ((node = policy_work_next(&work->unused_sets)) != NULL) {
        struct address_set *set = CONTAINER_OF(node, struct address_set, unused);

        if (set->n_rules > 0)
            continue;
        occupy(sets, set->number, NULL);
        ids_give(sets->numbers, set->number);
        *set->home = NULL;
        set_free(sets, set);
        work->changed = true;
    }
}

int address_sets_publish(struct address_sets *sets, struct snapshot *snapshot)
{
    while (sets->n_dirty > 0) {
        uint32_t number = sets->dirty[sets->n_dirty - 1];
        struct slot *slot = &sets->slots[number];
        struct addr_set *set = slot->set != NULL ? slot->set->set : NULL;
        int error = snapshot_set_address_set(snapshot, number, set != NULL ? addr_set_ref(set) : NULL);

        if (error != 0)
            return error;
        slot->dirty = false;
        sets->n_dirty--;
    }
    return 0;
}
