// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/conntrack.h"
#include "acl/ct_fragments_private.h"
#include "acl/ct_lock.h"
#include "acl/session.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/port.h"

/* Shared by the files of the session table; nobody else includes it.
 *
 *   tuple --hash--> bucket (one line)                session (three lines, named by index 1..capacity)
 *                  +--------+---------+             +------------------------------------------------------+
 *                  | passed | entry 0 |-signature   |   0 original tuple 48 | state | last seen | verdict 8 |
 *                  |        | entry 1 | session --> |  64 reply tuple 48 | verdict 12 | owner               |
 *                  |        |   ...   | direction   | 128 label 16 | source | destination | next | prev     |
 *                  +--------+---------+             |     mail | slot | account | timeouts | traits 16     |
 *                  | the group's next |             +------------------------------------------------------+
 *                  | line when passed |
 *                  +------------------+
 *
 * Memory per session: 192 for itself, 32 for its two index entries (7 entries of 8 bytes in a line, half a line per
 * session, so that at most 57 % of them are in use), 4 in the stack of free indexes; locks and wheels are noise. The
 * table has no pointers in it and could be handed to another process as it is: SESSION_LAYOUT_VERSION names the form.
 *
 * Who may do what:
 *   - life goes FREE -> BUILDING -> LIVE (the worker that opens it) -> DEAD (whoever wins the compare-and-swap; it
 *     alone takes the entries out of the index and mails the session to its owner) -> FREE (the owner, after the grace
 *     period).
 *   - tuples are written in BUILDING only; source, destination and the verdict by any worker.
 *   - next and prev belong to the owner (timer wheel while not retired, limbo after); mail_next to who killed it;
 *     older, newer and listed to the holder of the account's lock. */

#define SESSION_LAYOUT_VERSION 2u

enum session_life { LIFE_FREE, LIFE_BUILDING, LIFE_LIVE, LIFE_DEAD };

struct session {
    struct ct_tuple original;
    _Atomic uint32_t state;           /* enum session_state, life << 8, incarnation << 16 */
    _Atomic uint32_t last_seen;       /* tick; relaxed */
    _Atomic uint32_t verdict_version; /* odd while the four verdict fields are being written */
    _Atomic uint32_t verdict_sequence;

    struct ct_tuple reply; /* apart from the original, for address translation */
    _Atomic uint32_t verdict_egress_rule;
    _Atomic uint32_t verdict_ingress_rule;
    _Atomic uint8_t verdict_allowed; /* a bool; apart from the flags, for dumps */
    _Atomic uint8_t owner;           /* worker id whose wheel it is on */
    _Atomic uint8_t verdict_flags;
    uint8_t reserved;
    _Atomic uint32_t verdict_audit_rule;

    uint8_t label[16]; /* room for later */
    _Atomic uint32_t source;
    _Atomic uint32_t destination;
    uint32_t next;
    uint32_t prev;
    union {
        uint32_t newer; /* while it is on its account's list of half-open sessions */
        uint32_t mail_next;
    };
    uint8_t slot;              /* of the wheel it is on */
    bool listed;               /* on that list */
    uint16_t account;          /* this and the rest are written in BUILDING only */
    _Atomic uint16_t timeouts; /* number of its set; an atomic for dumps */
    uint16_t room;
    struct session_traits traits;
    uint32_t older; /* as newer */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct session_traits) == 16, "no hidden padding in the traits");
_Static_assert(sizeof(struct session) == 192, "a session is three lines");
_Static_assert(offsetof(struct session, reply) == 64, "each direction's tuple starts a line");
_Static_assert(offsetof(struct session, label) == 128, "what look-ups and tracking touch is in the first two lines");

#define CT_BUCKET_ENTRIES 7
struct ct_bucket {
    /* How many entries that belong here or earlier in the group live in later lines. Look-ups end at a zero. */
    _Atomic uint32_t passed;
    uint32_t reserved;
    _Atomic uint64_t entries[CT_BUCKET_ENTRIES]; /* signature << 32 | session << 1 | direction; 0: empty */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct ct_bucket) == 64, "a bucket is one line");

#define CT_GROUP_BITS 6u /* buckets that share a writers' lock, and that an overflow stays within */
/* Lines that one look-up may read. Nearly all read one; 8 would already turn some sessions away from a full table. */
#define CT_PROBES_MAX 16u

#define CT_CAPACITY_MIN 64u
#define CT_CAPACITY_MAX (1u << 26)
_Static_assert(sizeof(struct session) + sizeof(struct ct_bucket) / 2 + sizeof(uint32_t) <= 256, "memory per session");
_Static_assert(CT_ACCOUNTS_MAX <= 1u << 16 && CT_TIMEOUT_SETS_MAX <= 1u << 16, "their numbers fit a session's fields");

/* Retired sessions in order of retirement, linked by 'next'. */
struct ct_list {
    uint32_t head;
    uint32_t tail;
};

#define CT_WHEEL_SLOTS 64u /* one tick each */
#define CT_CACHE_MAX   64u

struct ct_worker {
    /* Any thread pushes (compare-and-swap), the owner takes all (exchange): sessions killed by somebody else. */
    _Atomic uint32_t mail __attribute__((aligned(64)));
    _Atomic uint32_t n_closed; /* of its sessions, by any thread */

    /* From here on the owner's alone; n_opened is read by any thread. */
    _Atomic uint32_t n_opened __attribute__((aligned(64)));
    bool started;     /* tick is set */
    uint32_t tick;    /* the wheel's slot in work */
    uint32_t closing; /* taken from the mail, linked by mail_next */
    uint32_t adopted; /* bit per worker id whose mail this one reads too */
    uint32_t slots[CT_WHEEL_SLOTS];

    /* Limbo: retired sessions wait for the batch before them, then for their grace period, then for flow caches. */
    struct ct_list waiting;
    struct ct_list grace;
    uint64_t grace_token; /* when grace is not empty */
    struct ct_list idle;

    uint32_t n_cached;
    uint32_t cache[CT_CACHE_MAX]; /* free sessions at hand */
};

struct conntrack {
    uint32_t layout_version;
    uint32_t capacity;
    uint32_t n_workers;
    uint32_t cache_bulk; /* how many free sessions move at once */
    uint32_t bucket_mask;
    uint32_t group_mask;
    struct hash_seed seed;
    struct session *sessions; /* capacity + 1; the first is no session */
    struct ct_bucket *buckets;
    struct ct_lock *locks; /* one per group */
    struct ct_worker *workers;
    struct ct_fragment_bucket *fragments;
    struct ct_account *accounts;           /* CT_ACCOUNTS_MAX of them; the first is nobody's */
    struct session_timeouts *timeout_sets; /* CT_TIMEOUT_SETS_MAX; stores by the control thread; 0: the default */

    struct ct_lock free_lock __attribute__((aligned(64)));
    uint32_t n_free;
    uint32_t *free_stack;
};

static inline uint32_t session_word(enum session_state state, enum session_life life, uint32_t incarnation)
{
    return (uint32_t)state | (uint32_t)life << 8 | incarnation << 16;
}

static inline enum session_state session_word_state(uint32_t word)
{
    return word & 0xff;
}

static inline enum session_life session_word_life(uint32_t word)
{
    return word >> 8 & 0xff;
}

static inline uint32_t session_word_incarnation(uint32_t word)
{
    return word >> 16;
}

static inline struct session *ct_session(const struct conntrack *ct, uint32_t index)
{
    return &ct->sessions[index];
}

/* ct_index.c: the hash index. Look-ups need no lock; add and remove need the groups of both hashes locked. */
uint64_t ct_index_hash(const struct conntrack *ct, const struct ct_tuple *tuple);
void ct_index_prefetch(const struct conntrack *ct, uint64_t hash);
bool ct_index_find(const struct conntrack *ct, uint64_t hash, const struct ct_tuple *tuple, struct ct_match *match);
void ct_index_lock(struct conntrack *ct, uint64_t hash_a, uint64_t hash_b);
void ct_index_unlock(struct conntrack *ct, uint64_t hash_a, uint64_t hash_b);
bool ct_index_add(struct conntrack *ct, uint64_t hash, uint32_t session, enum ct_direction direction);
void ct_index_remove(struct conntrack *ct, uint64_t hash, uint32_t session, enum ct_direction direction);

/* conntrack.c: takes the living session whose state word was 'word' out of the index. False when somebody else did, or
 * when it is another connection by now. The winner retires it (owner) or mails it. Any thread. */
bool ct_kill(struct conntrack *ct, uint32_t session, uint32_t word);
/* The same, but only while it is half-open. */
bool ct_kill_half_open(struct conntrack *ct, uint32_t session, uint32_t word);
/* Owner. Free indexes; 0 when there is none. */
uint32_t ct_free_take(struct conntrack *ct, struct ct_worker *worker);
void ct_free_put(struct conntrack *ct, struct ct_worker *worker, uint32_t session);
/* Back to the shared stack, all but 'keep' of them. */
void ct_free_return(struct conntrack *ct, struct ct_worker *worker, uint32_t keep);

/* conntrack_timers.c. */
void ct_timer_start(struct conntrack *ct, unsigned int worker, uint32_t session, uint32_t now); /* owner */
void ct_mail(struct conntrack *ct, uint32_t session); /* any thread, after ct_kill() */

/* conntrack_track.c: the state after a packet with these flags; SESSION_NONE when it does not fit. In SESSION_NONE: what
 * a first packet opens. */
enum session_state ct_next_state(uint8_t protocol, enum session_state state, enum ct_direction direction,
                                 uint8_t flags);
/* The verdict, and the ends it was made for unless NULL, together. */
struct ct_ends {
    uint32_t source;
    uint32_t destination;
};
void ct_verdict_store(struct session *session, const struct session_verdict *verdict, const struct ct_ends *ends);

/* ct_timeouts.c: seconds that the session may stay silent in 'state'. */
uint32_t ct_timeout(const struct conntrack *ct, const struct session *session, uint8_t protocol,
                    enum session_state state);
