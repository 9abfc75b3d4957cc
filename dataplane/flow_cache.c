// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/core/port.h"

/* A set's count of flows in their other set stays when it has reached this. */
#define SPILLED_MAX UINT8_MAX

static void line_mark(struct flow_entry *line, uint8_t kind)
{
    memset(line->key, 0, sizeof line->key);
    line->key[offsetof(struct flow_key, kind)] = kind;
}

static size_t table_size(const struct flow_cache *cache)
{
    return (size_t)flow_cache_line_count(cache) * sizeof(struct flow_entry);
}

static size_t tallies_size(const struct flow_cache *cache)
{
    return (size_t)flow_cache_line_count(cache) * sizeof(struct flow_tally);
}

int flow_cache_init(struct flow_cache *cache, uint32_t n_lines, void (*on_remove)(void *aux, struct flow_entry *entry),
                    void *aux)
{
    uint32_t n_sets = 1;

    memset(cache, 0, sizeof *cache);
    while (n_sets * FLOW_SET_LINES < n_lines)
        n_sets *= 2;
    cache->set_mask = n_sets - 1;
    cache->on_remove = on_remove;
    cache->aux = aux;
    hash_seed_init(&cache->seed);
    cache->port_lines = calloc(PORTS_MAX, sizeof *cache->port_lines);
    cache->lines = mmap(NULL, table_size(cache), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cache->tallies = mmap(NULL, tallies_size(cache), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cache->spilled = calloc(n_sets, sizeof *cache->spilled);
    if (cache->port_lines == NULL || cache->spilled == NULL || cache->lines == MAP_FAILED ||
        cache->tallies == MAP_FAILED) {
        cache->lines = cache->lines != MAP_FAILED ? cache->lines : NULL;
        cache->tallies = cache->tallies != MAP_FAILED ? cache->tallies : NULL;
        flow_cache_fini(cache);
        return -ENOMEM;
    }
    madvise(cache->tallies, tallies_size(cache), MADV_HUGEPAGE);
    memset(cache->tallies, 0, tallies_size(cache)); /* the page faults are not a worker's */
    /* Random access over many megabytes: without large pages each look-up would also miss the TLB. Advice only. */
    madvise(cache->lines, table_size(cache), MADV_HUGEPAGE);
    for (uint32_t i = 0; i < flow_cache_line_count(cache); i++)
        line_mark(&cache->lines[i], FLOW_LINE_EMPTY);
    flow_cache_set_share(cache, 1);
    return 0;
}

void flow_cache_fini(struct flow_cache *cache)
{
    if (cache->lines != NULL)
        munmap(cache->lines, table_size(cache));
    if (cache->tallies != NULL)
        munmap(cache->tallies, tallies_size(cache));
    free(cache->spilled);
    free(cache->port_lines);
    memset(cache, 0, sizeof *cache);
}

void flow_cache_set_share(struct flow_cache *cache, uint32_t n_ports)
{
    uint32_t lines = flow_cache_line_count(cache);

    /* Twice an equal share, so that busy ports may use what idle ones leave; never less than one in sixteen. */
    uint32_t share = n_ports <= 1 ? lines : lines / n_ports * 2;

    if (share < lines / 16)
        share = lines / 16;
    atomic_store_explicit(&cache->share, share < lines ? share : lines, memory_order_relaxed);
}

static uint32_t lines_of(const struct flow_entry *entry)
{
    return flow_line_kind(entry) == PACKET_IPV6 ? 2 : 1;
}

void flow_cache_remove(struct flow_cache *cache, struct flow_entry *entry)
{
    uint32_t *from = &flow_cache_tally(cache, entry)->spilled_from;
    uint32_t n = lines_of(entry);

    cache->on_remove(cache->aux, entry);
    cache->port_lines[entry->port] -= n;
    cache->lines_used -= n;
    cache->n_flows--;
    if (*from != 0) {
        if (cache->spilled[*from - 1] != SPILLED_MAX)
            cache->spilled[*from - 1]--;
        *from = 0;
    }
    line_mark(entry, FLOW_LINE_EMPTY);
    if (n == 2)
        line_mark(entry + 1, FLOW_LINE_EMPTY);
}

/* The flow that line 'i' of the set belongs to, or NULL when the line is empty. */
static struct flow_entry *flow_at(struct flow_entry *set, uint32_t i)
{
    switch (flow_line_kind(&set[i])) {
    case FLOW_LINE_EMPTY:
        return NULL;
    case FLOW_LINE_SECOND:
        return &set[i - 1];
    default:
        return &set[i];
    }
}

/* Age of the youngest flow in 'n' lines from 'first'; UINT32_MAX when all are empty. Sets '*foreign' when one belongs
 * to another ingress port. */
static uint32_t age_of_lines(struct flow_entry *set, uint32_t first, uint32_t n, uint16_t port, uint32_t stamp,
                             bool *foreign)
{
    uint32_t age = UINT32_MAX;

    *foreign = false;
    for (uint32_t i = first; i < first + n; i++) {
        const struct flow_entry *flow = flow_at(set, i);

        if (flow == NULL)
            continue;
        if (flow->port != port)
            *foreign = true;
        if (stamp - flow->stamp < age)
            age = stamp - flow->stamp;
    }
    return age;
}

static bool is_over_share(const struct flow_cache *cache, uint16_t port, uint32_t n)
{
    return cache->port_lines[port] + n > atomic_load_explicit(&cache->share, memory_order_relaxed);
}

/* Where the flow may go: the first empty place from the home line on, else the place whose flows are oldest; -1: nowhere.
 * Sets '*full' when that pushes something out. */
static int choose_place(const struct flow_cache *cache, struct flow_entry *set, uint32_t hash, uint32_t n,
                        uint16_t port, uint32_t stamp, bool *full)
{
    bool over_share = is_over_share(cache, port, n);
    uint32_t best_age = 0;
    int best = -1;

    *full = true;
    for (uint32_t i = 0; i < FLOW_SET_LINES; i += n) {
        uint32_t first = (hash + i) & (FLOW_SET_LINES - 1) & ~(n - 1);
        bool foreign;
        uint32_t age = age_of_lines(set, first, n, port, stamp, &foreign);

        if (over_share && (foreign || age == UINT32_MAX))
            continue;
        if (age == UINT32_MAX) {
            *full = false;
            return (int)first;
        }
        if (best < 0 || age > best_age) {
            best = (int)first;
            best_age = age;
        }
    }
    return best;
}

/* Beyond three quarters the other set is likely to be full as well, and asking it costs a new flow more than it gains. */
static bool may_spill(const struct flow_cache *cache, uint16_t port, uint32_t n)
{
    uint32_t lines = flow_cache_line_count(cache);

    return cache->lines_used <= lines - lines / 4 && !is_over_share(cache, port, n);
}

/* The line that the flow is to have, or NULL. */
static struct flow_entry *choose_line(const struct flow_cache *cache, uint32_t hash, uint32_t n, uint16_t port,
                                      uint32_t stamp)
{
    struct flow_entry *set = flow_cache_set(cache, hash);
    bool full = false;
    int place = choose_place(cache, set, hash, n, port, stamp, &full);

    if (full && may_spill(cache, port, n)) {
        struct flow_entry *other = flow_cache_other_set(cache, hash);
        int there = choose_place(cache, other, hash, n, port, stamp, &full);

        if (!full)
            return &other[there];
    }
    return place < 0 ? NULL : &set[place];
}

static void clear_lines(struct flow_cache *cache, struct flow_entry *first, uint32_t n)
{
    struct flow_entry *set = first - (first - cache->lines) % FLOW_SET_LINES;

    for (uint32_t i = 0; i < n; i++) {
        struct flow_entry *flow = flow_at(set, (uint32_t)(first - set) + i);

        if (flow != NULL)
            flow_cache_remove(cache, flow);
    }
}

/* The tally of a line in use says where its flow comes from: flow_tally_begin() leaves that alone. */
static void note_spill(struct flow_cache *cache, const struct flow_entry *entry, uint32_t hash)
{
    uint32_t own = flow_cache_set_number(cache, hash);

    if ((size_t)(entry - cache->lines) / FLOW_SET_LINES == own)
        return;
    flow_cache_tally(cache, entry)->spilled_from = own + 1;
    if (cache->spilled[own] != SPILLED_MAX)
        cache->spilled[own]++;
}

struct flow_entry *flow_cache_insert(struct flow_cache *cache, const struct flow_key *key, uint32_t hash, uint16_t port,
                                     uint32_t stamp)
{
    uint32_t n = flow_key_is_long(key) ? 2 : 1;
    struct flow_entry *entry = choose_line(cache, hash, n, port, stamp);

    if (entry == NULL)
        return NULL;
    clear_lines(cache, entry, n);
    memset(entry, 0, sizeof *entry);
    memcpy(entry->key, key, FLOW_KEY_SHORT);
    entry->stamp = stamp;
    entry->port = port;
    if (n == 2) {
        line_mark(entry + 1, FLOW_LINE_SECOND);
        memcpy(((struct flow_entry_second *)(entry + 1))->addresses, key->v6_src, 32);
    }
    note_spill(cache, entry, hash);
    cache->port_lines[port] += n;
    cache->lines_used += n;
    cache->n_flows++;
    return entry;
}

void flow_entry_key(const struct flow_entry *entry, struct flow_key *key)
{
    memset(key, 0, sizeof *key);
    memcpy(key, entry->key, FLOW_KEY_SHORT);
    if (flow_key_is_long(key))
        memcpy(key->v6_src, ((const struct flow_entry_second *)(entry + 1))->addresses, 32);
}

void flow_cache_sweep(struct flow_cache *cache, uint32_t n_lines, void (*visit)(void *aux, struct flow_entry *entry),
                      void *aux)
{
    uint32_t mask = flow_cache_line_count(cache) - 1;

    for (uint32_t i = 0; i < n_lines; i++) {
        struct flow_entry *entry = &cache->lines[cache->sweep_cursor++ & mask];

        if (flow_line_kind(entry) < FLOW_LINE_EMPTY)
            visit(aux, entry);
    }
}
