// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rte_mbuf.h>

#include "dataplane/compile.h"

/* Stage: drops and counts. */
void packet_drop(struct worker *worker, struct port *port, struct rte_mbuf *packet, enum drop_reason reason);

/* Longest frame that every port takes that an action names without a list, so that its MTU need not be looked up. */
#define ACTION_ORDINARY_FRAME (PORT_MTU_DEFAULT + 18)
#define ACTION_SPECIAL_FLAGS  (FLOW_DROP | FLOW_LIST | FLOW_VLAN_PUSH | FLOW_VLAN_POP | FLOW_VLAN_SET)

/* Stage: counts an outer frame of 'bytes' for the tunnel it went into. Like ovs-vswitchd: whether the underlay's port takes it
 * is that port's account. */
static inline void count_tunnelled(const struct worker *worker, const struct output *output, uint32_t bytes)
{
    const struct port *tunnel = worker->snapshot->ports[output->account];

    if (tunnel != NULL) {
        tunnel->counters[worker->id]->tx_packets++;
        tunnel->counters[worker->id]->tx_bytes += bytes;
    }
}

/* Stage: every action but the plain one below. */
void action_execute_special(struct worker *worker, const struct action *action, struct port *port,
                            struct rte_mbuf *packet, uint32_t hash);

/* Stage: carries out an action on one packet and disposes of it: into transmit buffers, or dropped and counted for
 * 'port', the one it came from. 'hash' gives tunnels their entropy. In line for the packet that goes to one port as it
 * is. */
static inline void action_execute(struct worker *worker, const struct action *action, struct port *port,
                                  struct rte_mbuf *packet, uint32_t hash)
{
    if (__builtin_expect((action->flags & ACTION_SPECIAL_FLAGS) == 0 && packet->pkt_len <= ACTION_ORDINARY_FRAME, 1))
        tx_add(&worker->tx, worker->snapshot, action->out.port, packet);
    else
        action_execute_special(worker, action, port, packet, hash);
}
