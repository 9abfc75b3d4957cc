// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

/* Wakes the control thread when something it watches changed outside it: a guest connected, a queue was enabled, a
 * job finished. Level-triggered and without content: the control thread looks at everything again.
 *
 * notifier_init() once, control thread. notifier_raise() from any thread but a worker's packet path (it is a system
 * call). notifier_fd() is readable while raised; notifier_clear() says whether it was and resets it. */
int notifier_init(void);
int notifier_fd(void);
void notifier_raise(void);
bool notifier_clear(void);
