// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/inet.h"

/* A growing list of prefixes. Control thread. */
struct prefix_list {
    struct inet_prefix *prefixes;
    size_t n;
    size_t allocated;
};
#define PREFIX_LIST_EMPTY ((struct prefix_list){.prefixes = NULL, .n = 0, .allocated = 0})

void prefix_list_add(struct prefix_list *list, const struct inet_prefix *prefixes, size_t n);
void prefix_list_clear(struct prefix_list *list); /* frees */

/* Sorts and removes duplicates, so that equal sets become equal lists. */
void prefix_list_normalise(struct prefix_list *list);
bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b);
