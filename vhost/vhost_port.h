// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/port.h"

/* vhost-user ports: the virtio-net devices of guests, on rte_vhost.
 *
 * Client ("dpdkvhostuserclient"): QEMU makes the socket options:vhost-server-path and we connect to it, again and again
 * for as long as the port lives; without the option the port opens and stays disconnected. Server ("dpdkvhostuser"):
 * we make the socket <vhost_socket_dir>/<name>, which exists when open() returns.
 *
 * Offloads are not negotiated, so frames carry complete checksums and fit the MTU in both directions. */
extern const struct port_ops vhost_client_ops;
extern const struct port_ops vhost_server_ops;
