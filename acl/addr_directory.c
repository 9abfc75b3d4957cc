// SPDX-License-Identifier: Apache-2.0
#include "acl/addr_directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/prefix_table.h"
#include "dataplane/core/hash.h"

#define SHARDS_FIRST   16
#define SHARD_SIZE     32 /* prefixes in a shard on average before there are more shards */
#define SLOTS_FIRST    8
#define N_LENGTHS      129
#define N_FEW          2
#define SHARD_HASH_LOW 40 /* bits of the hash below that shards are not chosen by: slots are */

/* A prefix and the sets that have it. */
struct listing {
    struct inet_addr addr;
    uint32_t len;
    uint32_t n; /* 0: free slot */
    union {
        uint32_t few[N_FEW]; /* n <= N_FEW */
        uint32_t *many;      /* rising, space for the power of two above n */
    };
};
_Static_assert(sizeof(struct listing) == 32, "two to a line");

struct shard {
    uint32_t refs; /* directories that name it; control thread */
    uint32_t mask; /* slots (a power of two) less one */
    uint32_t count;
    struct listing slots[];
};

struct addr_directory {
    struct hash_seed seed;
    size_t count; /* prefixes */
    uint32_t per_length[N_LENGTHS];
    struct prefix_lengths lengths;
    uint32_t mask; /* shards (a power of two) less one */
    struct shard **shards;
};

static void shard_unref(struct shard *shard)
{
    if (shard == NULL || --shard->refs != 0)
        return;
    for (uint32_t i = 0; i <= shard->mask; i++) {
        if (shard->slots[i].n > N_FEW)
            free(shard->slots[i].many);
    }
    free(shard);
}

static struct shard *shard_create(uint32_t n_slots)
{
    struct shard *shard = calloc(1, sizeof *shard + n_slots * sizeof shard->slots[0]);

    if (shard != NULL) {
        shard->refs = 1;
        shard->mask = n_slots - 1;
    }
    return shard;
}

struct addr_directory *addr_directory_copy(const struct addr_directory *from)
{
    struct addr_directory *copy = calloc(1, sizeof *copy);

    if (copy == NULL)
        return NULL;
    if (from != NULL) {
        *copy = *from;
    } else {
        hash_seed_init(&copy->seed);
        copy->mask = SHARDS_FIRST - 1;
    }
    copy->shards = calloc((size_t)copy->mask + 1, sizeof(struct shard *));
    if (copy->shards == NULL) {
        free(copy);
        return NULL;
    }
    for (uint32_t i = 0; from != NULL && i <= from->mask; i++) {
        copy->shards[i] = from->shards[i];
        if (copy->shards[i] != NULL)
            copy->shards[i]->refs++;
    }
    return copy;
}

void addr_directory_destroy(struct addr_directory *directory)
{
    if (directory == NULL)
        return;
    for (uint32_t i = 0; i <= directory->mask; i++)
        shard_unref(directory->shards[i]);
    free(directory->shards);
    free(directory);
}

static uint64_t prefix_hash(const struct addr_directory *directory, const struct inet_addr *addr, uint32_t len)
{
    const struct hash_seed *seed = &directory->seed;

    return hash_16(addr, seed, hash_fold(len ^ seed->words[2], seed->words[3]));
}

static uint32_t shard_of(const struct addr_directory *directory, uint64_t hash)
{
    return (uint32_t)(hash >> SHARD_HASH_LOW) & directory->mask;
}

/* The slot of a prefix (its address masked), or the free one where it belongs. */
static uint32_t slot_find(const struct shard *shard, const struct inet_addr *addr, uint32_t len, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & shard->mask;

    for (; shard->slots[i].n != 0; i = (i + 1) & shard->mask) {
        if (shard->slots[i].len == len && inet_addr_equal(&shard->slots[i].addr, addr))
            break;
    }
    return i;
}

static const uint32_t *listing_sets(const struct listing *listing)
{
    return listing->n > N_FEW ? listing->many : listing->few;
}

static uint32_t space_for(uint32_t n)
{
    return n < 4 ? 4 : UINT32_C(1) << (32 - __builtin_clz(n));
}

static int listing_copy(struct listing *to, const struct listing *from)
{
    *to = *from;
    if (from->n <= N_FEW)
        return 0;
    to->many = malloc(space_for(from->n) * sizeof(uint32_t));
    if (to->many == NULL) {
        to->n = 0;
        return -ENOMEM;
    }
    memcpy(to->many, from->many, from->n * sizeof(uint32_t));
    return 0;
}

/* Where 'set' is in the list, or would be. */
static uint32_t list_position(const uint32_t *sets, uint32_t n, uint32_t set)
{
    uint32_t low = 0;

    while (low < n) {
        uint32_t middle = low + (n - low) / 2;

        if (sets[middle] < set)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static int listing_add(struct listing *listing, uint32_t set)
{
    uint32_t n = listing->n, at = list_position(listing_sets(listing), n, set);
    uint32_t *sets = n > N_FEW ? listing->many : listing->few;

    if (n == N_FEW || (n > N_FEW && space_for(n + 1) != space_for(n))) {
        uint32_t *bigger = malloc(space_for(n + 1) * sizeof *bigger);

        if (bigger == NULL)
            return -ENOMEM;
        memcpy(bigger, sets, n * sizeof *bigger);
        if (n > N_FEW)
            free(listing->many);
        listing->many = sets = bigger;
    }
    memmove(&sets[at + 1], &sets[at], (n - at) * sizeof *sets);
    sets[at] = set;
    listing->n++;
    return 0;
}

/* Space is kept: 'n' says how much there is at least. */
static void listing_remove(struct listing *listing, uint32_t set)
{
    uint32_t n = listing->n, at = list_position(listing_sets(listing), n, set);
    uint32_t *sets = n > N_FEW ? listing->many : listing->few;

    memmove(&sets[at], &sets[at + 1], (n - at - 1) * sizeof *sets);
    listing->n--;
    if (n == N_FEW + 1) {
        memcpy(listing->few, sets, sizeof listing->few);
        free(sets);
    }
}

/* A copy of 'shard' (NULL: empty) with 'n_slots' slots, of those prefixes whose shard is 'index'. */
static struct shard *shard_copy(const struct addr_directory *directory, const struct shard *shard, uint32_t n_slots,
                                uint32_t index)
{
    struct shard *copy = shard_create(n_slots);

    for (uint32_t i = 0; copy != NULL && shard != NULL && i <= shard->mask; i++) {
        const struct listing *listing = &shard->slots[i];
        uint64_t hash = prefix_hash(directory, &listing->addr, listing->len);

        if (listing->n == 0 || shard_of(directory, hash) != index)
            continue;
        if (listing_copy(&copy->slots[slot_find(copy, &listing->addr, listing->len, hash)], listing) != 0) {
            shard_unref(copy);
            return NULL;
        }
        copy->count++;
    }
    return copy;
}

/* The shard 'index' as this directory's own, with room for one more. NULL when out of memory. */
static struct shard *shard_own(struct addr_directory *directory, uint32_t index)
{
    struct shard *shard = directory->shards[index];
    uint32_t n_slots = shard != NULL ? shard->mask + 1 : SLOTS_FIRST;

    if (shard != NULL && 4 * (shard->count + 1) > 3 * n_slots)
        n_slots *= 2;
    if (shard != NULL && shard->refs == 1 && n_slots == shard->mask + 1)
        return shard;

    struct shard *own = shard_copy(directory, shard, n_slots, index);

    if (own != NULL) {
        shard_unref(shard);
        directory->shards[index] = own;
    }
    return own;
}

/* Twice the shards, when they are full on average. */
static int directory_grow(struct addr_directory *directory)
{
    uint32_t n = directory->mask + 1;
    struct shard **former = directory->shards;
    int error = 0;

    if (directory->count < (size_t)n * SHARD_SIZE)
        return 0;
    directory->shards = calloc(2 * (size_t)n, sizeof(struct shard *));
    if (directory->shards == NULL) {
        directory->shards = former;
        return -ENOMEM;
    }
    directory->mask = 2 * n - 1;
    for (uint32_t i = 0; i < 2 * n && error == 0; i++) {
        const struct shard *shard = former[i & (n - 1)];

        if (shard == NULL)
            continue;
        directory->shards[i] = shard_copy(directory, shard, shard->mask + 1, i);
        error = directory->shards[i] == NULL ? -ENOMEM : 0;
    }
    for (uint32_t i = 0; i < n; i++)
        shard_unref(former[i]);
    free(former);
    return error;
}

static int directory_add(struct addr_directory *directory, const struct inet_prefix *prefix, uint32_t set)
{
    struct inet_addr addr = inet_addr_masked(&prefix->addr, prefix->len);
    uint64_t hash = prefix_hash(directory, &addr, prefix->len);
    struct shard *shard;
    struct listing *listing;

    if (directory_grow(directory) != 0)
        return -ENOMEM;
    shard = shard_own(directory, shard_of(directory, hash));
    if (shard == NULL)
        return -ENOMEM;
    listing = &shard->slots[slot_find(shard, &addr, prefix->len, hash)];
    if (listing->n == 0) {
        *listing = (struct listing){.addr = addr, .len = prefix->len};
        shard->count++;
        directory->count++;
        if (directory->per_length[prefix->len]++ == 0)
            prefix_lengths_add(&directory->lengths, prefix->len);
    }
    return listing_add(listing, set);
}

/* Frees slot 'hole': those behind it move up, so that none is cut off from where its search begins. */
static void slot_free(const struct addr_directory *directory, struct shard *shard, uint32_t hole)
{
    for (uint32_t i = (hole + 1) & shard->mask; shard->slots[i].n != 0; i = (i + 1) & shard->mask) {
        const struct listing *listing = &shard->slots[i];
        uint32_t home = (uint32_t)prefix_hash(directory, &listing->addr, listing->len) & shard->mask;

        if (((i - home) & shard->mask) < ((i - hole) & shard->mask))
            continue;
        shard->slots[hole] = *listing;
        hole = i;
    }
    shard->slots[hole] = (struct listing){.n = 0};
    shard->count--;
}

static int directory_remove(struct addr_directory *directory, const struct inet_prefix *prefix, uint32_t set)
{
    uint64_t hash = prefix_hash(directory, &prefix->addr, prefix->len);
    struct shard *shard = shard_own(directory, shard_of(directory, hash));
    uint32_t slot;

    if (shard == NULL)
        return -ENOMEM;
    slot = slot_find(shard, &prefix->addr, prefix->len, hash);
    if (shard->slots[slot].n > 1) {
        listing_remove(&shard->slots[slot], set);
        return 0;
    }
    slot_free(directory, shard, slot);
    directory->count--;
    if (--directory->per_length[prefix->len] == 0)
        directory->lengths.words[prefix->len / 64] &= ~(UINT64_C(1) << (prefix->len % 64));
    return 0;
}

int addr_directory_replace(struct addr_directory *directory, uint32_t set, const struct addr_set *from,
                           const struct addr_set *to)
{
    struct inet_prefix prefix;

    for (size_t i = 0; from != NULL && addr_set_next(from, &i, &prefix);) {
        if ((to == NULL || !addr_set_has(to, &prefix)) && directory_remove(directory, &prefix, set) != 0)
            return -ENOMEM;
    }
    for (size_t i = 0; to != NULL && addr_set_next(to, &i, &prefix);) {
        if ((from == NULL || !addr_set_has(from, &prefix)) && directory_add(directory, &prefix, set) != 0)
            return -ENOMEM;
    }
    return 0;
}

bool addr_directory_next(const struct addr_directory *directory, const struct inet_addr *addr, int *len,
                         struct addr_directory_list *list)
{
    int floor = prefix_lengths_floor(addr);

    while ((*len = prefix_lengths_next(&directory->lengths, *len)) >= floor) {
        struct inet_addr masked = inet_addr_masked(addr, *len);
        uint64_t hash = prefix_hash(directory, &masked, (uint32_t)*len);
        const struct shard *shard = directory->shards[shard_of(directory, hash)];
        const struct listing *listing;

        if (shard == NULL)
            continue;
        listing = &shard->slots[slot_find(shard, &masked, (uint32_t)*len, hash)];
        if (listing->n != 0) {
            *list = (struct addr_directory_list){.sets = listing_sets(listing), .n = listing->n};
            return true;
        }
    }
    return false;
}
