// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct assignment {
    struct port *port;
    uint16_t queue;
    int goal;  /* worker's id; -1: not decided yet */
    bool held; /* polled in this plan */
};

struct plan {
    struct assignment *all;
    uint32_t n;
    uint32_t n_bound[WORKERS_MAX]; /* queues by worker */
    uint32_t n_goals[WORKERS_MAX];
};

static bool is_among(const struct rxq_workers *workers, int id)
{
    for (unsigned int i = 0; i < workers->n; i++) {
        if ((int)workers->ids[i] == id)
            return true;
    }
    return false;
}

int rxq_plan_bound(const struct rxq_place *place, const struct rxq_workers *workers)
{
    for (unsigned int i = 0; place->cpu != 0 && i < workers->n; i++) {
        if (workers->cpus[i] == place->cpu - 1u)
            return (int)workers->ids[i];
    }
    return -1;
}

static uint16_t queues_of(const struct port *port)
{
    uint16_t n;

    if (port == NULL || port->ops == NULL)
        return 0;
    n = atomic_load_explicit(&port->n_rxq, memory_order_relaxed);
    return n < PORT_QUEUES_MAX ? n : PORT_QUEUES_MAX;
}

/* Lists all queues, and counts those that are bound. 0 or -ENOMEM. */
static int list_queues(const struct snapshot *snapshot, const struct rxq_workers *workers, struct plan *plan)
{
    uint32_t most = 0;

    memset(plan, 0, sizeof *plan);
    for (uint16_t i = 1; i < PORTS_MAX; i++)
        most += snapshot->ports[i] != NULL && snapshot->ports[i]->ops != NULL ? PORT_QUEUES_MAX : 0;
    plan->all = calloc(most + 1, sizeof *plan->all);
    if (plan->all == NULL)
        return -ENOMEM;
    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        struct port *port = snapshot->ports[i];
        uint16_t n = queues_of(port);

        for (uint16_t q = 0; q < n; q++) {
            int bound = rxq_plan_bound(&port->rxq_places[q], workers);

            plan->all[plan->n++] = (struct assignment){port, q, bound, false};
            if (bound >= 0)
                plan->n_bound[bound]++;
        }
    }
    return 0;
}

static bool is_open_to_all(const struct plan *plan, const struct rxq_workers *workers, unsigned int id)
{
    return !workers->isolate || plan->n_bound[id] == 0;
}

/* Takes away those that must not have other queues; with none left, all may. */
static struct rxq_workers choose_open(const struct plan *plan, const struct rxq_workers *workers)
{
    struct rxq_workers open = *workers;

    open.n = 0;
    for (unsigned int i = 0; i < workers->n; i++) {
        if (is_open_to_all(plan, workers, workers->ids[i]))
            open.ids[open.n++] = workers->ids[i];
    }
    return open.n > 0 ? open : *workers;
}

static int fewest(const uint32_t *counts, const struct rxq_workers *workers)
{
    unsigned int best = workers->ids[0];

    for (unsigned int i = 1; i < workers->n; i++) {
        if (counts[workers->ids[i]] < counts[best])
            best = workers->ids[i];
    }
    return (int)best;
}

static void choose_goals(struct plan *plan, const struct rxq_workers *workers)
{
    struct rxq_workers open = choose_open(plan, workers);

    for (uint32_t i = 0; i < plan->n; i++) {
        struct assignment *a = &plan->all[i];
        struct rxq_place *place = &a->port->rxq_places[a->queue];

        /* A wish that cannot be granted is forgotten: its worker's id may come to be another's. */
        if (place->wanted != 0 && (a->goal >= 0 || !is_among(&open, place->wanted - 1)))
            place->wanted = 0;
        if (a->goal < 0 && place->wanted != 0)
            a->goal = place->wanted - 1;
        if (a->goal < 0 && is_among(&open, place->worker - 1))
            a->goal = place->worker - 1;
        if (a->goal >= 0)
            plan->n_goals[a->goal]++;
    }
    for (uint32_t i = 0; i < plan->n; i++) {
        if (plan->all[i].goal < 0) {
            plan->all[i].goal = fewest(plan->n_goals, &open);
            plan->n_goals[plan->all[i].goal]++;
        }
    }
}

static void take(struct rxq_place *place, uint32_t sequence)
{
    place->taken = true;
    place->since = sequence;
}

/* One step of a queue towards its goal. True when it is polled. */
static bool step(struct assignment *a, uint32_t sequence, uint32_t applied)
{
    struct rxq_place *place = &a->port->rxq_places[a->queue];

    if (place->taken ? (int32_t)(applied - place->since) < 0 : place->worker != 0 && place->worker != a->goal + 1) {
        if (!place->taken)
            take(place, sequence);
        return false;
    }
    place->taken = false;
    place->worker = (uint8_t)(a->goal + 1);
    place->wanted = 0;
    return true;
}

static struct poll_list *make_list(const struct snapshot *snapshot, const struct plan *plan, unsigned int id)
{
    struct poll_list *list = malloc(sizeof *list + plan->n_goals[id] * sizeof list->polls[0]);

    if (list == NULL)
        return NULL;
    list->n = 0;
    for (uint32_t i = 0; i < plan->n; i++) {
        const struct assignment *a = &plan->all[i];

        if (a->held && a->goal == (int)id)
            list->polls[list->n++] = (struct poll){
                .port = a->port, .attachment = snapshot->port_attachments[a->port->index], .queue = a->queue};
    }
    return list;
}

/* Without a worker every queue is on its way. */
static void take_all(struct plan *plan, uint32_t sequence)
{
    for (uint32_t i = 0; i < plan->n; i++) {
        struct rxq_place *place = &plan->all[i].port->rxq_places[plan->all[i].queue];

        if (place->worker != 0 && !place->taken)
            take(place, sequence);
    }
}

int rxq_plan_make(struct snapshot *snapshot, const struct rxq_workers *workers)
{
    struct plan plan;
    int n_taken = 0;

    if (list_queues(snapshot, workers, &plan) != 0)
        return -ENOMEM;
    if (workers->n == 0) {
        take_all(&plan, snapshot->sequence);
    } else {
        choose_goals(&plan, workers);
        for (uint32_t i = 0; i < plan.n; i++) {
            plan.all[i].held = step(&plan.all[i], snapshot->sequence, workers->applied);
            n_taken += !plan.all[i].held;
        }
    }
    for (unsigned int i = 0; i < workers->n; i++) {
        snapshot->plans[workers->ids[i]] = make_list(snapshot, &plan, workers->ids[i]);
        if (snapshot->plans[workers->ids[i]] == NULL)
            n_taken = -ENOMEM;
    }
    free(plan.all);
    return n_taken;
}

bool rxq_plan_is_isolated(const struct snapshot *snapshot, const struct rxq_workers *workers, unsigned int id)
{
    for (uint16_t i = 1; workers->isolate && i < PORTS_MAX; i++) {
        uint16_t n = queues_of(snapshot->ports[i]);

        for (uint16_t q = 0; q < n; q++) {
            if (rxq_plan_bound(&snapshot->ports[i]->rxq_places[q], workers) == (int)id)
                return true;
        }
    }
    return false;
}

void rxq_plan_spread(const struct snapshot *snapshot, const struct rxq_workers *workers)
{
    struct rxq_workers open;
    struct plan plan;

    if (workers->n < 2 || list_queues(snapshot, workers, &plan) != 0)
        return;
    open = choose_open(&plan, workers);
    choose_goals(&plan, workers);
    for (uint32_t i = 0; i < plan.n; i++) {
        struct assignment *a = &plan.all[i];
        struct rxq_place *place = &a->port->rxq_places[a->queue];
        int heir = fewest(plan.n_goals, &open);

        if (rxq_plan_bound(place, workers) < 0 && plan.n_goals[a->goal] >= plan.n_goals[heir] + 2) {
            plan.n_goals[a->goal]--;
            plan.n_goals[heir]++;
            place->wanted = (uint8_t)(heir + 1);
        }
    }
    free(plan.all);
}
