// SPDX-License-Identifier: Apache-2.0
#include "control/ids.h"

#include <stdlib.h>

#include "dataplane/snapshot.h"

#define WORD_BITS 64

struct ids {
    uint32_t first;
    uint32_t n;    /* numbers in the range */
    uint32_t next; /* offset from 'first' where the search for a free one starts */
    uint32_t n_taken;
    uint64_t taken[]; /* bit per offset */
};

struct ids *ids_create(uint32_t first, uint32_t last)
{
    uint32_t n = last - first + 1;
    struct ids *ids = calloc(1, sizeof *ids + ((size_t)n / WORD_BITS + 1) * sizeof ids->taken[0]);

    if (ids == NULL)
        return NULL;
    ids->first = first;
    ids->n = n;
    return ids;
}

void ids_destroy(struct ids *ids)
{
    free(ids);
}

static bool is_taken(const struct ids *ids, uint32_t offset)
{
    return ids->taken[offset / WORD_BITS] >> (offset % WORD_BITS) & 1;
}

/* The first free offset from 'offset' on, or ids->n. Skips full words, so that a nearly full range stays cheap. */
static uint32_t free_from(const struct ids *ids, uint32_t offset)
{
    while (offset < ids->n && is_taken(ids, offset)) {
        if (offset % WORD_BITS == 0 && ids->taken[offset / WORD_BITS] == UINT64_MAX)
            offset += WORD_BITS;
        else
            offset++;
    }
    return offset < ids->n ? offset : ids->n;
}

static uint32_t take_from(struct ids *ids, uint32_t offset)
{
    if (ids == NULL || ids->n_taken == ids->n)
        return 0;
    offset = free_from(ids, offset);
    if (offset == ids->n)
        offset = free_from(ids, 0);
    ids->taken[offset / WORD_BITS] |= UINT64_C(1) << (offset % WORD_BITS);
    ids->n_taken++;
    ids->next = offset + 1 == ids->n ? 0 : offset + 1;
    return ids->first + offset;
}

uint32_t ids_take(struct ids *ids)
{
    return take_from(ids, ids != NULL ? ids->next : 0);
}

uint32_t ids_take_lowest(struct ids *ids)
{
    return take_from(ids, 0);
}

void ids_give(struct ids *ids, uint32_t id)
{
    if (ids == NULL || id < ids->first || id - ids->first >= ids->n || !is_taken(ids, id - ids->first))
        return;
    ids->taken[(id - ids->first) / WORD_BITS] &= ~(UINT64_C(1) << ((id - ids->first) % WORD_BITS));
    ids->n_taken--;
}

static struct ids *made_once(struct ids **ids, uint32_t end)
{
    if (*ids == NULL)
        *ids = ids_create(1, end - 1);
    return *ids;
}

struct ids *attachment_ids(void)
{
    static struct ids *ids;

    return made_once(&ids, ATTACHMENTS_MAX);
}

struct ids *port_ids(void)
{
    static struct ids *ids;

    return made_once(&ids, PORTS_MAX);
}

struct ids *bridge_ids(void)
{
    static struct ids *ids;

    return made_once(&ids, BRIDGES_MAX);
}

struct ids *next_hop_ids(void)
{
    static struct ids *ids;

    return made_once(&ids, NEXT_HOPS_MAX);
}
