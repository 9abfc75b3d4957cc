// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_plan.h"

#include <errno.h>
#include <stdlib.h>

struct assignment {
    uint16_t port;
    uint16_t queue;
    int worker; /* -1: not yet */
};

static bool is_among(const unsigned int *ids, unsigned int n, int id)
{
    for (unsigned int i = 0; i < n; i++) {
        if ((int)ids[i] == id)
            return true;
    }
    return false;
}

static int least_loaded(const uint32_t *load, const unsigned int *ids, unsigned int n)
{
    unsigned int best = ids[0];

    for (unsigned int i = 1; i < n; i++) {
        if (load[ids[i]] < load[best])
            best = ids[i];
    }
    return (int)best;
}

static uint32_t count_queues(const struct snapshot *snapshot)
{
    uint32_t total = 0;

    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        if (snapshot->ports[i] != NULL && snapshot->ports[i]->ops != NULL)
            total += PORT_QUEUES_MAX;
    }
    return total;
}

/* Lists all queues; those that had a living worker keep it. Returns how many. */
static uint32_t list_queues(const struct snapshot *snapshot, const unsigned int *ids, unsigned int n,
                            struct assignment *all, uint32_t *load)
{
    uint32_t total = 0;

    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        struct port *port = snapshot->ports[i];
        uint16_t queues;

        if (port == NULL || port->ops == NULL)
            continue;
        queues = atomic_load_explicit(&port->n_rxq, memory_order_relaxed);
        for (uint16_t q = 0; q < queues && q < PORT_QUEUES_MAX; q++) {
            struct assignment *a = &all[total++];

            *a = (struct assignment){i, q, (int)port->rxq_worker[q] - 1};
            if (is_among(ids, n, a->worker))
                load[a->worker]++;
            else
                a->worker = -1;
        }
    }
    return total;
}

int rxq_plan_make(struct snapshot *snapshot, const unsigned int *ids, unsigned int n, bool hand_out)
{
    uint32_t load[WORKERS_MAX] = {0};
    struct assignment *all;
    uint32_t total;

    if (n == 0)
        return 0;
    all = calloc(count_queues(snapshot) + 1, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    total = list_queues(snapshot, ids, n, all, load);
    for (uint32_t i = 0; i < total; i++) {
        struct port *port = snapshot->ports[all[i].port];

        if (all[i].worker < 0 && (hand_out || port->rxq_worker[all[i].queue] == 0)) {
            all[i].worker = least_loaded(load, ids, n);
            load[all[i].worker]++;
        }
        if (all[i].worker >= 0)
            port->rxq_worker[all[i].queue] = (uint8_t)(all[i].worker + 1);
    }

    for (unsigned int i = 0; i < n; i++) {
        struct poll_list *plan = malloc(sizeof *plan + load[ids[i]] * sizeof plan->polls[0]);

        if (plan == NULL) {
            free(all);
            return -ENOMEM;
        }
        plan->n = 0;
        for (uint32_t j = 0; j < total; j++) {
            if (all[j].worker == (int)ids[i])
                plan->polls[plan->n++] = (struct poll){.port = snapshot->ports[all[j].port],
                                                       .attachment = snapshot->port_attachments[all[j].port],
                                                       .queue = all[j].queue};
        }
        snapshot->plans[ids[i]] = plan;
    }
    free(all);
    return 0;
}
