// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;

/* What is finished in software before a port gets a packet (core/offload.h). */

/* Does a port with these OFFLOAD_* bits take the packet as it is? Stage. */
bool tx_finish_is_taken(uint32_t offloads, const struct rte_mbuf *packet);

/* Completes the checksums of a packet that is not to be cut, in its own buffers. Stage. */
void tx_finish_checksums(struct rte_mbuf *packet);
