// SPDX-License-Identifier: Apache-2.0
#include "acl/shadow.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "acl/shadow_private.h"
#include "dataplane/core/hash.h"

/* Rules are sorted into buckets by what has to be equal: family, protocol, remote, and all conditions but ranges of
 * source ports and TCP flags. Which columns a bucket looks at is its shape; a rule asks, for every shape that occurs in
 * the list and could cover its own, the one bucket that it would be in if it had that shape. Within a bucket there is
 * one number left (destination port, or ICMP type and code), of which each rule has an interval:
 *
 *      earlier rules by first number, each prefix with its furthest last number (a Fenwick tree)
 *         └► rule i is covered when, of those that begin no later, one ends no earlier
 *
 * Shapes with source ports or TCP flags keep a list instead, which is looked through. */

#define CONDITIONS_LISTED (RULE_IF_SRC_PORT | RULE_IF_TCP_FLAGS)
#define SHAPES_MAX        256u /* rules of yet other ones are not looked at */
#define NO_ENTRY          UINT32_MAX

struct bucket {
    struct bucket_key key;
    uint32_t first; /* members are numbers[first ...] */
    uint32_t n;
    uint32_t used; /* listed: so many are in */
    uint32_t next; /* of the same hash */
};

/* A rule as it takes part. */
struct member {
    uint32_t bucket;
    uint32_t shape;
    uint16_t low;
    uint16_t high;
};

/* One place of a Fenwick tree, or of a list: the rule that ends last among those it stands for. */
struct place {
    uint32_t rule; /* NO_ENTRY: none yet */
    uint16_t high;
};

struct search {
    const struct rule *rules;
    size_t n;
    struct hash_seed seed;
    struct member *members;
    struct shape *shapes;
    uint32_t n_shapes;
    struct bucket *buckets;
    uint32_t n_buckets;
    uint32_t *heads; /* by hash: bucket, or NO_ENTRY */
    uint32_t mask;
    uint16_t *numbers;    /* first numbers of members, rising within a bucket */
    struct place *places; /* one for each of 'numbers' */
    uint32_t steps;       /* left */
};

static uint32_t *head_of(const struct search *search, const struct bucket_key *key)
{
    const uint8_t *bytes = (const uint8_t *)key;
    uint64_t hash = hash_32(bytes, &search->seed, 0);

    hash = hash_32(bytes + 32, &search->seed, hash);
    hash = hash_fold(hash_word_at(bytes + 64) ^ search->seed.words[2], hash ^ search->seed.words[0]);
    return &search->heads[hash & search->mask];
}

static uint32_t find_bucket(const struct search *search, const struct bucket_key *key)
{
    uint32_t bucket = *head_of(search, key);

    while (bucket != NO_ENTRY && memcmp(&search->buckets[bucket].key, key, sizeof *key) != 0)
        bucket = search->buckets[bucket].next;
    return bucket;
}

static uint32_t use_bucket(struct search *search, const struct bucket_key *key)
{
    uint32_t bucket = find_bucket(search, key);
    uint32_t *head;

    if (bucket != NO_ENTRY)
        return bucket;
    head = head_of(search, key);
    search->buckets[search->n_buckets] = (struct bucket){.key = *key, .next = *head};
    *head = search->n_buckets;
    return search->n_buckets++;
}

/* Few in practice. NO_ENTRY: there are too many. */
static uint32_t use_shape(struct search *search, const struct shape *shape)
{
    for (uint32_t i = 0; i < search->n_shapes; i++) {
        if (shape_equal(&search->shapes[i], shape))
            return i;
    }
    if (search->n_shapes == SHAPES_MAX)
        return NO_ENTRY;
    search->shapes[search->n_shapes] = *shape;
    return search->n_shapes++;
}

/* The numbers that a rule looks at, as policy_private.h has them. */
static void interval_of(const struct rule *rule, struct member *member)
{
    member->low = rule->port_min;
    member->high = rule->port_max;
    if ((rule->protocol != IPPROTO_ICMP && rule->protocol != IPPROTO_ICMPV6) || rule->icmp_type == RULE_ICMP_ANY)
        return;
    member->low = (uint16_t)(rule->icmp_type << 8 | (rule->icmp_code == RULE_ICMP_ANY ? 0 : rule->icmp_code));
    member->high = (uint16_t)(rule->icmp_type << 8 | (rule->icmp_code == RULE_ICMP_ANY ? 0xff : rule->icmp_code));
}

static void sort_into_buckets(struct search *search)
{
    for (size_t i = 0; i < search->n; i++) {
        struct member *member = &search->members[i];
        struct shape own = shape_of(&search->rules[i]);
        struct bucket_key key;

        member->shape = use_shape(search, &own);
        if (member->shape == NO_ENTRY)
            continue;
        key = shape_key(&own, member->shape, &search->rules[i]);
        member->bucket = use_bucket(search, &key);
        interval_of(&search->rules[i], member);
        search->buckets[member->bucket].n++;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void lay_out(struct search *search)
{
    uint32_t first = 0;

    for (uint32_t b = 0; b < search->n_buckets; b++) {
        search->buckets[b].first = first;
        first += search->buckets[b].n;
    }
    for (size_t i = 0; i < search->n; i++) {
        const struct member *member = &search->members[i];
        struct bucket *bucket = &search->buckets[member->bucket];

        search->places[i].rule = NO_ENTRY;
        if (member->shape != NO_ENTRY)
            search->numbers[bucket->first + bucket->used++] = member->low;
    }
    for (uint32_t b = 0; b < search->n_buckets; b++) {
        struct bucket *bucket = &search->buckets[b];

        qsort(&search->numbers[bucket->first], bucket->n, sizeof search->numbers[0], compare_numbers);
        bucket->used = 0;
    }
}

static bool is_listed(const struct search *search, const struct bucket *bucket)
{
    return (search->shapes[bucket->key.shape].conditions & CONDITIONS_LISTED) != 0;
}

/* How many numbers of a bucket are not above 'value'. */
static uint32_t rank_of(const struct search *search, const struct bucket *bucket, uint16_t value)
{
    const uint16_t *numbers = &search->numbers[bucket->first];
    uint32_t low = 0, high = bucket->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (numbers[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of equal ends the earlier rule stays. */
static void tree_add(struct search *search, const struct bucket *bucket, uint32_t rule)
{
    struct place *places = &search->places[bucket->first];
    uint16_t high = search->members[rule].high;

    for (uint32_t i = rank_of(search, bucket, search->members[rule].low); i <= bucket->n; i += i & -i) {
        if (places[i - 1].rule == NO_ENTRY || places[i - 1].high < high)
            places[i - 1] = (struct place){rule, high};
    }
}

static uint32_t tree_find(const struct search *search, const struct bucket *bucket, const struct member *member)
{
    const struct place *places = &search->places[bucket->first];
    uint32_t found = NO_ENTRY;

    for (uint32_t i = rank_of(search, bucket, member->low); i > 0; i -= i & -i) {
        const struct place *place = &places[i - 1];

        if (place->rule != NO_ENTRY && place->high >= member->high && place->rule < found)
            found = place->rule;
    }
    return found;
}

/* What buckets do not tell apart. */
static bool covers_the_rest(const struct rule *a, const struct rule *b)
{
    if ((a->conditions & RULE_IF_SRC_PORT) && (a->src_port_min > b->src_port_min || a->src_port_max < b->src_port_max))
        return false;
    return !(a->conditions & RULE_IF_TCP_FLAGS) ||
           ((a->tcp_mask & ~b->tcp_mask) == 0 && (b->tcp_flags & a->tcp_mask) == a->tcp_flags);
}

static uint32_t list_find(struct search *search, const struct bucket *bucket, uint32_t rule)
{
    const struct member *member = &search->members[rule];

    for (uint32_t i = 0; i < bucket->used && search->steps > 0; i++, search->steps--) {
        uint32_t earlier = search->places[bucket->first + i].rule;

        if (search->members[earlier].low <= member->low && search->members[earlier].high >= member->high &&
            covers_the_rest(&search->rules[earlier], &search->rules[rule]))
            return earlier;
    }
    return NO_ENTRY;
}

/* The earliest that was found of the rules before 'rule' that cover it. */
static uint32_t find_cover(struct search *search, uint32_t rule)
{
    const struct shape *own = &search->shapes[search->members[rule].shape];
    uint32_t found = NO_ENTRY;

    for (uint32_t s = 0; s < search->n_shapes && search->steps > 0; s++) {
        const struct bucket *bucket;
        struct bucket_key key;
        uint32_t index, one;

        search->steps--;
        if (!shape_may_cover(&search->shapes[s], own))
            continue;
        key = shape_key(&search->shapes[s], s, &search->rules[rule]);
        index = find_bucket(search, &key);
        if (index == NO_ENTRY)
            continue;
        bucket = &search->buckets[index];
        one = is_listed(search, bucket) ? list_find(search, bucket, rule)
                                        : tree_find(search, bucket, &search->members[rule]);
        if (one < found)
            found = one;
    }
    return found;
}

/* A covered rule need not be remembered: what it covers, that which covers it does, too. */
static void find_covers(struct search *search, uint32_t *covered_by)
{
    for (uint32_t i = 0; i < search->n; i++) {
        struct bucket *bucket = &search->buckets[search->members[i].bucket];
        uint32_t found;

        covered_by[i] = SHADOW_UNKNOWN;
        if (search->members[i].shape == NO_ENTRY || search->steps == 0)
            continue;
        found = find_cover(search, i);
        covered_by[i] = found != NO_ENTRY ? found : SHADOW_NONE;
        if (found != NO_ENTRY)
            continue;
        if (search->steps == 0)
            covered_by[i] = SHADOW_UNKNOWN;
        else if (is_listed(search, bucket))
            search->places[bucket->first + bucket->used++] = (struct place){i, search->members[i].high};
        else
            tree_add(search, bucket, i);
    }
}

static bool allocate(struct search *search)
{
    size_t n = search->n;
    uint32_t heads = 16;

    while (heads < n)
        heads *= 2;
    search->mask = heads - 1;
    search->members = calloc(n, sizeof *search->members);
    search->shapes = calloc(SHAPES_MAX, sizeof *search->shapes);
    search->buckets = calloc(n, sizeof *search->buckets);
    search->numbers = calloc(n, sizeof *search->numbers);
    search->places = calloc(n, sizeof *search->places);
    search->heads = malloc(heads * sizeof *search->heads);
    if (search->heads == NULL)
        return false;
    memset(search->heads, 0xff, heads * sizeof *search->heads);
    return search->members && search->shapes && search->buckets && search->numbers && search->places;
}

int shadow_find(const struct rule *rules, size_t n, uint32_t *covered_by, uint32_t *steps)
{
    struct search search = {.rules = rules, .n = n, .steps = *steps};
    int error = n == 0 || allocate(&search) ? 0 : -ENOMEM;

    if (n > 0 && error == 0) {
        hash_seed_init(&search.seed);
        sort_into_buckets(&search);
        lay_out(&search);
        find_covers(&search, covered_by);
    }
    *steps = search.steps;
    free(search.members);
    free(search.shapes);
    free(search.buckets);
    free(search.numbers);
    free(search.places);
    free(search.heads);
    return error;
}
