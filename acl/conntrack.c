// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "acl/conntrack_private.h"
#include "acl/ct_accounts.h"
#include "acl/rule_query.h"

#define PAGE_LEN      4096u
#define HUGE_PAGE_LEN (2u << 20)
#define CACHE_BULK    (CT_CACHE_MAX / 2)
#define ACCOUNTS_SIZE (CT_ACCOUNTS_MAX * sizeof(struct ct_account))

/* Zeroed memory in huge pages where the kernel has them, touched now so that no worker takes the page faults. */
static void *table_alloc(size_t size)
{
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    if (size >= HUGE_PAGE_LEN)
        madvise(memory, size, MADV_HUGEPAGE); /* only advice: ordinary pages do as well */
    for (size_t offset = 0; offset < size; offset += PAGE_LEN)
        *(volatile uint8_t *)(memory + offset) = 0;
    return memory;
}

static void table_free(void *memory, size_t size)
{
    if (memory != NULL)
        munmap(memory, size);
}

static size_t sessions_size(const struct conntrack *ct)
{
    return ((size_t)ct->capacity + 1) * sizeof *ct->sessions;
}

static size_t buckets_size(const struct conntrack *ct)
{
    return ((size_t)ct->bucket_mask + 1) * sizeof *ct->buckets;
}

static uint32_t power_of_two_at_least(uint32_t n)
{
    uint32_t power = CT_CAPACITY_MIN;

    while (power < n && power < CT_CAPACITY_MAX)
        power *= 2;
    return power;
}

static void set_dimensions(struct conntrack *ct, const struct conntrack_config *config)
{
    uint32_t fair = 0;

    ct->layout_version = SESSION_LAYOUT_VERSION;
    ct->capacity = power_of_two_at_least(config->capacity);
    ct->n_workers = config->n_workers;
    ct->bucket_mask = ct->capacity / 2 - 1;
    ct->group_mask = (1u << CT_GROUP_BITS) - 1;
    if (ct->group_mask > ct->bucket_mask)
        ct->group_mask = ct->bucket_mask;

    /* In a small table one worker must not hoard what the others need. */
    fair = ct->capacity / 8 / config->n_workers;
    ct->cache_bulk = fair < 1 ? 1 : fair > CACHE_BULK ? CACHE_BULK : fair;
}

uint32_t conntrack_session_bytes(void)
{
    return (uint32_t)(sizeof(struct session) + sizeof(struct ct_bucket) / 2 + sizeof(uint32_t));
}

uint64_t conntrack_bytes(const struct conntrack_config *config)
{
    struct conntrack ct;

    set_dimensions(&ct, config);
    return sizeof ct + sessions_size(&ct) + buckets_size(&ct) + ct.capacity * sizeof *ct.free_stack +
           ((ct.bucket_mask >> CT_GROUP_BITS) + 1) * sizeof *ct.locks + ct.n_workers * sizeof *ct.workers +
           CT_FRAGMENT_BUCKETS * sizeof *ct.fragments + ACCOUNTS_SIZE + CT_TIMEOUT_SETS_MAX * sizeof *ct.timeout_sets;
}

struct conntrack *conntrack_create(const struct conntrack_config *config)
{
    struct conntrack *ct = NULL;

    if (config->n_workers == 0 || config->n_workers > WORKERS_MAX)
        return NULL;
    ct = aligned_alloc(64, sizeof *ct);
    if (ct == NULL)
        return NULL;
    memset(ct, 0, sizeof *ct);
    set_dimensions(ct, config);
    hash_seed_init(&ct->seed);
    ct->sessions = table_alloc(sessions_size(ct));
    ct->buckets = table_alloc(buckets_size(ct));
    ct->locks = calloc((ct->bucket_mask >> CT_GROUP_BITS) + 1, sizeof *ct->locks);
    ct->workers = aligned_alloc(64, ct->n_workers * sizeof *ct->workers);
    ct->free_stack = malloc(ct->capacity * sizeof *ct->free_stack);
    ct->fragments = calloc(CT_FRAGMENT_BUCKETS, sizeof *ct->fragments);
    ct->accounts = table_alloc(ACCOUNTS_SIZE);
    ct->timeout_sets = calloc(CT_TIMEOUT_SETS_MAX, sizeof *ct->timeout_sets);
    if (ct->sessions == NULL || ct->buckets == NULL || ct->locks == NULL || ct->workers == NULL ||
        ct->free_stack == NULL || ct->fragments == NULL || ct->accounts == NULL || ct->timeout_sets == NULL) {
        conntrack_destroy(ct);
        return NULL;
    }
    memset(ct->workers, 0, ct->n_workers * sizeof *ct->workers);
    for (uint32_t i = 0; i < ct->capacity; i++)
        ct->free_stack[i] = ct->capacity - i;
    ct->n_free = ct->capacity;
    return ct;
}

void conntrack_destroy(struct conntrack *ct)
{
    if (ct == NULL)
        return;
    table_free(ct->sessions, sessions_size(ct));
    table_free(ct->buckets, buckets_size(ct));
    free(ct->locks);
    free(ct->workers);
    free(ct->free_stack);
    free(ct->fragments);
    table_free(ct->accounts, ACCOUNTS_SIZE);
    free(ct->timeout_sets);
    free(ct);
}

/* The session that is taken next: all of its lines are written then. */
static inline __attribute__((always_inline)) void session_prefetch(const struct session *s)
{
    for (size_t offset = 0; offset < sizeof *s; offset += 64)
        __builtin_prefetch((const uint8_t *)s + offset, 1);
}

uint32_t ct_free_take(struct conntrack *ct, struct ct_worker *worker)
{
    if (worker->n_cached == 0) {
        uint32_t n = 0;

        ct_lock_take(&ct->free_lock);
        n = ct->n_free < ct->cache_bulk ? ct->n_free : ct->cache_bulk;
        ct->n_free -= n;
        memcpy(worker->cache, &ct->free_stack[ct->n_free], n * sizeof *worker->cache);
        ct_lock_release(&ct->free_lock);
        worker->n_cached = n;
    }
    if (worker->n_cached == 0)
        return 0;
    return worker->cache[--worker->n_cached];
}

void ct_free_return(struct conntrack *ct, struct ct_worker *worker, uint32_t keep)
{
    uint32_t n = worker->n_cached - keep;

    ct_lock_take(&ct->free_lock);
    memcpy(&ct->free_stack[ct->n_free], &worker->cache[keep], n * sizeof *worker->cache);
    ct->n_free += n;
    ct_lock_release(&ct->free_lock);
    worker->n_cached = keep;
}

void ct_free_put(struct conntrack *ct, struct ct_worker *worker, uint32_t session)
{
    if (worker->n_cached == 2 * ct->cache_bulk)
        ct_free_return(ct, worker, ct->cache_bulk);
    worker->cache[worker->n_cached++] = session;
}

bool conntrack_find(struct conntrack *ct, const struct ct_tuple *tuple, struct ct_match *match)
{
    return ct_index_find(ct, ct_index_hash(ct, tuple), tuple, match);
}

static enum session_state first_state(const struct ct_new *new_session)
{
    enum ct_admission admission = conntrack_admission(new_session->packet);

    if (admission == CT_PICK_UP && new_session->pick_up)
        return SESSION_ESTABLISHED;
    if (admission != CT_ADMIT)
        return SESSION_NONE;
    return ct_next_state(new_session->tuple.protocol, SESSION_NONE, CT_ORIGINAL, new_session->packet->tcp_flags);
}

/* Word by word, because a dump may be looking: it throws away what it read when the state word has changed. */
static void store_tuple(struct ct_tuple *to, const struct ct_tuple *from)
{
    uint64_t words[sizeof *from / sizeof(uint64_t)];
    _Atomic uint64_t *out = (_Atomic uint64_t *)to;

    memcpy(words, from, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        atomic_store_explicit(&out[i], words[i], memory_order_release);
}

/* Returns the incarnation. */
static uint32_t fill_session(struct session *s, const struct ct_new *new_session, const struct ct_tuple *reply,
                             unsigned int worker, uint32_t now)
{
    uint32_t word = atomic_load_explicit(&s->state, memory_order_relaxed);
    uint32_t incarnation = (session_word_incarnation(word) + 1) & 0xffff;
    uint16_t timeouts = new_session->timeouts < CT_TIMEOUT_SETS_MAX ? new_session->timeouts : 0;

    atomic_store_explicit(&s->state, session_word(SESSION_NONE, LIFE_BUILDING, incarnation), memory_order_relaxed);
    store_tuple(&s->original, &new_session->tuple);
    store_tuple(&s->reply, reply);
    atomic_store_explicit(&s->last_seen, now, memory_order_relaxed);
    atomic_store_explicit(&s->owner, (uint8_t)worker, memory_order_relaxed);
    atomic_store_explicit(&s->source, new_session->source, memory_order_relaxed);
    atomic_store_explicit(&s->destination, new_session->destination, memory_order_relaxed);
    atomic_store_explicit(&s->verdict_sequence, new_session->verdict.sequence, memory_order_relaxed);
    atomic_store_explicit(&s->verdict_egress_rule, new_session->verdict.egress_rule, memory_order_relaxed);
    atomic_store_explicit(&s->verdict_ingress_rule, new_session->verdict.ingress_rule, memory_order_relaxed);
    atomic_store_explicit(&s->verdict_audit_rule, new_session->verdict.audit_rule, memory_order_relaxed);
    atomic_store_explicit(&s->verdict_flags, new_session->verdict.flags, memory_order_relaxed);
    atomic_store_explicit(&s->verdict_allowed, new_session->verdict.allowed, memory_order_relaxed);
    s->listed = false;
    s->account = (uint16_t)new_session->account;
    atomic_store_explicit(&s->timeouts, timeouts, memory_order_release);
    session_traits_from_packet(new_session->packet, &s->traits);
    return incarnation;
}

/* Both names of a session to be. */
struct tuples {
    struct ct_tuple reply;
    uint64_t original_hash;
    uint64_t reply_hash;
};

/* The buckets are on their way from memory while the session is filled. */
static struct tuples name_session(const struct conntrack *ct, const struct ct_tuple *original)
{
    struct tuples tuples = {.reply = ct_tuple_reverse(original), .original_hash = ct_index_hash(ct, original)};

    ct_index_prefetch(ct, tuples.original_hash);
    tuples.reply_hash = ct_index_hash(ct, &tuples.reply);
    ct_index_prefetch(ct, tuples.reply_hash);
    return tuples;
}

void conntrack_prefetch(const struct conntrack *ct, unsigned int worker, const struct ct_tuple *tuple, unsigned int nth)
{
    const struct ct_worker *w = &ct->workers[worker];

    name_session(ct, tuple);
    if (nth < w->n_cached)
        session_prefetch(ct_session(ct, w->cache[w->n_cached - 1 - nth]));
}

enum link_result { LINKED, LINK_EXISTS, LINK_FULL };

/* Both directions become visible at once, by the state word: until it says LIVE, look-ups pass the entries over. */
static enum link_result link_session(struct conntrack *ct, uint32_t session, const struct tuples *tuples,
                                     uint32_t live_word, struct ct_match *match)
{
    struct session *s = ct_session(ct, session);
    uint64_t original = tuples->original_hash;
    uint64_t reply = tuples->reply_hash;
    enum link_result result = LINKED;

    ct_index_lock(ct, original, reply);
    /* Whoever opened the same connection, from whichever side, has indexed this tuple too. */
    if (ct_index_find(ct, original, &s->original, match)) {
        result = LINK_EXISTS;
    } else if (!ct_index_add(ct, original, session, CT_ORIGINAL)) {
        result = LINK_FULL;
    } else if (!ct_index_add(ct, reply, session, CT_REPLY)) {
        ct_index_remove(ct, original, session, CT_ORIGINAL);
        result = LINK_FULL;
    } else {
        atomic_store_explicit(&s->state, live_word, memory_order_release);
    }
    ct_index_unlock(ct, original, reply);
    return result;
}

/* Takes a charged session's place in the table. -ENOSPC, or 0 with '*match' set: 'match->session' is 'session', or that
 * of whoever was quicker. */
static int open_session(struct conntrack *ct, unsigned int worker, uint32_t session, const struct ct_new *new_session,
                        enum session_state state, uint32_t now, struct ct_match *match)
{
    struct ct_worker *w = &ct->workers[worker];
    struct session *s = ct_session(ct, session);
    struct tuples tuples = name_session(ct, &new_session->tuple);
    uint32_t incarnation = fill_session(s, new_session, &tuples.reply, worker, now);
    uint32_t word = session_word(state, LIFE_LIVE, incarnation);
    enum link_result result = link_session(ct, session, &tuples, word, match);

    if (result != LINKED) {
        atomic_store_explicit(&s->state, session_word(SESSION_NONE, LIFE_FREE, incarnation), memory_order_relaxed);
        return result == LINK_EXISTS ? 0 : -ENOSPC;
    }
    atomic_store_explicit(&w->n_opened, atomic_load_explicit(&w->n_opened, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    ct_timer_start(ct, worker, session, now);
    if (ct_is_half_open(word))
        ct_half_open_note(ct, session);
    *match = (struct ct_match){.session = session, .direction = CT_ORIGINAL};
    return 0;
}

int conntrack_open(struct conntrack *ct, unsigned int worker, const struct ct_new *new_session, uint32_t now,
                   struct ct_match *match)
{
    struct ct_worker *w = &ct->workers[worker];
    enum session_state state = first_state(new_session);
    uint32_t session = 0;
    int ret = 0;

    *match = (struct ct_match){0};
    if (state == SESSION_NONE)
        return -EINVAL;
    if (!ct_account_charge(ct, new_session->account)) {
        if (conntrack_find(ct, &new_session->tuple, match))
            return 0;
        ct_account_count_refused(ct, new_session->account);
        return -EDQUOT;
    }
    session = ct_free_take(ct, w);
    if (session == 0)
        ret = conntrack_find(ct, &new_session->tuple, match) ? 0 : -ENOSPC;
    else
        ret = open_session(ct, worker, session, new_session, state, now, match);
    if (session == 0 || match->session != session)
        ct_account_credit(ct, new_session->account);
    if (session != 0 && match->session != session)
        ct_free_put(ct, w, session);
    return ret;
}

/* ct_kill() and ct_kill_half_open(). */
static bool kill(struct conntrack *ct, uint32_t session, uint32_t word, bool only_half_open)
{
    struct session *s = ct_session(ct, session);
    uint32_t incarnation = session_word_incarnation(word);
    uint64_t original = 0;
    uint64_t reply = 0;
    uint8_t owner = 0;

    do {
        if (session_word_life(word) != LIFE_LIVE || session_word_incarnation(word) != incarnation ||
            (only_half_open && !ct_is_half_open(word)))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&s->state, &word,
                                                    session_word(session_word_state(word), LIFE_DEAD, incarnation),
                                                    memory_order_acq_rel, memory_order_acquire));
    /* Always: whoever finished the handshake may not have come to take it off the list yet. */
    if (s->original.protocol == IPPROTO_TCP)
        ct_half_open_note(ct, session);
    original = ct_index_hash(ct, &s->original);
    reply = ct_index_hash(ct, &s->reply);
    ct_index_lock(ct, original, reply);
    ct_index_remove(ct, original, session, CT_ORIGINAL);
    ct_index_remove(ct, reply, session, CT_REPLY);
    ct_index_unlock(ct, original, reply);
    owner = atomic_load_explicit(&s->owner, memory_order_relaxed);
    atomic_fetch_add_explicit(&ct->workers[owner].n_closed, 1, memory_order_relaxed);
    ct_account_retire(ct, s->account);
    return true;
}

bool ct_kill(struct conntrack *ct, uint32_t session, uint32_t word)
{
    return kill(ct, session, word, false);
}

bool ct_kill_half_open(struct conntrack *ct, uint32_t session, uint32_t word)
{
    return kill(ct, session, word, true);
}

void conntrack_close(struct conntrack *ct, uint32_t session)
{
    uint32_t word = atomic_load_explicit(&ct_session(ct, session)->state, memory_order_acquire);

    if (ct_kill(ct, session, word))
        ct_mail(ct, session);
}

uint32_t conntrack_count(const struct conntrack *ct)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < ct->n_workers; i++)
        n += atomic_load_explicit(&ct->workers[i].n_opened, memory_order_relaxed) -
             atomic_load_explicit(&ct->workers[i].n_closed, memory_order_relaxed);
    return n;
}

uint32_t conntrack_capacity(const struct conntrack *ct)
{
    return ct->capacity;
}
