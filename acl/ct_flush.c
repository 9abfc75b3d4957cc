// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack_private.h"

static bool is_zone(const struct session *s, uint32_t zone)
{
    return atomic_load_explicit((_Atomic uint32_t *)&s->original.zone, memory_order_acquire) == zone;
}

/* These read outside any grace period: when a session was reused meanwhile, ct_kill() refuses the old word. */
uint32_t conntrack_flush(struct conntrack *ct, uint32_t zone, bool all)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i <= ct->capacity; i++) {
        struct session *s = ct_session(ct, i);
        uint32_t word = atomic_load_explicit(&s->state, memory_order_acquire);

        if (session_word_life(word) != LIFE_LIVE || (!all && !is_zone(s, zone)))
            continue;
        if (ct_kill(ct, i, word)) {
            ct_mail(ct, i);
            n++;
        }
    }
    return n;
}

static bool contains(const uint32_t *rules, size_t n, uint32_t rule)
{
    size_t low = 0;
    size_t high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rules[middle] == rule)
            return true;
        if (rules[middle] < rule)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Rule 0 is no rule. */
static bool was_let_in_by(const struct session_verdict *verdict, const uint32_t *rules, size_t n)
{
    return verdict->allowed && ((verdict->egress_rule != 0 && contains(rules, n, verdict->egress_rule)) ||
                                (verdict->ingress_rule != 0 && contains(rules, n, verdict->ingress_rule)));
}

bool conntrack_flush_rules(struct conntrack *ct, const uint32_t *rules, size_t n, uint32_t *cursor, uint32_t most)
{
    while (n > 0 && *cursor < ct->capacity && most-- > 0) {
        uint32_t i = ++*cursor;
        uint32_t word = atomic_load_explicit(&ct_session(ct, i)->state, memory_order_acquire);
        struct session_verdict verdict;

        if (session_word_life(word) != LIFE_LIVE)
            continue;
        verdict = conntrack_verdict(ct, i);
        if (was_let_in_by(&verdict, rules, n) && ct_kill(ct, i, word))
            ct_mail(ct, i);
    }
    return n == 0 || *cursor >= ct->capacity;
}
