// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack_private.h"

#include <string.h>

#include <rte_atomic.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

void ct_lock_take(struct ct_lock *lock)
{
    while (atomic_flag_test_and_set_explicit(&lock->taken, memory_order_acquire))
        rte_pause();
}

void ct_lock_release(struct ct_lock *lock)
{
    atomic_flag_clear_explicit(&lock->taken, memory_order_release);
}

uint64_t ct_index_hash(const struct conntrack *ct, const struct ct_tuple *tuple)
{
    const uint8_t *bytes = (const uint8_t *)tuple;

    /* The ports first: their bits go through more rounds than those of the addresses. As the last factor they would
     * leave the low bits of the hash poor with one seed in a hundred. */
    return hash_32(bytes, &ct->seed, hash_16(bytes + 32, &ct->seed, 0));
}

static uint64_t entry_make(uint64_t hash, uint32_t session, enum ct_direction direction)
{
    return (hash & 0xffffffff00000000) | session << 1 | direction;
}

/* The line of the 'probe'-th look: overflow goes round within the group. */
static struct ct_bucket *bucket_at(const struct conntrack *ct, uint64_t hash, uint32_t probe)
{
    uint32_t home = (uint32_t)hash & ct->bucket_mask;

    return &ct->buckets[(home & ~ct->group_mask) | ((home + probe) & ct->group_mask)];
}

void ct_index_prefetch(const struct conntrack *ct, uint64_t hash)
{
    rte_prefetch0(bucket_at(ct, hash, 0));
}

static bool entry_matches(const struct conntrack *ct, uint64_t entry, const struct ct_tuple *tuple)
{
    const struct session *s = ct_session(ct, (uint32_t)entry >> 1);
    uint32_t word = atomic_load_explicit(&s->state, memory_order_acquire);

    if (session_word_life(word) != LIFE_LIVE)
        return false;
    return memcmp((uint32_t)entry & 1 ? &s->reply : &s->original, tuple, sizeof *tuple) == 0;
}

bool ct_index_find(const struct conntrack *ct, uint64_t hash, const struct ct_tuple *tuple, struct ct_match *match)
{
    for (uint32_t probe = 0; probe < CT_PROBES_MAX; probe++) {
        struct ct_bucket *bucket = bucket_at(ct, hash, probe);

        for (unsigned int i = 0; i < CT_BUCKET_ENTRIES; i++) {
            uint64_t entry = atomic_load_explicit(&bucket->entries[i], memory_order_acquire);

            if (entry == 0 || entry >> 32 != hash >> 32 || !entry_matches(ct, entry, tuple))
                continue;
            /* The grace period keeps a session from reuse under a worker's eyes. A thread that is no reader can only
             * have compared this tuple when the entry is still there. */
            rte_smp_rmb();
            if (atomic_load_explicit(&bucket->entries[i], memory_order_relaxed) != entry)
                continue;
            *match = (struct ct_match){.session = (uint32_t)entry >> 1, .direction = (uint32_t)entry & 1};
            return true;
        }
        if (atomic_load_explicit(&bucket->passed, memory_order_acquire) == 0)
            break;
    }
    *match = (struct ct_match){0};
    return false;
}

static uint32_t group_of(const struct conntrack *ct, uint64_t hash)
{
    return ((uint32_t)hash & ct->bucket_mask) >> CT_GROUP_BITS;
}

void ct_index_lock(struct conntrack *ct, uint64_t hash_a, uint64_t hash_b)
{
    uint32_t a = group_of(ct, hash_a);
    uint32_t b = group_of(ct, hash_b);

    /* Always the lower one first, so that two directions at once cannot deadlock. */
    ct_lock_take(&ct->locks[a < b ? a : b]);
    if (a != b)
        ct_lock_take(&ct->locks[a < b ? b : a]);
}

void ct_index_unlock(struct conntrack *ct, uint64_t hash_a, uint64_t hash_b)
{
    uint32_t a = group_of(ct, hash_a);
    uint32_t b = group_of(ct, hash_b);

    ct_lock_release(&ct->locks[a]);
    if (a != b)
        ct_lock_release(&ct->locks[b]);
}

/* Tells look-ups of the lines before 'probe' that there is more, or no more. */
static void add_passed(struct conntrack *ct, uint64_t hash, uint32_t probe, uint32_t delta)
{
    while (probe-- > 0) {
        struct ct_bucket *bucket = bucket_at(ct, hash, probe);
        uint32_t passed = atomic_load_explicit(&bucket->passed, memory_order_relaxed);

        atomic_store_explicit(&bucket->passed, passed + delta, memory_order_release);
    }
}

bool ct_index_add(struct conntrack *ct, uint64_t hash, uint32_t session, enum ct_direction direction)
{
    for (uint32_t probe = 0; probe < CT_PROBES_MAX; probe++) {
        struct ct_bucket *bucket = bucket_at(ct, hash, probe);

        for (unsigned int i = 0; i < CT_BUCKET_ENTRIES; i++) {
            if (atomic_load_explicit(&bucket->entries[i], memory_order_relaxed) != 0)
                continue;
            add_passed(ct, hash, probe, 1);
            atomic_store_explicit(&bucket->entries[i], entry_make(hash, session, direction), memory_order_release);
            return true;
        }
    }
    return false;
}

void ct_index_remove(struct conntrack *ct, uint64_t hash, uint32_t session, enum ct_direction direction)
{
    uint64_t entry = entry_make(hash, session, direction);

    for (uint32_t probe = 0; probe < CT_PROBES_MAX; probe++) {
        struct ct_bucket *bucket = bucket_at(ct, hash, probe);

        for (unsigned int i = 0; i < CT_BUCKET_ENTRIES; i++) {
            if (atomic_load_explicit(&bucket->entries[i], memory_order_relaxed) != entry)
                continue;
            atomic_store_explicit(&bucket->entries[i], 0, memory_order_release);
            add_passed(ct, hash, probe, UINT32_MAX);
            return;
        }
    }
}
