// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <stdio.h>

/* Which flows lose frames. What was sent of a flow follows from the order of sending, which is that of the flows'
 * numbers round and round; only arrivals are counted. */

#define FLOW_LOSS_WORST 10u

struct flow_loss {
    uint32_t flows;
    uint32_t first[2];     /* of the flows, the one that was sent first since counting began */
    uint64_t sent[2];      /* by direction */
    uint32_t *arrivals[2]; /* by flow; NULL in a direction that nothing is sent in */
};

struct flow_loss_entry {
    unsigned int direction;
    uint32_t flow;
    uint64_t sent;
    uint64_t lost;
};

/* Four bytes for each flow and direction ('directions' is a set of bits). 0 or -ENOMEM; flow_loss_fini() after either. */
int flow_loss_init(struct flow_loss *loss, uint32_t flows, unsigned int directions);
void flow_loss_fini(struct flow_loss *loss);

/* Forgets the arrivals: what is sent from now on begins with flow 'first' in a direction. */
void flow_loss_begin(struct flow_loss *loss, unsigned int direction, uint32_t first);

/* Counts a frame; a number that no flow has is passed over. */
static inline void flow_loss_arrived(struct flow_loss *loss, unsigned int direction, uint32_t flow)
{
    if (flow < loss->flows)
        loss->arrivals[direction][flow]++;
}

/* Says that 'sent' frames were sent since flow_loss_begin(). */
void flow_loss_end(struct flow_loss *loss, unsigned int direction, uint64_t sent);

/* How many flows, of both directions together, lost something. The worst of them go to 'worst', most lost first. */
uint32_t flow_loss_count(const struct flow_loss *loss, struct flow_loss_entry worst[FLOW_LOSS_WORST],
                         unsigned int *n_worst);

/* Writes the report's members "flows_lossy" and "worst_flows". */
void flow_loss_report(const struct flow_loss *loss, FILE *out);
