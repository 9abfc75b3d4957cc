// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* What one worker keeps of one rule, on a line of its own. */
struct rule_slot {
    /* Written by the worker, read by control; relaxed. */
    _Atomic uint64_t hits;
    _Atomic uint64_t packets;
    _Atomic uint64_t bytes;
    _Atomic uint32_t last_hit;

    /* The worker's own: the verdict log's budget. */
    uint32_t log_tick;
    uint32_t logged; /* in that tick */
    uint32_t left_out;

    uint8_t touched; /* control's: makes the page present */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct rule_slot) == 64, "one line per rule and worker");

/* NULL when the worker never ran, or for no rule. */
struct rule_slot *rule_slot(unsigned int worker, uint32_t rule);
/* The counter of a key in one worker's table of drops, or NULL. */
const _Atomic uint64_t *rule_drops_get(unsigned int worker, uint64_t key);
