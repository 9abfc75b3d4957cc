// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "tools/gen/options.h"

/* Running totals by direction. The thread that sends and receives writes, the main thread reads. */
struct counters {
    _Atomic uint64_t sent[GUESTS_MAX]; /* the last is the flood */
    _Atomic uint64_t received[2];
    _Atomic uint64_t received_bytes[2]; /* of guests' frames without outer headers; of large frames the payload */
    _Atomic uint64_t arrived;      /* frames as they came, where those that were sent may have been cut into several */
    _Atomic uint64_t connections;  /* completed */
    _Atomic uint64_t bursts;       /* tried */
    _Atomic uint64_t bursts_short; /* of which the ring had no room for all: the switch is the slower one */
    _Atomic uint64_t foreign;      /* frames that were none of ours, among those that were looked into */
};

/* One writer, so no atomic read-modify-write is needed. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}
