// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_fragments.h"

#include <stdlib.h>

/* RFC 791 3.2 and RFC 8200 4.5; and each way through the switch by itself. */
static bool same_datagram(const struct model_packet *a, const struct model_packet *b)
{
    return a->from == b->from && a->to == b->to && a->vlan == b->vlan && a->kind == b->kind &&
           a->fragment_id == b->fragment_id && inet_addr_equal(&a->src, &b->src) && inet_addr_equal(&a->dst, &b->dst) &&
           (a->kind == MODEL_IPV6 || a->protocol == b->protocol);
}

static void forget_old(struct model_datagram *datagram, uint32_t now)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < datagram->n_held; i++) {
        if (now - datagram->held_since[i] >= MODEL_HOLD_TIME)
            continue;
        datagram->held_under[kept] = datagram->held_under[i];
        datagram->held_since[kept++] = datagram->held_since[i];
    }
    datagram->n_held = kept;
    if (datagram->judged && now - datagram->judged_at >= MODEL_FRAGMENT_TIME)
        datagram->judged = false;
    datagram->used = datagram->judged || kept > 0;
}

struct model_datagram *model_fragments_find(struct model_fragments *fragments, const struct model_packet *packet,
                                            uint32_t now)
{
    struct model_datagram *room = NULL;

    for (uint32_t i = 0; i < MODEL_DATAGRAMS; i++) {
        struct model_datagram *datagram = &fragments->list[i];

        if (datagram->used)
            forget_old(datagram, now);
        if (datagram->used && same_datagram(&datagram->like, packet))
            return datagram;
        if (!datagram->used && room == NULL)
            room = datagram;
    }
    if (room == NULL)
        abort();
    *room = (struct model_datagram){.used = true, .like = *packet};
    return room;
}
