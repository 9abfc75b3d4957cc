// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "dataplane/flow_cache.h"
#include "dataplane/vlan.h"

/* The 802.1Q tag of a frame is put on, taken off or changed. In line: where guests have access ports and the network card a
 * trunk, every packet passes here. */

/* Where the headers of unfinished work are once a tag was added or removed. */
static inline void tag_move_headers(struct rte_mbuf *packet, int by)
{
    if (__builtin_expect(!offload_is_pending(packet), 1))
        return;
    if (packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
        packet->outer_l2_len = (packet->outer_l2_len + by) & OFFLOAD_L2_MAX;
    else
        packet->l2_len = (packet->l2_len + by) & OFFLOAD_L2_MAX;
}

/* Both MACs, to 4 bytes further in front or behind. */
static inline void tag_move_macs(uint8_t *to, const uint8_t *from)
{
    uint64_t first;
    uint32_t second;

    memcpy(&first, from, sizeof first);
    memcpy(&second, from + sizeof first, sizeof second);
    memcpy(to, &first, sizeof first);
    memcpy(to + sizeof first, &second, sizeof second);
}

/* Stage. 0, or -1 when the packet has no room for a tag: it is unchanged then. */
static inline int tag_change(struct rte_mbuf *packet, enum vlan_change change, uint16_t tci)
{
    uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);

    switch (change) {
    case VLAN_KEEP:
        break;
    case VLAN_PUSH:
        frame = (uint8_t *)rte_pktmbuf_prepend(packet, 4);
        if (frame == NULL)
            return -1;
        tag_move_macs(frame, frame + 4);
        frame[12] = 0x81;
        frame[13] = 0x00;
        frame[14] = (uint8_t)(tci >> 8);
        frame[15] = (uint8_t)tci;
        tag_move_headers(packet, 4);
        break;
    case VLAN_POP:
        tag_move_macs(frame + 4, frame);
        rte_pktmbuf_adj(packet, 4);
        tag_move_headers(packet, -4);
        break;
    case VLAN_SET:
        /* The priority is the packet's own: the flow key does not have it. */
        frame[14] = (uint8_t)((frame[14] & 0xf0) | (tci >> 8 & 0x0f));
        frame[15] = (uint8_t)tci;
        break;
    }
    return 0;
}

#define TAG_FLAGS (FLOW_VLAN_PUSH | FLOW_VLAN_POP | FLOW_VLAN_SET)

/* What the flags of an entry say. */
static inline enum vlan_change tag_change_of(uint16_t flags)
{
    return flags & FLOW_VLAN_PUSH  ? VLAN_PUSH
           : flags & FLOW_VLAN_POP ? VLAN_POP
           : flags & FLOW_VLAN_SET ? VLAN_SET
                                   : VLAN_KEEP;
}
