// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

struct port;
struct rte_mbuf;
struct vhost_device;

/* Receiving by rte_vhost's own functions, for devices that are not leased. Private to this folder. */

/* Takes up to 'n' frames from receive queue 'rxq' of the device that 'link' tells of, and finds out and counts what
 * rte_vhost loses without a word. Worker. */
uint16_t library_receive(struct port *port, struct vhost_device *device, uint64_t link, uint16_t rxq,
                         struct rte_mbuf **packets, uint16_t n);
