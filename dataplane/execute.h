// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/compile.h"

struct rte_mbuf;

/* Stage: carries out an action on one packet and disposes of it: into transmit buffers, or dropped and counted for
 * 'port', the one it came from. 'hash' gives tunnels their entropy. */
void action_execute(struct worker *worker, const struct action *action, struct port *port, struct rte_mbuf *packet,
                    uint32_t hash);

/* Stage: drops and counts. */
void packet_drop(struct worker *worker, struct port *port, struct rte_mbuf *packet, enum drop_reason reason);
