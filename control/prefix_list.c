// SPDX-License-Identifier: Apache-2.0
#include "control/prefix_list.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <util.h>

void prefix_list_add(struct prefix_list *list, const struct inet_prefix *prefixes, size_t n)
{
    if (n == 0)
        return;
    if (list->n + n > list->allocated) {
        list->allocated = list->allocated * 2 > list->n + n ? list->allocated * 2 : list->n + n;
        list->prefixes = xrealloc(list->prefixes, list->allocated * sizeof *list->prefixes);
    }
    memcpy(&list->prefixes[list->n], prefixes, n * sizeof *prefixes);
    list->n += n;
}

void prefix_list_clear(struct prefix_list *list)
{
    free(list->prefixes);
    *list = PREFIX_LIST_EMPTY;
}

static int prefix_compare(const void *a_, const void *b_)
{
    const struct inet_prefix *a = a_;
    const struct inet_prefix *b = b_;
    int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof a->addr.bytes);

    return order != 0 ? order : (int)a->len - (int)b->len;
}

void prefix_list_normalise(struct prefix_list *list)
{
    size_t n = 0;

    if (list->n < 2)
        return;
    qsort(list->prefixes, list->n, sizeof *list->prefixes, prefix_compare);
    for (size_t i = 0; i < list->n; i++) {
        if (n == 0 || prefix_compare(&list->prefixes[n - 1], &list->prefixes[i]) != 0)
            list->prefixes[n++] = list->prefixes[i];
    }
    list->n = n;
}

bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (prefix_compare(&a->prefixes[i], &b->prefixes[i]) != 0)
            return false;
    }
    return true;
}
