// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/session.h"
#include "dataplane/core/packet.h"

/* RFC 792, RFC 4443 */
enum {
    ICMP4_ECHO_REPLY = 0,
    ICMP4_REDIRECT = 5,
    ICMP4_ECHO = 8,
    ICMP4_TIMESTAMP = 13,
    ICMP4_TIMESTAMP_REPLY = 14,
    ICMP6_ECHO = 128,
    ICMP6_ECHO_ANSWER = 129
};

/* How protocols name their connections; shared by the tuple of a packet and that of a quoted packet. */

/* True when 'type' is an ICMP (IPv4) or ICMPv6 (IPv6) query or its answer that is told apart by an identifier: echo
 * and, for IPv4, timestamp (RFC 792, RFC 4443 4). */
bool ct_icmp_is_query(enum packet_kind kind, uint8_t protocol, uint8_t type);

/* True when ICMP 'type' is the asking one of such a pair. */
bool ct_icmp_is_request(enum packet_kind kind, uint8_t type);

/* True when 'protocol' is the ICMP that belongs to the address family. */
static inline bool ct_protocol_is_icmp(enum packet_kind kind, uint8_t protocol)
{
    return (kind == PACKET_IPV4 && protocol == 1) || (kind == PACKET_IPV6 && protocol == 58);
}
