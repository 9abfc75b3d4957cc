// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/port.h"

/* vhost-user ports: the virtio-net devices of guests, on rte_vhost.
 *
 * Client ("dpdkvhostuserclient"): QEMU makes the socket options:vhost-server-path and we connect to it, again and again
 * for as long as the port lives; without the option the port opens and stays disconnected. Server ("dpdkvhostuser"):
 * we make the socket <vhost_socket_dir>/<name>, which exists when open() returns.
 *
 * Checksums and TCP segmentation may be left to the other side in both directions, as far as the guest's driver takes it
 * (VIRTIO_NET_F_*CSUM, *TSO4, *TSO6, *ECN, MRG_RXBUF). UDP fragmentation is not offered. While rte_vhost itself works packed
 * rings (architecture.md, "vhost-user rings"), DPDK 22.11 leaves the length out of the pseudo-header's sum in frames to be
 * cut: guests that receive them do not look at it, guests that forward them uncut would have to. */
extern const struct port_ops vhost_client_ops;
extern const struct port_ops vhost_server_ops;
