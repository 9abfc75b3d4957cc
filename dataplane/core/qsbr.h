// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Quiescent-state reclamation: when may memory that workers could be reading be freed?
 *
 * Workers report a quiescent state once per loop: at that point they hold no pointer into shared structures. Whoever
 * unlinks something takes a token with qsbr_start() after the unlink, and may free it once qsbr_done() says that every
 * worker has been quiescent since. Readers never lock. This is the only spelling of the idea in the tree; it stands on
 * DPDK's rte_rcu_qsbr.
 *
 * One process-wide instance, because there is one set of workers. qsbr_init() before the first worker; control thread.
 * Worker ids are 0..QSBR_MAX_READERS-1. */
#define QSBR_MAX_READERS 64

int qsbr_init(void); /* 0 or -ENOMEM; a second call is harmless */

/* Called by the reader itself, before its first and after its last access. A reader that sleeps holds up whoever
 * waits for a grace period: its sleeps are to be short, or such that wake_all() (wake.h) ends them. */
void qsbr_reader_register(unsigned int reader);
void qsbr_reader_unregister(unsigned int reader);
void qsbr_reader_quiescent(unsigned int reader);

/* Any thread. Token for "everything unlinked before now". Wakes workers that rest. */
uint64_t qsbr_start(void);
/* Any thread. True once every registered reader has been quiescent since the token was taken. Never waits. */
bool qsbr_done(uint64_t token);
/* Control or vhost event threads, never a worker: waits until the grace period of everything unlinked so far is over. */
void qsbr_synchronize(void);
