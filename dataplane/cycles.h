// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/port.h"

/* Where the time of one worker goes: TSC clocks of its turns, by busy and idle, by receive queue, and while the account by
 * stage is on (other_config:pmd-perf-metrics) by stage.
 *
 * Written by the worker only, read by control at any time (relaxed; every count only grows while the thread lives). Costs
 * one reading of the TSC and a few adds per poll, nothing per packet. A turn's clocks are added up at the beginning of
 * the next one, so a reader sees whole turns.
 *
 *   turn:  | poll, empty | poll, n packets | poll, empty | mailbox, housekeeping, sleep |
 *            idle          busy, its queue   idle          busy if the turn had packets, else idle */

enum cycle_count {
    COUNT_BUSY_CLOCKS,
    COUNT_IDLE_CLOCKS, /* with those asleep */
    COUNT_TURNS,
    COUNT_BUSY_TURNS, /* that received something */
    COUNT_SLEEPS,
    COUNT_SLEPT_CLOCKS,
    COUNT_RX_BURSTS, /* polls that found packets */
    COUNT_RX_PACKETS,
    COUNT_N
};

enum cycle_stage { CYCLES_RX, CYCLES_DECAP, CYCLES_KEYS, CYCLES_ACT, CYCLES_MISS, CYCLES_TX, CYCLES_N };

struct cycle_stage_account {
    _Atomic uint64_t clocks;
    _Atomic uint64_t packets;
};

struct cycles {
    /* The worker's own, of the present turn. */
    uint64_t turn_begun;
    uint64_t last; /* the clock at which the last poll ended */
    uint64_t busy; /* clocks of polls that found packets */
    uint32_t packets;
    uint32_t bursts;
    bool by_stage; /* whether stages are to call cycles_stage() in this turn */
    bool asleep;

    _Atomic uint64_t counts[COUNT_N] __attribute__((aligned(64)));
    struct cycle_stage_account stages[CYCLES_N];
} __attribute__((aligned(64)));

/* Control thread, while the worker is not running: all zero. */
void cycles_clear(struct cycles *cycles);

/* One writer, so no locked instruction. */
static inline void cycles_add(_Atomic uint64_t *count, uint64_t n)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Worker, before its first turn. */
static inline void cycles_start(struct cycles *cycles, uint64_t tsc)
{
    cycles->turn_begun = cycles->last = tsc;
}

/* Worker: a turn begins at 'tsc', and so the former one ends. */
static inline void cycles_turn(struct cycles *cycles, uint64_t tsc, bool by_stage)
{
    uint64_t turn = tsc - cycles->turn_begun;

    if (cycles->packets > 0) {
        uint64_t busy = cycles->busy + (tsc - cycles->last);

        cycles_add(&cycles->counts[COUNT_BUSY_CLOCKS], busy);
        cycles_add(&cycles->counts[COUNT_IDLE_CLOCKS], turn - busy);
        cycles_add(&cycles->counts[COUNT_BUSY_TURNS], 1);
        cycles_add(&cycles->counts[COUNT_RX_BURSTS], cycles->bursts);
        cycles_add(&cycles->counts[COUNT_RX_PACKETS], cycles->packets);
    } else {
        cycles_add(&cycles->counts[COUNT_IDLE_CLOCKS], turn);
        if (cycles->asleep) {
            cycles_add(&cycles->counts[COUNT_SLEEPS], 1);
            cycles_add(&cycles->counts[COUNT_SLEPT_CLOCKS], tsc - cycles->last);
        }
    }
    cycles_add(&cycles->counts[COUNT_TURNS], 1);
    cycles->turn_begun = cycles->last = tsc;
    cycles->busy = 0;
    cycles->packets = cycles->bursts = 0;
    cycles->asleep = false;
    cycles->by_stage = by_stage;
}

/* Worker: a poll of the queue of 'account' ended at 'tsc'; its 'n' packets have been forwarded. */
static inline void cycles_poll(struct cycles *cycles, struct rxq_account *account, uint64_t tsc, uint32_t n)
{
    if (n > 0) {
        uint64_t clocks = tsc - cycles->last;

        cycles_add(&account->clocks, clocks);
        cycles_add(&account->packets, n);
        cycles->busy += clocks;
        cycles->packets += n;
        cycles->bursts++;
    }
    cycles->last = tsc;
}

/* Worker: it sleeps until the next turn. */
static inline void cycles_sleep(struct cycles *cycles)
{
    cycles->asleep = true;
}

/* Stage, only in a turn with 'by_stage': it took 'clocks' for 'packets'. */
static inline void cycles_stage(struct cycles *cycles, enum cycle_stage stage, uint64_t clocks, uint32_t packets)
{
    cycles_add(&cycles->stages[stage].clocks, clocks);
    cycles_add(&cycles->stages[stage].packets, packets);
}
