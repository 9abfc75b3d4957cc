// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rule_counters.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "acl/rule.h"
#include "dataplane/core/port.h"
#include "dataplane/rule_counters_private.h"

#define N_RULES ((size_t)RULE_ID_MAX + 1)

/* Places of a worker's table of drops, a power of two; and how many are looked at for one key. */
#define DROP_PLACES 16384u
#define DROP_PROBES 16u
/* A key that nothing is counted under any more: the place may be taken. */
#define DROP_FORGOTTEN UINT64_MAX

/* Taken and written by the worker; control reads, and makes a key DROP_FORGOTTEN. */
struct drop_place {
    _Atomic uint64_t key; /* port << 48 | reason << 32 | rule; 0: never taken */
    _Atomic uint64_t packets;
};

static struct {
    struct rule_slot *_Atomic slots[WORKERS_MAX]; /* by rule; NULL: the worker never ran */
    struct drop_place *drops[WORKERS_MAX];
    /* Control's own. */
    struct rule_counter *bases; /* what was counted when the id began to mean its rule */
    uint32_t highest;           /* id that began */
} counters;

/* Zeroed memory that costs nothing until it is touched. */
static void *lazy_alloc(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory != MAP_FAILED ? memory : NULL;
}

static struct rule_slot *slots_of(unsigned int worker)
{
    return atomic_load_explicit(&counters.slots[worker], memory_order_acquire);
}

struct rule_slot *rule_slot(unsigned int worker, uint32_t rule)
{
    struct rule_slot *slots = slots_of(worker);

    return slots != NULL && rule != 0 && rule <= RULE_ID_MAX ? &slots[rule] : NULL;
}

int rule_counters_init(void)
{
    if (counters.bases == NULL)
        counters.bases = lazy_alloc(N_RULES * sizeof *counters.bases);
    return counters.bases != NULL ? 0 : -ENOMEM;
}

int rule_counters_prepare(unsigned int worker)
{
    struct rule_slot *slots;

    if (slots_of(worker) != NULL)
        return 0;
    slots = lazy_alloc(N_RULES * sizeof *slots);
    counters.drops[worker] = lazy_alloc(DROP_PLACES * sizeof *counters.drops[worker]);
    if (slots == NULL || counters.drops[worker] == NULL)
        return -ENOMEM;
    for (uint32_t rule = 0; rule <= counters.highest; rule++)
        slots[rule].touched = 1;
    memset(counters.drops[worker], 0, DROP_PLACES * sizeof *counters.drops[worker]);
    atomic_store_explicit(&counters.slots[worker], slots, memory_order_release);
    return 0;
}

/* The page faults are ours, not a worker's. */
void rule_counters_begin(uint32_t rule)
{
    if (counters.bases == NULL || rule == 0 || rule > RULE_ID_MAX)
        return;
    if (rule > counters.highest)
        counters.highest = rule;
    for (unsigned int worker = 0; worker < WORKERS_MAX; worker++) {
        struct rule_slot *slot = rule_slot(worker, rule);

        if (slot != NULL)
            slot->touched = 1;
    }
    memset(&counters.bases[rule], 0, sizeof counters.bases[rule]);
    rule_counters_sum(rule, &counters.bases[rule]);
}

uint32_t rule_counters_highest(void)
{
    return counters.highest;
}

uint64_t rule_counters_bytes(uint32_t n_workers, uint32_t highest)
{
    uint64_t n = (uint64_t)highest + 1;

    return n * sizeof *counters.bases +
           n_workers * (n * sizeof(struct rule_slot) + DROP_PLACES * sizeof *counters.drops[0]);
}

/* One writer: no read-modify-write needed. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* What is harvested may be older than what was counted at once. */
static void see(struct rule_slot *slot, uint32_t now)
{
    uint32_t last_hit = atomic_load_explicit(&slot->last_hit, memory_order_relaxed);

    if (last_hit == 0 || (int32_t)(now - last_hit) > 0)
        atomic_store_explicit(&slot->last_hit, now, memory_order_relaxed);
}

void rule_counters_hit(unsigned int worker, uint32_t rule, uint32_t now)
{
    struct rule_slot *slot = rule_slot(worker, rule);

    if (slot == NULL)
        return;
    add(&slot->hits, 1);
    see(slot, now);
}

void rule_counters_add(unsigned int worker, uint32_t rule, uint64_t packets, uint64_t bytes, uint32_t now)
{
    struct rule_slot *slot = rule_slot(worker, rule);

    if (slot == NULL)
        return;
    add(&slot->packets, packets);
    add(&slot->bytes, bytes);
    see(slot, now);
}

static uint64_t drop_key(uint16_t port, enum drop_reason reason, uint32_t rule)
{
    return (uint64_t)port << 48 | (uint64_t)reason << 32 | rule;
}

static uint16_t key_port(uint64_t key)
{
    return (uint16_t)(key >> 48);
}

static uint32_t drop_home(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
}

/* The place of a key: its own, or a free one that becomes its own. NULL: there is none near. */
static struct drop_place *drop_place(struct drop_place *places, uint64_t key)
{
    struct drop_place *vacant = NULL;

    for (uint32_t i = 0; i < DROP_PROBES; i++) {
        struct drop_place *place = &places[(drop_home(key) + i) % DROP_PLACES];
        uint64_t found = atomic_load_explicit(&place->key, memory_order_relaxed);

        if (found == key)
            return place;
        if ((found == 0 || found == DROP_FORGOTTEN) && vacant == NULL)
            vacant = place;
        if (found == 0)
            break;
    }
    if (vacant == NULL)
        return NULL;
    atomic_store_explicit(&vacant->packets, 0, memory_order_relaxed);
    atomic_store_explicit(&vacant->key, key, memory_order_release);
    return vacant;
}

void rule_drops_add(unsigned int worker, uint16_t port, enum drop_reason reason, uint32_t rule, uint64_t packets)
{
    struct drop_place *places = slots_of(worker) != NULL ? counters.drops[worker] : NULL;
    struct drop_place *place;

    if (places == NULL)
        return;
    place = drop_place(places, drop_key(port, reason, rule));
    if (place == NULL)
        place = drop_place(places, drop_key(port, reason, RULE_DROPS_OTHER));
    if (place != NULL)
        add(&place->packets, packets);
}

static void sum_slot(const struct rule_slot *slot, struct rule_counter *sum)
{
    uint32_t last_hit = atomic_load_explicit(&slot->last_hit, memory_order_relaxed);

    sum->hits += atomic_load_explicit(&slot->hits, memory_order_relaxed);
    sum->packets += atomic_load_explicit(&slot->packets, memory_order_relaxed);
    sum->bytes += atomic_load_explicit(&slot->bytes, memory_order_relaxed);
    if (sum->last_hit == 0 || (last_hit != 0 && (int32_t)(last_hit - sum->last_hit) > 0))
        sum->last_hit = last_hit;
}

void rule_counters_sum(uint32_t rule, struct rule_counter *sum)
{
    struct rule_counter total = {0};
    const struct rule_counter *base;

    for (unsigned int worker = 0; worker < WORKERS_MAX; worker++) {
        const struct rule_slot *slot = rule_slot(worker, rule);

        if (slot != NULL)
            sum_slot(slot, &total);
    }
    if (counters.bases == NULL || rule > RULE_ID_MAX) {
        *sum = total;
        return;
    }
    base = &counters.bases[rule];
    *sum = (struct rule_counter){
        .hits = total.hits - base->hits,
        .packets = total.packets - base->packets,
        .bytes = total.bytes - base->bytes,
    };
    if (sum->hits != 0 || sum->packets != 0)
        sum->last_hit = total.last_hit;
}

static bool is_counted_before(unsigned int worker, uint64_t key)
{
    for (unsigned int other = 0; other < worker; other++) {
        if (rule_drops_get(other, key) != NULL)
            return true;
    }
    return false;
}

const _Atomic uint64_t *rule_drops_get(unsigned int worker, uint64_t key)
{
    const struct drop_place *places = slots_of(worker) != NULL ? counters.drops[worker] : NULL;

    for (uint32_t i = 0; places != NULL && i < DROP_PROBES; i++) {
        const struct drop_place *place = &places[(drop_home(key) + i) % DROP_PLACES];

        if (atomic_load_explicit(&place->key, memory_order_acquire) == key)
            return &place->packets;
    }
    return NULL;
}

static uint64_t sum_drops(uint64_t key)
{
    uint64_t packets = 0;

    for (unsigned int worker = 0; worker < WORKERS_MAX; worker++) {
        const _Atomic uint64_t *counter = rule_drops_get(worker, key);

        if (counter != NULL)
            packets += atomic_load_explicit(counter, memory_order_relaxed);
    }
    return packets;
}

void rule_drops_visit(uint16_t port, void (*visit)(void *aux, const struct rule_drops *drops), void *aux)
{
    for (unsigned int worker = 0; worker < WORKERS_MAX; worker++) {
        const struct drop_place *places = slots_of(worker) != NULL ? counters.drops[worker] : NULL;

        for (uint32_t i = 0; places != NULL && i < DROP_PLACES; i++) {
            uint64_t key = atomic_load_explicit(&places[i].key, memory_order_relaxed);
            struct rule_drops drops = {
                .port = key_port(key), .reason = (enum drop_reason)(key >> 32 & 0xffff), .rule = (uint32_t)key};

            if (key == 0 || key == DROP_FORGOTTEN || (port != 0 && drops.port != port) ||
                is_counted_before(worker, key))
                continue;
            drops.packets = sum_drops(key);
            visit(aux, &drops);
        }
    }
}

static uint32_t count_taken(const struct drop_place *places)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < DROP_PLACES; i++) {
        uint64_t key = atomic_load_explicit(&places[i].key, memory_order_relaxed);

        n += key != 0 && key != DROP_FORGOTTEN;
    }
    return n;
}

void rule_drops_forget(bool (*is_gone)(void *aux, uint16_t port, uint32_t rule), void *aux)
{
    for (unsigned int worker = 0; worker < WORKERS_MAX; worker++) {
        struct drop_place *places = slots_of(worker) != NULL ? counters.drops[worker] : NULL;

        if (places == NULL || count_taken(places) < DROP_PLACES / 2)
            continue;
        for (uint32_t i = 0; i < DROP_PLACES; i++) {
            uint64_t key = atomic_load_explicit(&places[i].key, memory_order_relaxed);

            /* The worker changes no key but those that are free, so this one is still there. */
            if (key != 0 && key != DROP_FORGOTTEN && is_gone(aux, key_port(key), (uint32_t)key))
                atomic_store_explicit(&places[i].key, DROP_FORGOTTEN, memory_order_relaxed);
        }
    }
}
