// SPDX-License-Identifier: Apache-2.0
#include "control/rule_flush.h"

#include <stdlib.h>
#include <string.h>

#include <timeval.h>
#include <util.h>

#include "acl/conntrack.h"

#define SLICE_PLACES 16384u
#define SLICE_MS     10

void rule_flush_init(struct rule_flush *flush)
{
    memset(flush, 0, sizeof *flush);
}

void rule_flush_destroy(struct rule_flush *flush)
{
    free(flush->rules);
    free(flush->next);
}

void rule_flush_add(struct rule_flush *flush, uint32_t *rules, size_t n)
{
    if (flush->next == NULL) {
        flush->next = rules;
        flush->n_next = rules != NULL ? n : 0;
        return;
    }
    if (rules == NULL)
        return;
    flush->next = xrealloc(flush->next, (flush->n_next + n) * sizeof *flush->next);
    memcpy(&flush->next[flush->n_next], rules, n * sizeof *rules);
    flush->n_next += n;
    free(rules);
}

bool rule_flush_is_busy(const struct rule_flush *flush)
{
    return flush->rules != NULL || flush->next != NULL;
}

static int rule_order(const void *a_, const void *b_)
{
    const uint32_t *a = a_;
    const uint32_t *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static void begin_round(struct rule_flush *flush)
{
    flush->rules = flush->next;
    flush->n = flush->n_next;
    flush->cursor = 0;
    flush->next = NULL;
    flush->n_next = 0;
    qsort(flush->rules, flush->n, sizeof *flush->rules, rule_order);
}

bool rule_flush_run(struct rule_flush *flush, struct conntrack *ct)
{
    long long int deadline = time_msec() + SLICE_MS;
    bool done = false;

    if (flush->rules == NULL) {
        if (flush->next == NULL)
            return false;
        begin_round(flush);
    }
    while (!done) {
        done = ct == NULL || conntrack_flush_rules(ct, flush->rules, flush->n, &flush->cursor, SLICE_PLACES);
        if (time_msec() >= deadline)
            break;
    }
    if (!done)
        return false;
    free(flush->rules);
    flush->rules = NULL;
    flush->n = 0;
    return true;
}
