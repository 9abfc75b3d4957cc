// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/wake.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "dataplane/core/qsbr.h"

/* Bit i: worker i lies. Whoever clears it writes to the descriptor, so one waking is one write. */
static _Atomic uint64_t lying __attribute__((aligned(64)));

/* Descriptor plus one; 0: none. Never closed: a thread that wakes may be about to write to it. */
static int descriptors[QSBR_MAX_READERS] __attribute__((aligned(64)));

int wake_prepare(unsigned int worker)
{
    int fd;

    if (descriptors[worker] != 0)
        return 0;
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    descriptors[worker] = fd + 1;
    return 0;
}

int wake_fd(unsigned int worker)
{
    return descriptors[worker] - 1;
}

void wake_lie_down(unsigned int worker)
{
    atomic_fetch_or_explicit(&lying, 1ULL << worker, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

void wake_get_up(unsigned int worker)
{
    eventfd_t count;

    atomic_fetch_and_explicit(&lying, ~(1ULL << worker), memory_order_relaxed);
    if (eventfd_read(wake_fd(worker), &count) != 0)
        return; /* nobody has woken it */
}

void wake_all(void)
{
    uint64_t workers;

    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&lying, memory_order_relaxed) == 0)
        return;
    /* Acquire: descriptors are there before anybody lies. */
    workers = atomic_exchange_explicit(&lying, 0, memory_order_acquire);
    for (; workers != 0; workers &= workers - 1)
        eventfd_write(descriptors[__builtin_ctzll(workers)] - 1, 1);
}
