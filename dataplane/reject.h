// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

struct rte_mbuf;
struct worker;

/* Most answers in a second to the senders behind one port, from one worker: a refusal must not make the switch an
 * amplifier or a busy one. */
#define REJECTS_PER_SECOND 100u

/* Stage: tells the sender of a refused packet, which came in by 'attachment', as reject_frame.h says. The packet stays the
 * caller's. */
void reject_packet(struct worker *worker, uint32_t attachment, const struct rte_mbuf *refused);
