// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

struct policies;

/* What the numbered address sets in rules stand for, for people. Lives as long as nothing changes. Control thread. */
struct set_names {
    char **names; /* by number; NULL: not known */
    size_t n;
};

void set_names_init(struct set_names *names, const struct policies *policies);
void set_names_destroy(struct set_names *names);

/* "group web", "addresses offices", or NULL. 'names' may be NULL. */
const char *set_names_get(const struct set_names *names, uint32_t set);
