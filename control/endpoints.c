// SPDX-License-Identifier: Apache-2.0
#include "control/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include <util.h>

#include "overlay/underlay.h"

struct growing {
    struct endpoints endpoints;
    size_t allocated;
};

static void add(void *growing_, const struct underlay_link *link, uint32_t addr)
{
    struct growing *growing = growing_;
    struct endpoints *endpoints = &growing->endpoints;

    if (endpoints->n == growing->allocated)
        endpoints->list = x2nrealloc(endpoints->list, &growing->allocated, sizeof *endpoints->list);
    endpoints->list[endpoints->n++] =
        (struct decap_endpoint){.addr = addr, .bridge = link->bridge, .vlan = link->vlan, .mac = link->mac};
}

static int compare(const void *a_, const void *b_)
{
    const struct decap_endpoint *a = a_;
    const struct decap_endpoint *b = b_;

    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->bridge != b->bridge)
        return a->bridge < b->bridge ? -1 : 1;
    if (a->vlan != b->vlan)
        return a->vlan < b->vlan ? -1 : 1;
    return memcmp(&a->mac, &b->mac, sizeof a->mac);
}

static bool equal(const struct endpoints *a, const struct endpoints *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (compare(&a->list[i], &b->list[i]) != 0)
            return false;
    }
    return true;
}

bool endpoints_update(struct endpoints *endpoints, const struct underlay *underlay)
{
    struct growing now = {.endpoints = ENDPOINTS_NONE, .allocated = 0};

    underlay_for_each_endpoint(underlay, add, &now);
    if (now.endpoints.n > 1)
        qsort(now.endpoints.list, now.endpoints.n, sizeof *now.endpoints.list, compare);
    if (equal(endpoints, &now.endpoints)) {
        endpoints_clear(&now.endpoints);
        return false;
    }
    endpoints_clear(endpoints);
    *endpoints = now.endpoints;
    return true;
}

bool endpoints_contain(const struct endpoints *endpoints, uint32_t addr)
{
    for (size_t i = 0; i < endpoints->n; i++) {
        if (endpoints->list[i].addr == addr)
            return true;
    }
    return false;
}

void endpoints_clear(struct endpoints *endpoints)
{
    free(endpoints->list);
    *endpoints = ENDPOINTS_NONE;
}
