// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <immintrin.h>

#include "dataplane/flow_hash.h"
#include "dataplane/flow_key.h"
#include "dataplane/flow_rules.h"

/* One worker's flow cache: exact match, one writer and reader, no atomics.
 *
 * A table of 64-byte lines in sets of four adjacent ones; the hash names the set and the line to try first, and another set
 * for a flow that finds all four taken: 'spilled' counts, by set, the flows of it that are in their other one, so that a
 * look-up mostly knows that there is nothing to be found there. Without the second choice a seventh of the flows of a
 * half full table would live in sets of more than four, and push each other out with every packet. A line:
 *
 *   0                                32      36       40      44     46     48       56       64
 *   | key (first 32 bytes of it)     | stamp | session| action| flags| port | packets| bytes  |
 *
 * An IPv6 flow takes an even line and the odd one after it, which holds the addresses where hot state would be and the
 * mark FLOW_LINE_SECOND where a key has its kind, so that no key can match it:
 *
 *   | zeros, kind = 0xff, zeros      | IPv6 source (16)           | IPv6 destination (16)      |
 */

#define FLOW_SET_LINES   4u
#define FLOW_LINE_EMPTY  0xfeu /* kind of a line not in use */
#define FLOW_LINE_SECOND 0xffu /* kind of the second line of an IPv6 flow */

/* What to do with packets of the flow, the common cases without another line. */
#define FLOW_DROP          0x0001u /* 'action' is the enum drop_reason */
#define FLOW_LIST          0x0002u /* 'action' is the head of an output list; else 'out' */
#define FLOW_VLAN_PUSH     0x0004u /* 'out.vlan' is the TCI */
#define FLOW_VLAN_POP      0x0008u
#define FLOW_VLAN_SET      0x0010u
#define FLOW_TRACK         0x0020u /* show every packet to the session */
#define FLOW_TCP           0x0040u /* or SCTP: show packets with flags other than ACK and PSH to the session */
#define FLOW_REPLY         0x0080u /* the flow is its session's reply direction */
#define FLOW_IF_NO_SESSION 0x0100u /* only while no session exists for the packet */
#define FLOW_FLOOD         0x0200u /* the list is of a flood: void once the FDB learns an address */
#define FLOW_BRIEF         0x0400u /* decided anew under the next stamp */
#define FLOW_REJECT        0x0800u /* with FLOW_DROP: the sender is told (reject.h) */
#define FLOW_TUNNEL        0x1000u /* with FLOW_LIST: the list is one tunnel, which the frame enters as it is */

struct flow_entry {
    uint8_t key[FLOW_KEY_SHORT];
    uint32_t stamp;   /* the worker's stamp when the entry was last found valid (worker.h) */
    uint32_t session; /* 0: none */
    union {
        struct {
            uint16_t port;
            uint16_t vlan;
        } out;
        uint32_t action;
    };
    uint16_t flags;
    uint16_t port; /* ingress port, whose share of the cache it uses */
    uint64_t packets;
    uint64_t bytes;
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_entry) == 64, "one line per flow");
static_assert(offsetof(struct flow_entry, stamp) == FLOW_KEY_SHORT, "hot state is the other half of the line");

/* The second line of an IPv6 flow. */
struct flow_entry_second {
    uint8_t mark[FLOW_KEY_SHORT];
    uint8_t addresses[32];
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_entry_second) == sizeof(struct flow_entry), "lines are alike");

/* What packets of a flow never touch: see flow_tally.h. One for each line, apart from it. */
struct flow_tally {
    struct flow_rules rules;
    uint32_t spilled_from; /* number of the set, from 1, that the flow would be in if there were room; 0: it is in it */
    uint64_t packets;      /* of the entry's, counted for the rules already */
    uint64_t bytes;
};
static_assert(sizeof(struct flow_tally) == 32, "two tallies a line");

/* Stage: one packet of 'bytes' went by the entry. */
static inline void flow_entry_count(struct flow_entry *entry, uint32_t bytes)
{
    entry->packets++;
    entry->bytes += bytes;
}

struct flow_cache {
    struct flow_entry *lines;
    struct flow_tally *tallies; /* by line */
    uint8_t *spilled;           /* by set; SPILLED_MAX: so many or more, for ever */
    uint32_t set_mask;          /* number of sets less one */
    struct hash_seed seed;
    uint32_t n_flows;       /* living entries */
    uint32_t lines_used;    /* by them */
    _Atomic uint32_t share; /* most lines that flows of one ingress port may use; set by control, relaxed */
    uint32_t *port_lines;   /* lines in use, by ingress port */
    uint32_t sweep_cursor;
    /* Called for each entry that goes, so that what 'action' names can be given back. */
    void (*on_remove)(void *aux, struct flow_entry *entry);
    void *aux;
};

/* 'n_lines' is rounded up to a power of two. 0 or -ENOMEM. */
int flow_cache_init(struct flow_cache *cache, uint32_t n_lines, void (*on_remove)(void *aux, struct flow_entry *entry),
                    void *aux);
void flow_cache_fini(struct flow_cache *cache);
/* Control thread, at any time. */
void flow_cache_set_share(struct flow_cache *cache, uint32_t n_ports);

static inline struct flow_tally *flow_cache_tally(const struct flow_cache *cache, const struct flow_entry *entry)
{
    return &cache->tallies[entry - cache->lines];
}

static inline uint8_t flow_line_kind(const struct flow_entry *entry)
{
    return entry->key[offsetof(struct flow_key, kind)];
}

static inline uint32_t flow_cache_hash(const struct flow_cache *cache, const struct flow_key *key)
{
    return flow_hash(&cache->seed, key);
}

static inline uint32_t flow_cache_set_number(const struct flow_cache *cache, uint32_t hash)
{
    return hash >> 2 & cache->set_mask;
}

static inline struct flow_entry *flow_cache_set(const struct flow_cache *cache, uint32_t hash)
{
    return &cache->lines[(size_t)flow_cache_set_number(cache, hash) * FLOW_SET_LINES];
}

/* The set of a flow that found its own full. It may be the same one, in a small table mostly. */
static inline struct flow_entry *flow_cache_other_set(const struct flow_cache *cache, uint32_t hash)
{
    uint32_t mixed = (hash >> 16 | hash << 16) * 0x9e3779b1u;

    return &cache->lines[(size_t)(mixed >> 8 & cache->set_mask) * FLOW_SET_LINES];
}

/* The line, for IPv6 the first of two, where a flow is when nothing else had taken it. */
static inline struct flow_entry *flow_cache_home(const struct flow_cache *cache, const struct flow_key *key,
                                                 uint32_t hash)
{
    return flow_cache_set(cache, hash) + (hash & (FLOW_SET_LINES - 1) & ~(uint32_t)flow_key_is_long(key));
}

/* Brings the lines that a look-up without success and an insertion look at. */
static inline __attribute__((always_inline)) void flow_cache_prefetch_set(const struct flow_cache *cache, uint32_t hash)
{
    const struct flow_entry *set = flow_cache_set(cache, hash);

    for (uint32_t i = 0; i < FLOW_SET_LINES; i++)
        _mm_prefetch(&set[i], _MM_HINT_T0);
    for (uint32_t i = 0; i < FLOW_SET_LINES; i += 64 / sizeof(struct flow_tally))
        _mm_prefetch(flow_cache_tally(cache, &set[i]), _MM_HINT_T0);
}

/* The line to look at when a flow is not in its home line. For IPv6 it may be of another flow. */
static inline struct flow_entry *flow_cache_second(const struct flow_cache *cache, uint32_t hash)
{
    return flow_cache_set(cache, hash) + ((hash + 1) & (FLOW_SET_LINES - 1));
}

/* Brings the lines where a flow may be that is in neither of the two. */
static inline __attribute__((always_inline)) void flow_cache_prefetch_rest(const struct flow_cache *cache,
                                                                           uint32_t hash)
{
    const struct flow_entry *set = flow_cache_set(cache, hash);

    for (uint32_t i = 2; i < FLOW_SET_LINES; i++)
        _mm_prefetch(&set[(hash + i) & (FLOW_SET_LINES - 1)], _MM_HINT_T0);
    if (cache->spilled[flow_cache_set_number(cache, hash)] != 0)
        _mm_prefetch(&flow_cache_other_set(cache, hash)[hash & (FLOW_SET_LINES - 1)], _MM_HINT_T0);
}

/* 32 bytes, by the widest compare that the including file is compiled for. */
static inline bool flow_bytes_equal(const void *a, const void *b)
{
#ifdef __AVX2__
    __m256i both = _mm256_xor_si256(_mm256_loadu_si256(a), _mm256_loadu_si256(b));

    return _mm256_testz_si256(both, both);
#else
    const __m128i *x = a, *y = b;
    __m128i low = _mm_xor_si128(_mm_loadu_si128(x), _mm_loadu_si128(y));
    __m128i high = _mm_xor_si128(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1));
    __m128i both = _mm_or_si128(low, high);

    return _mm_testz_si128(both, both);
#endif
}

/* Is this the key's entry? The line after it must be of the same set when the key is a long one. */
static inline bool flow_entry_matches(const struct flow_entry *entry, const struct flow_key *key)
{
    return flow_bytes_equal(entry->key, key) &&
           (!flow_key_is_long(key) ||
            flow_bytes_equal(((const struct flow_entry_second *)(entry + 1))->addresses, key->v6_src));
}

static inline struct flow_entry *flow_set_find(struct flow_entry *set, const struct flow_key *key, uint32_t hash)
{
    for (uint32_t i = 0; i < FLOW_SET_LINES; i++) {
        struct flow_entry *entry = &set[(hash + i) & (FLOW_SET_LINES - 1)];

        if (flow_entry_matches(entry, key))
            return entry;
    }
    return NULL;
}

/* The entry of the key, or NULL. */
static inline struct flow_entry *flow_cache_find(const struct flow_cache *cache, const struct flow_key *key,
                                                 uint32_t hash)
{
    struct flow_entry *entry = flow_set_find(flow_cache_set(cache, hash), key, hash);

    if (entry == NULL && __builtin_expect(cache->spilled[flow_cache_set_number(cache, hash)] != 0, 0))
        entry = flow_set_find(flow_cache_other_set(cache, hash), key, hash);
    return entry;
}

/* Makes an entry for a key that is not there: in its set; while the table is not nearly full, in its other set; else in place
 * of the oldest of its set ('stamp' is the present one, larger differences are older). Hot state is zeroed but for 'stamp'
 * and 'port'. NULL when the port has used up its share and nothing in the set is its own: the flow is then not cached. */
struct flow_entry *flow_cache_insert(struct flow_cache *cache, const struct flow_key *key, uint32_t hash, uint16_t port,
                                     uint32_t stamp);
void flow_cache_remove(struct flow_cache *cache, struct flow_entry *entry);

/* Copies the whole key of an entry. */
void flow_entry_key(const struct flow_entry *entry, struct flow_key *key);

/* Visits up to 'n_lines' lines from where the last call ended; 'visit' may remove the entry it is shown. */
void flow_cache_sweep(struct flow_cache *cache, uint32_t n_lines, void (*visit)(void *aux, struct flow_entry *entry),
                      void *aux);
static inline uint32_t flow_cache_line_count(const struct flow_cache *cache)
{
    return (cache->set_mask + 1) * FLOW_SET_LINES;
}
