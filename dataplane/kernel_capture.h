// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* Takes a kernel netdev away from the kernel's own stack while it is a port of the switch: what comes in by it is for
 * the switch alone. Without this the host would answer ARP for any of its addresses there, and would act a second time
 * on frames for a bridge that bears the device's MAC.
 *
 * Done by a two-instruction program at tc ingress (clsact), which comes after packet sockets have had their copy. It
 * stays when the daemon is killed, and is replaced when it comes back: until then the device is deaf, not open.
 * Control or builder thread. */

/* 0, or negative errno: the kernel cannot do it, and the device is left as it was. */
int kernel_capture_start(uint32_t ifindex);
/* Gives the device back. Harmless when it is gone. */
void kernel_capture_stop(uint32_t ifindex);
