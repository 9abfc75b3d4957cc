// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/port.h"

/* An existing network device of the kernel, by a packet socket. VLAN tags are put back; checksums
 * and TCP frames larger than a segment pass in both directions as the sender left them (core/offload.h). Other offload
 * states are dropped and counted as such. The device stays when the port goes. */
extern const struct port_ops system_ops;

/* The same under the name "tap"; for tap_port.c. */
extern const struct port_ops tap_netdev_ops;
