// SPDX-License-Identifier: Apache-2.0
#include "acl/ct_fragments.h"

#include <string.h>

#include "acl/conntrack_private.h"

static struct ct_fragment_key key_of(const struct packet *packet, const struct ct_fragment_way *way)
{
    return (struct ct_fragment_key){
        .src = packet->src,
        .dst = packet->dst,
        .id = packet->fragment_id,
        .zone = way->zone,
        .source = way->source,
        .destination = way->destination,
        .protocol = packet->kind == PACKET_IPV4 ? packet->protocol : 0,
    };
}

static struct ct_fragment_bucket *bucket_of(struct conntrack *ct, const struct ct_fragment_key *key)
{
    uint64_t hash = hash_16(&key->id, &ct->seed, hash_32(key, &ct->seed, 0));
    uint32_t share = key->source * 2654435761u >> 16; /* Knuth's multiplier spreads ids that follow each other */

    return &ct->fragments[(share * CT_FRAGMENT_SHARE + hash % CT_FRAGMENT_SHARE) % CT_FRAGMENT_BUCKETS];
}

static bool is_over(const struct ct_fragment *entry, uint32_t now)
{
    return !entry->used || (int32_t)(now - entry->expires) >= 0;
}

/* The entry of the key, or NULL. The bucket is locked. */
static struct ct_fragment *find(struct ct_fragment_bucket *bucket, const struct ct_fragment_key *key, uint32_t now)
{
    for (unsigned int i = 0; i < CT_FRAGMENT_ENTRIES; i++) {
        struct ct_fragment *entry = &bucket->entries[i];

        if (!is_over(entry, now) && memcmp(&entry->key, key, sizeof *key) == 0)
            return entry;
    }
    return NULL;
}

/* One that is over, else the oldest. */
static struct ct_fragment *victim(struct ct_fragment_bucket *bucket, uint32_t now)
{
    struct ct_fragment *oldest = &bucket->entries[0];

    for (unsigned int i = 0; i < CT_FRAGMENT_ENTRIES; i++) {
        struct ct_fragment *entry = &bucket->entries[i];

        if (is_over(entry, now))
            return entry;
        if ((int32_t)(entry->expires - oldest->expires) < 0)
            oldest = entry;
    }
    return oldest;
}

void conntrack_note_fragment(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *way,
                             const struct ct_fragment_note *note, uint32_t now)
{
    struct ct_fragment_key key = key_of(packet, way);
    struct ct_fragment_bucket *bucket = bucket_of(ct, &key);
    struct ct_fragment *entry;

    ct_lock_take(&bucket->lock);
    entry = find(bucket, &key, now);
    if (entry == NULL)
        entry = victim(bucket, now);
    *entry = (struct ct_fragment){.key = key, .note = *note, .expires = now + CT_FRAGMENT_TIMEOUT, .used = true};
    ct_lock_release(&bucket->lock);
}

bool conntrack_find_fragment(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *way,
                             uint32_t now, struct ct_fragment_note *note)
{
    struct ct_fragment_key key = key_of(packet, way);
    struct ct_fragment_bucket *bucket = bucket_of(ct, &key);
    const struct ct_fragment *entry;

    ct_lock_take(&bucket->lock);
    entry = find(bucket, &key, now);
    if (entry != NULL)
        *note = entry->note;
    ct_lock_release(&bucket->lock);
    return entry != NULL;
}
