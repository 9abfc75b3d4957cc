// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>

/* Writers only, held for a few stores. */
struct ct_lock {
    atomic_flag taken;
};
void ct_lock_take(struct ct_lock *lock);
void ct_lock_release(struct ct_lock *lock);
