// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fdb.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"

/* A chained hash over an array of entries that grows by chunks, which only the control thread allocates:
 *
 *   heads[FDB_BUCKETS] -> entry -> entry -> 0        entries are named by index, 1.., and never move
 *
 * Writers hold 'lock'. Readers walk without it: an entry may be taken out and used again for another MAC while a reader
 * stands on it, so each entry has a version that is odd while it changes, and a walk is bounded. The worst a reader can
 * see is "unknown", which floods. */
#define FDB_BUCKETS    16384u
#define FDB_CHUNK      8192u
#define FDB_CHUNKS_MAX 128u /* a million entries */
#define FDB_WALK_MAX   256u
/* A MAC moves at most this often, so that a loop or a guest that plays ping-pong does not make every worker look at
 * every flow again all the time. */
#define FDB_MOVE_INTERVAL 1u
/* The control thread lets go of the lock after this many entries, so that no worker waits for a whole table. */
#define FDB_SLICE 128u
/* Entries looked at to find one that gives way: each new MAC in a full table costs at most this much. */
#define FDB_EVICT_WINDOW 256u

struct fdb_entry {
    _Atomic uint32_t version;
    _Atomic uint32_t next;
    _Atomic uint64_t key; /* vlan << 48 | mac; 0: not in use */
    _Atomic uint32_t attachment;
    _Atomic uint32_t seen; /* tick it was last heard */
    uint32_t moved;        /* tick of the last move; under lock */
};

struct fdb {
    _Atomic uint32_t heads[FDB_BUCKETS];
    _Atomic(struct fdb_entry *) chunks[FDB_CHUNKS_MAX];
    struct hash_seed seed;
    _Atomic uint32_t additions;

    /* Under lock. */
    atomic_flag lock;
    uint32_t n_chunks;
    uint32_t n_entries;
    uint32_t max_entries;
    uint32_t aging;
    uint32_t free_list; /* chained by 'next' */
    uint32_t next_unused;
    uint32_t evict_cursor;
};

static void fdb_acquire(struct fdb *fdb)
{
    while (atomic_flag_test_and_set_explicit(&fdb->lock, memory_order_acquire))
        __builtin_ia32_pause();
}

static void fdb_release(struct fdb *fdb)
{
    atomic_flag_clear_explicit(&fdb->lock, memory_order_release);
}

static uint64_t entry_key(uint16_t vlan, const struct mac_addr *mac)
{
    uint64_t key = 0;

    memcpy(&key, mac->bytes, sizeof mac->bytes);
    return key | (uint64_t)vlan << 48;
}

static uint32_t bucket_of(const struct fdb *fdb, uint64_t key)
{
    return (uint32_t)hash_fold(key ^ fdb->seed.words[0], fdb->seed.words[1]) & (FDB_BUCKETS - 1);
}

static struct fdb_entry *entry_at(const struct fdb *fdb, uint32_t index)
{
    struct fdb_entry *chunk =
        atomic_load_explicit((_Atomic(struct fdb_entry *) *)&fdb->chunks[index / FDB_CHUNK], memory_order_acquire);

    return &chunk[index % FDB_CHUNK];
}

struct fdb *fdb_create(void)
{
    struct fdb *fdb = calloc(1, sizeof *fdb);

    if (fdb == NULL)
        return NULL;
    hash_seed_init(&fdb->seed);
    atomic_flag_clear(&fdb->lock);
    fdb->next_unused = 1;
    fdb_set_limits(fdb, FDB_SIZE_DEFAULT, FDB_AGING_DEFAULT);
    if (fdb->n_chunks == 0) {
        free(fdb);
        return NULL;
    }
    return fdb;
}

void fdb_destroy(struct fdb *fdb)
{
    if (fdb == NULL)
        return;
    for (uint32_t i = 0; i < fdb->n_chunks; i++)
        free(fdb->chunks[i]);
    free(fdb);
}

uint64_t fdb_bytes(uint32_t max_entries)
{
    uint64_t n_chunks = (uint64_t)max_entries / FDB_CHUNK + 1;

    if (n_chunks > FDB_CHUNKS_MAX)
        n_chunks = FDB_CHUNKS_MAX;
    return sizeof(struct fdb) + n_chunks * FDB_CHUNK * sizeof(struct fdb_entry);
}

void fdb_set_limits(struct fdb *fdb, uint32_t max_entries, uint32_t aging_s)
{
    /* Index 0 is "none", hence one more. */
    uint32_t most = FDB_CHUNK * FDB_CHUNKS_MAX - 1;
    uint32_t wanted = max_entries > most ? most : max_entries < 1 ? 1 : max_entries;

    while (fdb->n_chunks * FDB_CHUNK < wanted + 1) {
        struct fdb_entry *chunk = calloc(FDB_CHUNK, sizeof *chunk);

        if (chunk == NULL) {
            wanted = fdb->n_chunks > 0 ? fdb->n_chunks * FDB_CHUNK - 1 : 0;
            break;
        }
        fdb_acquire(fdb);
        atomic_store_explicit(&fdb->chunks[fdb->n_chunks], chunk, memory_order_release);
        fdb->n_chunks++;
        fdb_release(fdb);
    }
    fdb_acquire(fdb);
    fdb->max_entries = wanted;
    fdb->aging = aging_s;
    fdb_release(fdb);
}

/* Finds the entry of 'key' without the lock; 0 when there is none. */
static uint32_t find(const struct fdb *fdb, uint64_t key)
{
    uint32_t index = atomic_load_explicit((_Atomic uint32_t *)&fdb->heads[bucket_of(fdb, key)], memory_order_acquire);

    for (uint32_t steps = 0; index != 0 && steps < FDB_WALK_MAX; steps++) {
        struct fdb_entry *entry = entry_at(fdb, index);

        if (atomic_load_explicit(&entry->key, memory_order_acquire) == key)
            return index;
        index = atomic_load_explicit(&entry->next, memory_order_acquire);
    }
    return 0;
}

uint32_t fdb_lookup(const struct fdb *fdb, uint16_t vlan, const struct mac_addr *mac)
{
    uint64_t key = entry_key(vlan, mac);
    uint32_t index = find(fdb, key);
    struct fdb_entry *entry;
    uint32_t version, attachment;

    if (index == 0)
        return 0;
    entry = entry_at(fdb, index);
    version = atomic_load_explicit(&entry->version, memory_order_acquire);
    attachment = atomic_load_explicit(&entry->attachment, memory_order_acquire);
    if (atomic_load_explicit(&entry->key, memory_order_acquire) != key ||
        atomic_load_explicit(&entry->version, memory_order_acquire) != version || (version & 1) != 0)
        return 0;
    return attachment;
}

/* The rest changes entries and holds the lock. */

static void entry_write(struct fdb_entry *entry, uint64_t key, uint32_t attachment, uint32_t now)
{
    atomic_fetch_add_explicit(&entry->version, 1, memory_order_acq_rel);
    atomic_store_explicit(&entry->key, key, memory_order_release);
    atomic_store_explicit(&entry->attachment, attachment, memory_order_release);
    atomic_store_explicit(&entry->seen, now, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->version, 1, memory_order_release);
}

static void entry_remove(struct fdb *fdb, uint32_t index)
{
    struct fdb_entry *entry = entry_at(fdb, index);
    _Atomic uint32_t *link = &fdb->heads[bucket_of(fdb, atomic_load(&entry->key))];

    while (*link != index)
        link = &entry_at(fdb, *link)->next;
    atomic_store_explicit(link, atomic_load(&entry->next), memory_order_release);
    entry_write(entry, 0, 0, 0);
    atomic_store_explicit(&entry->next, fdb->free_list, memory_order_release);
    fdb->free_list = index;
    fdb->n_entries--;
}

/* The oldest entry of 'attachment' (0: of any) in a window of the table that moves on with each call. */
static uint32_t oldest_of(struct fdb *fdb, uint32_t attachment, uint32_t now)
{
    uint32_t oldest = 0, oldest_age = 0;

    for (uint32_t i = 0; i < FDB_EVICT_WINDOW; i++) {
        struct fdb_entry *entry;
        uint32_t age;

        if (++fdb->evict_cursor >= fdb->next_unused)
            fdb->evict_cursor = 1;
        entry = entry_at(fdb, fdb->evict_cursor);
        if (atomic_load(&entry->key) == 0 || (attachment != 0 && atomic_load(&entry->attachment) != attachment))
            continue;
        age = now - atomic_load(&entry->seen);
        if (oldest == 0 || age > oldest_age) {
            oldest = fdb->evict_cursor;
            oldest_age = age;
        }
    }
    return oldest;
}

static uint32_t entry_take(struct fdb *fdb, uint32_t attachment, uint32_t now)
{
    uint32_t index;

    if (fdb->n_entries >= fdb->max_entries) {
        /* A full table is nearly always one port making addresses up: its own entries give way first. */
        uint32_t victim = oldest_of(fdb, attachment, now);

        if (victim == 0)
            victim = oldest_of(fdb, 0, now);
        if (victim == 0)
            return 0;
        entry_remove(fdb, victim);
    }
    index = fdb->free_list;
    if (index != 0) {
        fdb->free_list = atomic_load(&entry_at(fdb, index)->next);
    } else if (fdb->next_unused < fdb->n_chunks * FDB_CHUNK) {
        index = fdb->next_unused++;
    }
    return index;
}

enum fdb_learned fdb_learn(struct fdb *fdb, uint16_t vlan, const struct mac_addr *mac, uint32_t attachment,
                           uint32_t now)
{
    uint64_t key = entry_key(vlan, mac);
    enum fdb_learned learned = FDB_KNOWN;
    uint32_t index = find(fdb, key);
    struct fdb_entry *entry;

    if (index != 0) {
        entry = entry_at(fdb, index);
        if (atomic_load_explicit(&entry->attachment, memory_order_acquire) == attachment &&
            atomic_load_explicit(&entry->key, memory_order_acquire) == key) {
            if (atomic_load_explicit(&entry->seen, memory_order_relaxed) != now)
                atomic_store_explicit(&entry->seen, now, memory_order_relaxed);
            return FDB_KNOWN;
        }
    }

    fdb_acquire(fdb);
    index = find(fdb, key);
    if (index != 0) {
        entry = entry_at(fdb, index);
        if (atomic_load(&entry->attachment) != attachment)
            learned = now - entry->moved >= FDB_MOVE_INTERVAL ? FDB_MOVED : FDB_HELD;
        if (learned == FDB_MOVED) {
            entry_write(entry, key, attachment, now);
            entry->moved = now;
        }
    } else {
        index = entry_take(fdb, attachment, now);
        if (index == 0) {
            learned = FDB_FULL;
        } else {
            _Atomic uint32_t *head = &fdb->heads[bucket_of(fdb, key)];

            entry = entry_at(fdb, index);
            entry_write(entry, key, attachment, now);
            entry->moved = now - FDB_MOVE_INTERVAL;
            atomic_store_explicit(&entry->next, atomic_load(head), memory_order_release);
            atomic_store_explicit(head, index, memory_order_release);
            fdb->n_entries++;
            atomic_fetch_add_explicit(&fdb->additions, 1, memory_order_release);
            learned = FDB_NEW;
        }
    }
    fdb_release(fdb);
    return learned;
}

void fdb_refresh(struct fdb *fdb, uint16_t vlan, const struct mac_addr *mac, uint32_t attachment, uint32_t seen)
{
    uint64_t key = entry_key(vlan, mac);
    uint32_t index = find(fdb, key);
    struct fdb_entry *entry;

    if (index == 0)
        return;
    entry = entry_at(fdb, index);
    if (atomic_load_explicit(&entry->key, memory_order_acquire) == key &&
        atomic_load_explicit(&entry->attachment, memory_order_acquire) == attachment &&
        (int32_t)(seen - atomic_load_explicit(&entry->seen, memory_order_relaxed)) > 0)
        atomic_store_explicit(&entry->seen, seen, memory_order_relaxed);
}

/* Removes entries that 'is_victim' chooses. */
static uint32_t remove_if(struct fdb *fdb, bool (*is_victim)(const struct fdb *, struct fdb_entry *, uint32_t),
                          uint32_t argument)
{
    uint32_t removed = 0;

    fdb_acquire(fdb);
    for (uint32_t index = 1; index < fdb->next_unused; index++) {
        struct fdb_entry *entry = entry_at(fdb, index);

        if (atomic_load(&entry->key) != 0 && is_victim(fdb, entry, argument)) {
            entry_remove(fdb, index);
            removed++;
        }
        if (index % FDB_SLICE == 0) {
            fdb_release(fdb);
            fdb_acquire(fdb);
        }
    }
    fdb_release(fdb);
    return removed;
}

static bool is_aged(const struct fdb *fdb, struct fdb_entry *entry, uint32_t now)
{
    return (int32_t)(now - atomic_load(&entry->seen)) > (int32_t)fdb->aging || fdb->n_entries > fdb->max_entries;
}

static bool is_of_attachment(const struct fdb *fdb, struct fdb_entry *entry, uint32_t attachment)
{
    return attachment == 0 || atomic_load(&entry->attachment) == attachment;
}

uint32_t fdb_age(struct fdb *fdb, uint32_t now)
{
    return remove_if(fdb, is_aged, now);
}

uint32_t fdb_flush(struct fdb *fdb, uint32_t attachment)
{
    return remove_if(fdb, is_of_attachment, attachment);
}

size_t fdb_dump(struct fdb *fdb, uint32_t now, struct fdb_copy **copies)
{
    uint32_t last = fdb->next_unused; /* entries added from here on are for the next dump */
    size_t n = 0;

    *copies = malloc((last + 1) * sizeof **copies);
    for (uint32_t index = 1; *copies != NULL && index < last; index++) {
        struct fdb_entry *entry = entry_at(fdb, index);
        uint32_t version = atomic_load(&entry->version);
        uint64_t key = atomic_load(&entry->key);
        struct fdb_copy *copy = &(*copies)[n];

        memcpy(copy->mac.bytes, &key, sizeof copy->mac.bytes);
        copy->vlan = (uint16_t)(key >> 48);
        copy->attachment = atomic_load(&entry->attachment);
        copy->age = now - atomic_load(&entry->seen);
        if (key != 0 && (version & 1) == 0 && atomic_load(&entry->version) == version)
            n++;
    }
    return n;
}

uint32_t fdb_additions(const struct fdb *fdb)
{
    return atomic_load_explicit((_Atomic uint32_t *)&fdb->additions, memory_order_acquire);
}
