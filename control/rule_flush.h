// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conntrack;

/* Ends the sessions that rules of groups with on_change=flush let in, when such rules were removed or changed: after every
 * worker forwards by the new policy (before, it would let them in again), in slices, so that the control thread is never
 * held up. Control thread. */
struct rule_flush {
    uint32_t *rules; /* being flushed, sorted */
    size_t n;
    uint32_t cursor;
    uint32_t *next; /* for the round after this one */
    size_t n_next;
};

void rule_flush_init(struct rule_flush *flush);
void rule_flush_destroy(struct rule_flush *flush);

/* 'rules' (allocated with malloc(); NULL allowed) are taken over. */
void rule_flush_add(struct rule_flush *flush, uint32_t *rules, size_t n);
/* True when there is something to do: changes are not confirmed before it is done. */
bool rule_flush_is_busy(const struct rule_flush *flush);
/* A slice of some milliseconds; only when every worker forwards by the present policy. True when a round is done: workers
 * have to look at their cached flows again. */
bool rule_flush_run(struct rule_flush *flush, struct conntrack *ct);
