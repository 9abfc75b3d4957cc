// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acl/conntrack_private.h"

/* Accounts inside the session table; nobody else includes it.
 *
 * A session is charged when it is opened ('sessions'), moves to 'retired' when it is killed, and is off the account when
 * its place is free again. Half-open sessions are on the account's list, oldest first, linked by 'newer' and 'older' of
 * the sessions. Whoever changes a state word to or from one of those states brings the list up to date after, by the
 * account's lock, which is held for a few stores: the last to come finds the word of all. A session is off the list
 * before whoever killed it hands it to its owner.
 *
 * Early-dropped sessions keep their places until flow caches have forgotten them. To keep a flood from filling the
 * table in that time, an account may have as many retired sessions as living ones; beyond that it is at its limit. */
struct ct_account {
    _Atomic uint32_t sessions;
    _Atomic uint32_t retired;
    _Atomic uint32_t half_open; /* on the list; stores by the lock's holder */
    _Atomic uint32_t max;       /* limits: stores by the control thread */
    _Atomic uint32_t retired_max;
    _Atomic uint32_t half_open_max;
    uint32_t oldest; /* the list, by the lock */
    uint32_t newest;
    _Atomic uint64_t refused;
    _Atomic uint64_t early_drops;
    uint64_t closed; /* control thread: when it was closed (qsbr.h) */
    struct ct_lock lock;
    bool open; /* control thread */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct ct_account) == 64, "an account is one line");

/* Worker, before a session is opened. False: the account is at its limit. */
bool ct_account_charge(struct conntrack *ct, uint32_t account);
/* Worker: a charged session was not opened after all. */
void ct_account_credit(struct conntrack *ct, uint32_t account);
/* Any thread: a session of the account was killed. */
void ct_account_retire(struct conntrack *ct, uint32_t account);
/* Worker: its place is free. */
void ct_account_free(struct conntrack *ct, uint32_t account);
/* Worker: one was turned away. */
void ct_account_count_refused(struct conntrack *ct, uint32_t account);

/* True for a living session whose TCP handshake has not finished. */
static inline bool ct_is_half_open(uint32_t word)
{
    enum session_state state = session_word_state(word);

    return session_word_life(word) == LIFE_LIVE && state >= SESSION_SYN_SENT && state <= SESSION_SYN_RECV;
}

/* Any thread that has put a TCP session into the half-open states, or out of them, or killed it: puts it on the list or
 * takes it off, as its state word is by now. When there are too many half-open ones the oldest makes way. */
void ct_half_open_note(struct conntrack *ct, uint32_t session);
