// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Which DPDK device a port uses: finding it by devargs, making DPDK attach it, and keeping two ports from using the
 * same one. Control or builder thread; the table has a lock of its own. */

/* Finds the device, attaching it if need be, and takes it for the port 'name'. 0, or negative errno with '*error' set
 * (texts of the OVSDB contract 1.6). '*attached' says that it must be removed again. */
int ethdev_device_take(const char *devargs, const char *name, uint16_t *device, bool *attached, char **error);

/* Gives a stopped device back; one that was attached is closed and removed, unless another port of the same hardware
 * is in use. */
void ethdev_device_release(uint16_t device, bool attached);
