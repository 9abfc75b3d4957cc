// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acl/rule.h"
#include "acl/session.h"
#include "dataplane/core/packet.h"

/* What rules are asked, made from a packet or from what is kept of a session's first one: the same question for the same
 * packet. 'vlan' is the id of the VLAN that it is in on its bridge. */

/* Seen from a port that sends (RULE_EGRESS) or receives (RULE_INGRESS) the packet. */
struct rule_query rule_query_from_packet(const struct packet *packet, uint16_t vlan, enum rule_direction direction);

/* About the original direction of a session. */
struct rule_query rule_query_from_session(const struct ct_tuple *tuple, const struct session_traits *traits,
                                          uint16_t vlan, enum rule_direction direction);

void session_traits_from_packet(const struct packet *packet, struct session_traits *traits);
