// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack_private.h"

#include <netinet/in.h>

#include "acl/ct_accounts.h"
#include "dataplane/core/qsbr.h"

/* Timers and the end of sessions. The wheel is lazy: packets never move a session on it. A session is looked at when
 * its slot comes up, at the latest after one turn, and either expires or goes to the slot of its deadline. So one whose
 * state shortened its time (a reset after hours) may outlive it by a turn; until then it is found, as it is in state.
 *
 *   LIVE --ct_kill()--> DEAD --retire()--> waiting --token--> grace --readers quiet--> idle --cache idle--> FREE
 *          by the owner: at once
 *          by another thread: through the owner's mail */

#define SLICE 256u /* most sessions that one run looks at, for each of its tasks */

/* TCP sessions are looked at soon after they open, because short connections are over by then. */
#define FIRST_LOOK 8u

static bool list_is_empty(const struct ct_list *list)
{
    return list->head == 0;
}

/* Moves all of 'from' to the end of 'to'. */
static void list_append(struct conntrack *ct, struct ct_list *to, struct ct_list *from)
{
    if (list_is_empty(from))
        return;
    if (list_is_empty(to))
        to->head = from->head;
    else
        ct_session(ct, to->tail)->next = from->head;
    to->tail = from->tail;
    *from = (struct ct_list){0};
}

/* The tick at which a session expires unless another packet comes. */
static uint32_t deadline_of(const struct conntrack *ct, const struct session *s, uint32_t word)
{
    return atomic_load_explicit(&s->last_seen, memory_order_relaxed) +
           ct_timeout(ct, s, s->original.protocol, session_word_state(word));
}

/* The slots' lists are linked both ways, so that a session killed by another thread leaves without a search. */
static void wheel_insert(struct conntrack *ct, struct ct_worker *w, uint32_t session, uint32_t due)
{
    uint32_t earliest = w->tick + 1;
    uint32_t latest = w->tick + CT_WHEEL_SLOTS - 1;
    struct session *s = ct_session(ct, session);
    uint32_t slot = 0;

    if ((int32_t)(due - earliest) < 0)
        due = earliest;
    if ((int32_t)(due - latest) > 0)
        due = latest;
    slot = due % CT_WHEEL_SLOTS;
    s->slot = (uint8_t)slot;
    s->prev = 0;
    s->next = w->slots[slot];
    if (s->next != 0)
        ct_session(ct, s->next)->prev = session;
    w->slots[slot] = session;
}

static void wheel_remove(struct conntrack *ct, struct ct_worker *w, uint32_t session)
{
    struct session *s = ct_session(ct, session);

    if (s->prev != 0)
        ct_session(ct, s->prev)->next = s->next;
    else
        w->slots[s->slot] = s->next;
    if (s->next != 0)
        ct_session(ct, s->next)->prev = s->prev;
}

static void retire(struct conntrack *ct, struct ct_worker *w, uint32_t session)
{
    struct ct_list one = {.head = session, .tail = session};

    ct_session(ct, session)->next = 0;
    list_append(ct, &w->waiting, &one);
}

void ct_timer_start(struct conntrack *ct, unsigned int worker, uint32_t session, uint32_t now)
{
    struct ct_worker *w = &ct->workers[worker];
    const struct session *s = ct_session(ct, session);
    uint32_t word = atomic_load_explicit(&s->state, memory_order_relaxed);
    uint32_t due = s->original.protocol == IPPROTO_TCP ? now + FIRST_LOOK : deadline_of(ct, s, word);

    if (!w->started) {
        w->tick = now;
        w->started = true;
    }
    wheel_insert(ct, w, session, due);
}

void ct_mail(struct conntrack *ct, uint32_t session)
{
    struct session *s = ct_session(ct, session);
    struct ct_worker *w = &ct->workers[atomic_load_explicit(&s->owner, memory_order_relaxed)];
    uint32_t head = atomic_load_explicit(&w->mail, memory_order_relaxed);

    /* Pushed here, taken only as a whole: a head that comes back (ABA) is still the right successor. */
    do {
        s->mail_next = head;
    } while (
        !atomic_compare_exchange_weak_explicit(&w->mail, &head, session, memory_order_release, memory_order_relaxed));
}

static uint32_t take_mail(struct ct_worker *w)
{
    if (atomic_load_explicit(&w->mail, memory_order_relaxed) == 0)
        return 0;
    return atomic_exchange_explicit(&w->mail, 0, memory_order_acquire);
}

/* Own mail first, then that of workers whose sessions were handed over: a slow closer may still have used the old
 * address. */
static uint32_t take_any_mail(struct conntrack *ct, struct ct_worker *w)
{
    uint32_t mail = take_mail(w);

    for (uint32_t bits = w->adopted; bits != 0 && mail == 0; bits &= bits - 1)
        mail = take_mail(&ct->workers[__builtin_ctz(bits)]);
    return mail;
}

/* The tasks of a run; each says whether there is more to do. */
static bool run_mail(struct conntrack *ct, unsigned int worker)
{
    struct ct_worker *w = &ct->workers[worker];

    for (unsigned int n = 0; n < SLICE; n++) {
        uint32_t session = w->closing;
        struct session *s = NULL;

        if (session == 0)
            session = take_any_mail(ct, w);
        if (session == 0)
            return false;
        s = ct_session(ct, session);
        w->closing = s->mail_next;
        if (atomic_load_explicit(&s->owner, memory_order_relaxed) != worker) {
            ct_mail(ct, session);
            continue;
        }
        wheel_remove(ct, w, session);
        retire(ct, w, session);
    }
    return true;
}

/* One session whose slot came up; it is off the wheel. */
static void run_timer(struct conntrack *ct, struct ct_worker *w, uint32_t session, uint32_t now)
{
    const struct session *s = ct_session(ct, session);
    uint32_t word = atomic_load_explicit(&s->state, memory_order_acquire);
    uint32_t deadline = deadline_of(ct, s, word);

    /* When somebody else killed it, it is in the mail, or will be soon. */
    if (session_word_life(word) == LIFE_LIVE && (int32_t)(now - deadline) >= 0 && ct_kill(ct, session, word))
        retire(ct, w, session);
    else
        wheel_insert(ct, w, session, deadline);
}

static bool run_wheel(struct conntrack *ct, struct ct_worker *w, uint32_t now)
{
    unsigned int budget = SLICE;

    if (!w->started) {
        w->tick = now;
        w->started = true;
    }
    /* After a long pause one turn covers every slot. */
    if ((int32_t)(now - w->tick) >= (int32_t)CT_WHEEL_SLOTS)
        w->tick = now - (CT_WHEEL_SLOTS - 1);

    while (budget > 0) {
        uint32_t session = w->slots[w->tick % CT_WHEEL_SLOTS];

        if (session == 0) {
            if ((int32_t)(now - w->tick) <= 0)
                return false;
            w->tick++;
            continue;
        }
        wheel_remove(ct, w, session);
        run_timer(ct, w, session, now);
        budget--;
    }
    return true;
}

static bool run_limbo(struct conntrack *ct, struct ct_worker *w, uint32_t now)
{
    if (!list_is_empty(&w->grace) && qsbr_done(w->grace_token))
        list_append(ct, &w->idle, &w->grace);
    if (list_is_empty(&w->grace) && !list_is_empty(&w->waiting)) {
        list_append(ct, &w->grace, &w->waiting);
        w->grace_token = qsbr_start();
    }
    for (unsigned int n = 0; n < SLICE; n++) {
        uint32_t session = w->idle.head;
        struct session *s = ct_session(ct, session);
        uint32_t word = atomic_load_explicit(&s->state, memory_order_relaxed);

        if (session == 0 ||
            (int32_t)(now - atomic_load_explicit(&s->last_seen, memory_order_relaxed)) <= SESSION_CACHE_IDLE)
            return false;
        w->idle.head = s->next;
        ct_account_free(ct, s->account);
        atomic_store_explicit(&s->state, session_word(SESSION_NONE, LIFE_FREE, session_word_incarnation(word)),
                              memory_order_relaxed);
        ct_free_put(ct, w, session);
    }
    return true;
}

bool conntrack_run(struct conntrack *ct, unsigned int worker, uint32_t now)
{
    struct ct_worker *w = &ct->workers[worker];

    bool more = run_mail(ct, worker);

    more = run_wheel(ct, w, now) || more;
    return run_limbo(ct, w, now) || more;
}

bool conntrack_worker_handover(struct conntrack *ct, unsigned int worker, unsigned int heir, uint32_t most)
{
    struct ct_worker *from = &ct->workers[worker];
    struct ct_worker *to = &ct->workers[heir];

    if (worker == heir)
        return true;
    if (!to->started) {
        to->tick = from->tick;
        to->started = from->started;
    }
    for (uint32_t slot = 0; slot < CT_WHEEL_SLOTS; slot++) {
        while (from->slots[slot] != 0) {
            uint32_t session = from->slots[slot];

            if (most-- == 0)
                return false;
            wheel_remove(ct, from, session);
            atomic_store_explicit(&ct_session(ct, session)->owner, (uint8_t)heir, memory_order_relaxed);
            wheel_insert(ct, to, session, to->tick + (slot - from->tick) % CT_WHEEL_SLOTS);
        }
    }
    while (from->closing != 0) {
        uint32_t session = from->closing;

        from->closing = ct_session(ct, session)->mail_next;
        ct_mail(ct, session);
    }
    to->adopted |= (from->adopted | 1u << worker) & ~(1u << heir);
    list_append(ct, &to->waiting, &from->waiting);
    list_append(ct, &to->waiting, &from->grace); /* they wait once more, with a token of the heir's */
    list_append(ct, &to->idle, &from->idle);
    ct_free_return(ct, from, 0);
    return true;
}
