// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/flow_loss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int flow_loss_init(struct flow_loss *loss, uint32_t flows, unsigned int directions)
{
    *loss = (struct flow_loss){.flows = flows};
    for (unsigned int direction = 0; direction < 2; direction++) {
        if ((directions & 1u << direction) == 0)
            continue;
        loss->arrivals[direction] = calloc(flows, sizeof *loss->arrivals[direction]);
        if (loss->arrivals[direction] == NULL)
            return -ENOMEM;
    }
    return 0;
}

void flow_loss_fini(struct flow_loss *loss)
{
    free(loss->arrivals[0]);
    free(loss->arrivals[1]);
}

void flow_loss_begin(struct flow_loss *loss, unsigned int direction, uint32_t first)
{
    if (loss->arrivals[direction] == NULL)
        return;
    memset(loss->arrivals[direction], 0, loss->flows * sizeof *loss->arrivals[direction]);
    loss->first[direction] = first;
    loss->sent[direction] = 0;
}

void flow_loss_end(struct flow_loss *loss, unsigned int direction, uint64_t sent)
{
    loss->sent[direction] = sent;
}

static uint64_t sent_of(const struct flow_loss *loss, unsigned int direction, uint32_t flow)
{
    uint32_t turn = (uint32_t)(((uint64_t)flow + loss->flows - loss->first[direction]) % loss->flows);

    return loss->sent[direction] / loss->flows + (turn < loss->sent[direction] % loss->flows);
}

/* Keeps the worst in order; of equal ones those that came first. */
static void keep(struct flow_loss_entry *worst, unsigned int *n_worst, const struct flow_loss_entry *entry)
{
    unsigned int place = *n_worst;

    while (place > 0 && worst[place - 1].lost < entry->lost)
        place--;
    if (place == FLOW_LOSS_WORST)
        return;
    if (*n_worst < FLOW_LOSS_WORST)
        (*n_worst)++;
    memmove(&worst[place + 1], &worst[place], (*n_worst - place - 1) * sizeof *worst);
    worst[place] = *entry;
}

uint32_t flow_loss_count(const struct flow_loss *loss, struct flow_loss_entry worst[FLOW_LOSS_WORST],
                         unsigned int *n_worst)
{
    uint32_t lossy = 0;

    *n_worst = 0;
    for (unsigned int direction = 0; direction < 2; direction++) {
        for (uint32_t flow = 0; loss->arrivals[direction] != NULL && flow < loss->flows; flow++) {
            uint64_t sent = sent_of(loss, direction, flow), arrived = loss->arrivals[direction][flow];

            if (arrived >= sent)
                continue;
            lossy++;
            keep(worst, n_worst, &(struct flow_loss_entry){direction, flow, sent, sent - arrived});
        }
    }
    return lossy;
}

void flow_loss_report(const struct flow_loss *loss, FILE *out)
{
    struct flow_loss_entry worst[FLOW_LOSS_WORST];
    unsigned int n_worst;

    fprintf(out, "\"flows_lossy\": %u, \"worst_flows\": [", flow_loss_count(loss, worst, &n_worst));
    for (unsigned int i = 0; i < n_worst; i++)
        fprintf(out, "%s{\"direction\": %u, \"flow\": %u, \"sent\": %llu, \"lost\": %llu}", i == 0 ? "" : ",\n  ",
                worst[i].direction, worst[i].flow, (unsigned long long)worst[i].sent,
                (unsigned long long)worst[i].lost);
    fputs("]", out);
}
