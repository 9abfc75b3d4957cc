// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"
#include "dataplane/core/port.h"

/* A network device of the kernel, looked at and set by ioctl. 'fd' is any socket of the network namespace, from
 * kernel_link_socket(). Control or builder thread. Setters return 0 or negative errno. */
struct kernel_link {
    uint32_t ifindex;
    bool up;      /* administratively */
    bool running; /* has carrier */
    uint16_t mtu;
    struct mac_addr mac;
};

int kernel_link_socket(void); /* file descriptor, or negative errno */
bool kernel_link_exists(const char *name);

int kernel_link_get(int fd, const char *name, struct kernel_link *link); /* -ENODEV: no such device */
int kernel_link_set_up(int fd, const char *name);
int kernel_link_set_mtu(int fd, const char *name, uint16_t mtu);
int kernel_link_set_mac(int fd, const char *name, const struct mac_addr *mac);

/* Makes the kernel announce the device's IPv4 addresses (gratuitous ARP) whenever its MAC changes, so that neighbours,
 * tunnel endpoints among them, do not go on sending to the old one. Best effort: without /proc they learn it later. */
void kernel_link_announce_changes(const char *name);

/* Fills in everything of '*status': state, addresses, speed, driver_name and the like. A device that is gone is shown
 * without link. */
void kernel_link_status(int fd, const char *name, struct port_status *status);
