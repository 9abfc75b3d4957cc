// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A copy of a column that is a set of strings, kept to see whether the column changed. Control thread. */
struct text_list {
    char **texts;
    size_t n;
};
#define TEXT_LIST_EMPTY ((struct text_list){.texts = NULL, .n = 0})

/* Makes '*list' a copy of 'texts'. Returns true when that changed it. */
bool text_list_assign(struct text_list *list, char *const *texts, size_t n);
void text_list_clear(struct text_list *list);

/* The same for one string; '*copy' may be NULL before, 'text' after. */
bool text_assign(char **copy, const char *text);
