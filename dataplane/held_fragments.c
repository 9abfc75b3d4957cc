// SPDX-License-Identifier: Apache-2.0
#include "dataplane/held_fragments.h"

#include <rte_mbuf.h>

uint32_t held_fragments_tag(const struct packet *packet)
{
    uint64_t mixed = packet->src.halves[0] ^ packet->src.halves[1] * 3 ^ packet->dst.halves[0] * 5 ^
                     packet->dst.halves[1] * 7 ^ packet->fragment_id;
    uint32_t tag = (uint32_t)((mixed * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

    return tag != 0 ? tag : 1;
}

uint32_t held_fragments_find(const struct held_fragments *held, uint32_t tag, uint32_t from)
{
    for (uint32_t i = from; held->n > 0 && i < HELD_FRAGMENTS_MAX; i++) {
        if (tag != 0 ? held->tags[i] == tag : held->tags[i] != 0)
            return i;
    }
    return HELD_FRAGMENTS_MAX;
}

static uint32_t free_place(const struct held_fragments *held)
{
    for (uint32_t i = 0; i < HELD_FRAGMENTS_MAX; i++) {
        if (held->tags[i] == 0)
            return i;
    }
    return HELD_FRAGMENTS_MAX;
}

bool held_fragments_add(struct held_fragments *held, const struct held_fragment *fragment, uint32_t tag)
{
    uint32_t place;

    if (held->n == HELD_FRAGMENTS_MAX || held->of_port[fragment->port] == HELD_FRAGMENTS_SHARE)
        return false;
    place = free_place(held);
    held->tags[place] = tag;
    held->fragments[place] = *fragment;
    held->of_port[fragment->port]++;
    held->n++;
    return true;
}

struct held_fragment held_fragments_take(struct held_fragments *held, uint32_t place)
{
    struct held_fragment fragment = held->fragments[place];

    held->tags[place] = 0;
    held->fragments[place].mbuf = NULL;
    held->of_port[fragment.port]--;
    held->n--;
    return fragment;
}

void held_fragments_clear(struct held_fragments *held)
{
    for (uint32_t i = 0; i < HELD_FRAGMENTS_MAX; i++) {
        if (held->tags[i] != 0)
            rte_pktmbuf_free(held_fragments_take(held, i).mbuf);
    }
}
