// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_plan.h"

#include <errno.h>
#include <stdlib.h>

struct assignment {
    uint16_t port;
    uint16_t queue;
    int worker; /* -1: not yet */
};

static int former_worker(const struct snapshot *before, const struct port *port, uint16_t queue,
                         const unsigned int *ids, unsigned int n)
{
    for (unsigned int i = 0; before != NULL && i < n; i++) {
        const struct poll_list *plan = before->plans[ids[i]];

        for (uint32_t j = 0; plan != NULL && j < plan->n; j++) {
            if (plan->polls[j].port == port && plan->polls[j].queue == queue)
                return (int)ids[i];
        }
    }
    return -1;
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
static uint32_t list_queues(const struct snapshot *snapshot, const struct snapshot *before, const unsigned int *ids,
                            unsigned int n, struct assignment *all, uint32_t *load)
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

            *a = (struct assignment){i, q, former_worker(before, port, q, ids, n)};
            if (a->worker >= 0)
                load[a->worker]++;
        }
    }
    return total;
}

int rxq_plan_make(struct snapshot *snapshot, const struct snapshot *before, const unsigned int *ids, unsigned int n)
{
    uint32_t load[WORKERS_MAX] = {0};
    struct assignment *all;
    uint32_t total;

    if (n == 0)
        return 0;
    all = calloc(count_queues(snapshot) + 1, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    total = list_queues(snapshot, before, ids, n, all, load);
    for (uint32_t i = 0; i < total; i++) {
        if (all[i].worker < 0) {
            all[i].worker = least_loaded(load, ids, n);
            load[all[i].worker]++;
        }
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
