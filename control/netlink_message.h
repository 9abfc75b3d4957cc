// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/netlink.h"
#include "overlay/underlay.h"

struct nlmsghdr;

/* RTNETLINK messages in plain structs: no state, no system calls. Each returns false for a message that is malformed
 * or of no interest here. Addresses in network order. */

/* RTM_NEWLINK and RTM_DELLINK of the device itself (bridges tell of their ports in the same messages). */
bool netlink_message_link(const struct nlmsghdr *message, char name[IFNAMSIZ], struct netlink_link *link);

/* RTM_NEWADDR and RTM_DELADDR, IPv4. */
struct netlink_address {
    int ifindex;
    uint32_t addr;
    uint8_t prefix_len;
};
bool netlink_message_address(const struct nlmsghdr *message, struct netlink_address *address);

/* RTM_NEWROUTE and RTM_DELROUTE, IPv4, of the main table. 'has_hop' says which devices matter: '*usable' is true for a
 * unicast route over one of them, by an IPv4 gateway or none; of several next hops the first such counts. */
bool netlink_message_route(const struct nlmsghdr *message, bool (*has_hop)(const void *aux, int ifindex),
                           const void *aux, struct underlay_route *route, bool *usable);

/* RTM_NEWNEIGH and RTM_DELNEIGH, IPv4. */
struct netlink_neighbour {
    int ifindex;
    uint32_t addr;
    struct mac_addr mac;
    bool resolved; /* the MAC may be used */
};
bool netlink_message_neighbour(const struct nlmsghdr *message, struct netlink_neighbour *neighbour);
