// SPDX-License-Identifier: Apache-2.0
#include "control/text_list.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <util.h>

void text_list_clear(struct text_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->texts[i]);
    free(list->texts);
    *list = TEXT_LIST_EMPTY;
}

bool text_list_assign(struct text_list *list, char *const *texts, size_t n)
{
    bool same = list->n == n;

    for (size_t i = 0; same && i < n; i++)
        same = strcmp(list->texts[i], texts[i]) == 0;
    if (same)
        return false;

    text_list_clear(list);
    list->texts = n > 0 ? xmalloc(n * sizeof *list->texts) : NULL;
    list->n = n;
    for (size_t i = 0; i < n; i++)
        list->texts[i] = xstrdup(texts[i]);
    return true;
}

bool text_assign(char **copy, const char *text)
{
    if (*copy == NULL ? text == NULL : text != NULL && strcmp(*copy, text) == 0)
        return false;
    free(*copy);
    *copy = text != NULL ? xstrdup(text) : NULL;
    return true;
}
