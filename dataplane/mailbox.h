// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/wake.h"

/* Requests from the control thread to one worker, such as "copy a slice of your flow cache". One request at a time; the
 * worker looks once per loop, is woken when it rests, and each request does a bounded piece of work. */
struct mailbox {
    void (*run)(void *worker, void *request); /* set by control before 'posted' */
    void *request;
    _Atomic bool posted; /* control sets (release), worker clears when done (release) */
};

/* Control thread. False when the former request is not done yet. */
static inline bool mailbox_post(struct mailbox *mailbox, void (*run)(void *worker, void *request), void *request)
{
    if (atomic_load_explicit(&mailbox->posted, memory_order_acquire))
        return false;
    mailbox->run = run;
    mailbox->request = request;
    atomic_store_explicit(&mailbox->posted, true, memory_order_release);
    wake_all();
    return true;
}

static inline bool mailbox_is_done(const struct mailbox *mailbox)
{
    return !atomic_load_explicit(&((struct mailbox *)mailbox)->posted, memory_order_acquire);
}

/* Worker, once per loop. */
static inline void mailbox_drain(struct mailbox *mailbox, void *worker)
{
    if (__builtin_expect(atomic_load_explicit(&mailbox->posted, memory_order_acquire), 0)) {
        mailbox->run(worker, mailbox->request);
        atomic_store_explicit(&mailbox->posted, false, memory_order_release);
    }
}
