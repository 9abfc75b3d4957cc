// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* Follows the kernel's links, IPv4 addresses, routes and neighbours over RTNETLINK and keeps a struct underlay equal to
 * them. Control thread only; nothing here waits for anything but the kernel's own answer. */
struct netlink;
struct underlay;

/* Opens the sockets in the caller's network namespace. 0 or negative errno. The first netlink_run() reads
 * everything. */
int netlink_create(struct netlink **netlink);
void netlink_destroy(struct netlink *netlink);

/* Readable when netlink_run() has something to do. */
int netlink_fd(const struct netlink *netlink);

/* Takes what the kernel has to say into 'underlay' (always the same one) and applies watches that were added or
 * removed. Reads everything anew at first, after an overrun, and after events that make the kernel drop routes
 * without saying so. True when something changed (or may have). */
bool netlink_run(struct netlink *netlink, struct underlay *underlay);

/* Announces the internal port 'name' of the underlay bridge 'bridge', carrying 'vlan' (0: none): from the next
 * netlink_run() on it is a link of the underlay whenever the kernel has a device of that name, with the device's
 * current MAC and state. Watching again changes bridge and VLAN. 0 or -ENOMEM, -EINVAL (name too long). */
int netlink_watch_link(struct netlink *netlink, const char *name, uint16_t bridge, uint16_t vlan);
void netlink_unwatch_link(struct netlink *netlink, const char *name);

/* The device 'name' as it is now. 0, or -ENODEV and other negative errno. */
struct netlink_link {
    int ifindex;
    struct mac_addr mac;
    bool up;
};
int netlink_link_get(struct netlink *netlink, const char *name, struct netlink_link *link);

/* Asks the kernel to find out, or to keep fresh, the link address of 'addr' (network order) behind 'ifindex'. The
 * answer arrives as a neighbour event. 0 or negative errno. */
int netlink_resolve_neighbour(struct netlink *netlink, int ifindex, uint32_t addr);
