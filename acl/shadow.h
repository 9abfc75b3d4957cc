// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "acl/rule.h"

/* Rules that can never decide, because an earlier one of the same list matches all that they match. */

#define SHADOW_NONE    UINT32_MAX       /* some packet may get to it, as far as is known */
#define SHADOW_UNKNOWN (UINT32_MAX - 1) /* not looked at: the list is too long and too varied */

/* Control thread. Sets 'covered_by[i]' to an earlier rule that covers rule i, SHADOW_NONE or SHADOW_UNKNOWN, for a list
 * as policy_compile() takes it. One rule covers another when each of its columns does: only a single rule counts, not
 * several together, and a set covers itself alone, because its members come and go. So what is named here is certain.
 *
 * Takes about n times the number of different forms that rules have (lengths of prefixes, columns given) of '*steps',
 * which it counts down to 0 at most; a step is some tens of nanoseconds. 0 or -ENOMEM. */
#define SHADOW_STEPS 1000000u /* enough for anything reasonable */
int shadow_find(const struct rule *rules, size_t n, uint32_t *covered_by, uint32_t *steps);
