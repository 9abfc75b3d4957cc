// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/port.h"

/* An existing network device of the kernel, by a packet socket. What the kernel left undone is finished here: VLAN tags
 * are put back, checksums completed, TCP frames that are larger than a segment cut. Other offload states are dropped
 * and counted as such. The device stays when the port goes. */
extern const struct port_ops system_ops;

/* The same under the name "tap"; for tap_port.c. */
extern const struct port_ops tap_netdev_ops;
