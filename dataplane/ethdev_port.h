// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/port.h"

/* DPDK network devices: physical and virtual functions, representors and any virtual device of DPDK ("net_null0"),
 * named by options:dpdk-devargs. A device DPDK does not know yet is probed when the port opens, and removed when it
 * closes. Each device belongs to one port at a time. */
#define ETHDEV_DESCRIPTORS_DEFAULT 2048 /* of each queue, options:n_rxq_desc and n_txq_desc */
#define ETHDEV_DESCRIPTORS_MAX     4096
extern const struct port_ops ethdev_ops;
