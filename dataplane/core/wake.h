// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

/* Wakes workers that wait for an event instead of looking at everything again and again.
 *
 * Whoever changes something that a worker is to notice soon calls wake_all() after the change. A worker lies down, looks
 * at everything once more, and only then waits for its descriptor. Both have a full fence in the middle, so that either
 * the worker sees the change or the other one sees it lie: no change is slept through. While nobody lies, wake_all()
 * costs a fence and a look at one word.
 *
 * Workers are those of qsbr.h, by the same ids. */

/* Control thread, before the worker starts. Makes its descriptor, which stays when the worker goes. 0 or negative
 * errno. */
int wake_prepare(unsigned int worker);

/* Worker. Readable once somebody has woken it since it lay down. */
int wake_fd(unsigned int worker);

/* Worker: what changes from now on makes its descriptor readable. What changed before is seen when it looks now. */
void wake_lie_down(unsigned int worker);

/* Worker: it looks at everything in each turn again. Harmless when it does not lie. */
void wake_get_up(unsigned int worker);

/* Any thread, after a change that is to be noticed. A system call for each worker that lies. */
void wake_all(void);
