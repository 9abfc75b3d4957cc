// SPDX-License-Identifier: Apache-2.0
#include "acl/ct_accounts.h"

#include "dataplane/core/qsbr.h"

#define ACCOUNT_MAX_MIN  1024u /* the default is never below, nor is room for retired sessions in a large table */
#define EARLY_DROP_TRIES 4u    /* sessions that may turn out to have finished their handshake meanwhile */

static struct ct_account *account_at(const struct conntrack *ct, uint32_t account)
{
    return &ct->accounts[account];
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void set_limits(const struct conntrack *ct, struct ct_account *a, const struct ct_limits *limits)
{
    uint32_t share = ct->capacity / 8;
    uint32_t max = limits->max != 0 ? limits->max : larger(share, ACCOUNT_MAX_MIN);
    uint32_t half_open = limits->half_open != 0 ? limits->half_open : CT_HALF_OPEN_DEFAULT;

    atomic_store_explicit(&a->max, max, memory_order_relaxed);
    atomic_store_explicit(&a->retired_max, larger(max, smaller(share, ACCOUNT_MAX_MIN)), memory_order_relaxed);
    atomic_store_explicit(&a->half_open_max, smaller(half_open, CT_HALF_OPEN_MAX), memory_order_relaxed);
}

/* Killing a session adds to 'retired' before it takes from 'sessions': one of them shows it. */
static bool is_empty(const struct ct_account *a)
{
    return atomic_load_explicit(&a->sessions, memory_order_acquire) == 0 &&
           atomic_load_explicit(&a->retired, memory_order_acquire) == 0;
}

uint32_t conntrack_account_open(struct conntrack *ct, const struct ct_limits *limits)
{
    for (uint32_t account = 1; account < CT_ACCOUNTS_MAX; account++) {
        struct ct_account *a = account_at(ct, account);

        /* Workers may go on opening sessions with the number for a grace period. */
        if (a->open || (a->closed != 0 && !qsbr_done(a->closed)) || !is_empty(a))
            continue;
        set_limits(ct, a, limits);
        atomic_store_explicit(&a->refused, 0, memory_order_relaxed);
        atomic_store_explicit(&a->early_drops, 0, memory_order_relaxed);
        a->open = true;
        return account;
    }
    return 0;
}

int conntrack_account_change(struct conntrack *ct, uint32_t account, const struct ct_limits *limits)
{
    set_limits(ct, account_at(ct, account), limits);
    return 0;
}

void conntrack_account_close(struct conntrack *ct, uint32_t account)
{
    struct ct_account *a = account_at(ct, account);

    if (account == 0)
        return;
    a->open = false;
    a->closed = qsbr_start();
}

void conntrack_account_usage(const struct conntrack *ct, uint32_t account, struct ct_usage *usage)
{
    const struct ct_account *a = account_at(ct, account);

    *usage = (struct ct_usage){
        .sessions = atomic_load_explicit(&a->sessions, memory_order_relaxed),
        .half_open = atomic_load_explicit(&a->half_open, memory_order_relaxed),
        .refused = atomic_load_explicit(&a->refused, memory_order_relaxed),
        .early_drops = atomic_load_explicit(&a->early_drops, memory_order_relaxed),
    };
}

/* By the lock's holder. */
static void list_append(struct conntrack *ct, struct ct_account *a, uint32_t session)
{
    struct session *s = ct_session(ct, session);

    s->older = a->newest;
    s->newer = 0;
    s->listed = true;
    if (a->newest != 0)
        ct_session(ct, a->newest)->newer = session;
    else
        a->oldest = session;
    a->newest = session;
    atomic_store_explicit(&a->half_open, atomic_load_explicit(&a->half_open, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* By the lock's holder. */
static void list_remove(struct conntrack *ct, struct ct_account *a, uint32_t session)
{
    struct session *s = ct_session(ct, session);

    if (s->older != 0)
        ct_session(ct, s->older)->newer = s->newer;
    else
        a->oldest = s->newer;
    if (s->newer != 0)
        ct_session(ct, s->newer)->older = s->older;
    else
        a->newest = s->older;
    s->listed = false;
    atomic_store_explicit(&a->half_open, atomic_load_explicit(&a->half_open, memory_order_relaxed) - 1,
                          memory_order_relaxed);
}

/* Ends the account's oldest half-open session. False: there was none. */
static bool early_drop(struct conntrack *ct, struct ct_account *a)
{
    for (unsigned int n = 0; n < EARLY_DROP_TRIES; n++) {
        uint32_t session = 0;
        uint32_t word = 0;

        ct_lock_take(&a->lock);
        session = a->oldest;
        if (session != 0) {
            word = atomic_load_explicit(&ct_session(ct, session)->state, memory_order_acquire);
            list_remove(ct, a, session);
        }
        ct_lock_release(&a->lock);
        if (session == 0)
            return false;
        if (ct_kill_half_open(ct, session, word)) {
            ct_mail(ct, session);
            atomic_fetch_add_explicit(&a->early_drops, 1, memory_order_relaxed);
            return true;
        }
    }
    return false;
}

bool ct_account_charge(struct conntrack *ct, uint32_t account)
{
    struct ct_account *a = account_at(ct, account);

    if (account == 0)
        return true;
    for (bool dropped = false;; dropped = true) {
        uint32_t max = atomic_load_explicit(&a->max, memory_order_relaxed);

        if (atomic_load_explicit(&a->retired, memory_order_relaxed) >
            atomic_load_explicit(&a->retired_max, memory_order_relaxed))
            return false;
        if (atomic_fetch_add_explicit(&a->sessions, 1, memory_order_relaxed) < max)
            return true;
        atomic_fetch_sub_explicit(&a->sessions, 1, memory_order_relaxed);
        if (dropped || !early_drop(ct, a))
            return false;
    }
}

void ct_account_credit(struct conntrack *ct, uint32_t account)
{
    if (account != 0)
        atomic_fetch_sub_explicit(&account_at(ct, account)->sessions, 1, memory_order_release);
}

void ct_account_retire(struct conntrack *ct, uint32_t account)
{
    if (account == 0)
        return;
    atomic_fetch_add_explicit(&account_at(ct, account)->retired, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&account_at(ct, account)->sessions, 1, memory_order_release);
}

void ct_account_free(struct conntrack *ct, uint32_t account)
{
    if (account != 0)
        atomic_fetch_sub_explicit(&account_at(ct, account)->retired, 1, memory_order_release);
}

void ct_account_count_refused(struct conntrack *ct, uint32_t account)
{
    atomic_fetch_add_explicit(&account_at(ct, account)->refused, 1, memory_order_relaxed);
}

void ct_half_open_note(struct conntrack *ct, uint32_t session)
{
    struct session *s = ct_session(ct, session);
    struct ct_account *a = account_at(ct, s->account);
    bool too_many = false;
    bool half_open = false;

    if (s->account == 0)
        return;
    ct_lock_take(&a->lock);
    half_open = ct_is_half_open(atomic_load_explicit(&s->state, memory_order_acquire));
    if (half_open && !s->listed)
        list_append(ct, a, session);
    else if (!half_open && s->listed)
        list_remove(ct, a, session);
    too_many = half_open && atomic_load_explicit(&a->half_open, memory_order_relaxed) >
                                atomic_load_explicit(&a->half_open_max, memory_order_relaxed);
    ct_lock_release(&a->lock);
    if (too_many)
        early_drop(ct, a);
}
