// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "acl/addr_set.h"
#include "acl/port_security.h"

/* The inside of port security, shared by the files that check. */

/* One MAC and everything that may be used with it. */
struct port_owner {
    struct mac_addr mac;
    bool any;  /* an entry without addresses: all may be used */
    bool ipv4; /* families that may be used at all */
    bool ipv6;
    struct inet_addr link_local; /* when ipv6 */
    struct addr_set *ips;
};

/* Is this one of the owner's addresses, and one that a host may have at all? */
bool port_owner_has(const struct port_owner *owner, const struct inet_addr *addr);

/* Neighbour discovery other than router advertisements and redirects; the IPv6 source may be :: or is known to be the
 * owner's. */
enum drop_reason port_security_check_nd(const struct port_owner *owner, const struct packet *packet);
