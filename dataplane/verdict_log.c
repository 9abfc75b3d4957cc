// SPDX-License-Identifier: Apache-2.0
#include "dataplane/verdict_log.h"

#include <stdatomic.h>
#include <stddef.h>

#include "dataplane/core/port.h"
#include "dataplane/rule_counters_private.h"

/* Events between two looks of the control thread; a power of two. */
#define RING_EVENTS 256u

/* One writer (the worker), one reader (control). */
struct ring {
    _Atomic uint32_t head __attribute__((aligned(64))); /* the worker's: events ever posted */
    _Atomic uint32_t tail __attribute__((aligned(64))); /* control's: events ever taken */
    struct verdict_event events[RING_EVENTS];
};

static struct ring rings[WORKERS_MAX];

/* May the rule log one more in this second? */
static bool has_budget(struct rule_slot *slot, uint32_t now)
{
    if (slot->log_tick != now) {
        slot->log_tick = now;
        slot->logged = 0;
    }
    return slot->logged < VERDICT_LOG_RATE;
}

static bool ring_put(struct ring *ring, const struct verdict_event *event, uint32_t left_out)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == RING_EVENTS)
        return false;
    ring->events[head % RING_EVENTS] = *event;
    ring->events[head % RING_EVENTS].left_out = left_out;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

void verdict_log_post(unsigned int worker, const struct verdict_event *event, uint32_t now)
{
    struct rule_slot *slot = rule_slot(worker, event->rule);

    if (slot == NULL)
        return;
    if (!has_budget(slot, now) || !ring_put(&rings[worker], event, slot->left_out)) {
        slot->left_out++;
        return;
    }
    slot->logged++;
    slot->left_out = 0;
}

bool verdict_log_take(struct verdict_event *event)
{
    for (unsigned int worker = 0; worker < WORKERS_MAX; worker++) {
        struct ring *ring = &rings[worker];
        uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

        if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
            continue;
        *event = ring->events[tail % RING_EVENTS];
        atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
        return true;
    }
    return false;
}
