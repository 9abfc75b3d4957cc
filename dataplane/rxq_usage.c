// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_usage.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/worker_account.h"

/* Of a new sample; the rest is what was known before. */
#define SMOOTHING 0.25

/* A count that only grows: the last reading, and what was added by interval. */
struct series {
    uint64_t last;
    uint64_t intervals[RXQ_USAGE_INTERVALS + 1]; /* a ring; one of them is the present one */
};

struct queue_usage {
    struct series clocks;
    double load;
};

struct port_usage {
    const struct port *port; /* to tell when the index is another port's */
    struct queue_usage queues[PORT_QUEUES_MAX];
};

static struct {
    struct port_usage *ports[PORTS_MAX];
    struct series clocks[WORKERS_MAX];
    struct series busy[WORKERS_MAX];
    unsigned int present; /* place of the present interval in the rings */
    int64_t interval_ms;  /* when it began */
    uint64_t tsc;         /* clocks of a worker at the last sample: the time that has passed */
    bool started;
} usage;

/* Adds a new reading. Returns what was added. A count that became less began anew. */
static uint64_t series_add(struct series *series, uint64_t reading)
{
    uint64_t added = reading >= series->last ? reading - series->last : reading;

    series->last = reading;
    series->intervals[usage.present] += added;
    return added;
}

static uint64_t series_sum(const struct series *series, unsigned int seconds)
{
    unsigned int n = (seconds + RXQ_USAGE_INTERVAL_S - 1) / RXQ_USAGE_INTERVAL_S;
    uint64_t sum = 0;

    for (unsigned int i = 0; i <= n && i <= RXQ_USAGE_INTERVALS; i++)
        sum += series->intervals[(usage.present + RXQ_USAGE_INTERVALS + 1 - i) % (RXQ_USAGE_INTERVALS + 1)];
    return sum;
}

static void begin_interval(void)
{
    usage.present = (usage.present + 1) % (RXQ_USAGE_INTERVALS + 1);
    for (unsigned int i = 0; i < WORKERS_MAX; i++)
        usage.clocks[i].intervals[usage.present] = usage.busy[i].intervals[usage.present] = 0;
    for (unsigned int i = 1; i < PORTS_MAX; i++) {
        for (unsigned int q = 0; usage.ports[i] != NULL && q < PORT_QUEUES_MAX; q++)
            usage.ports[i]->queues[q].clocks.intervals[usage.present] = 0;
    }
}

static void sample_workers(void)
{
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        struct worker_account account;

        worker_account_read(i, &account);
        series_add(&usage.busy[i], account.counts[COUNT_BUSY_CLOCKS]);
        series_add(&usage.clocks[i], account.counts[COUNT_BUSY_CLOCKS] + account.counts[COUNT_IDLE_CLOCKS]);
    }
}

static uint64_t queue_clocks(const struct port *port, uint16_t queue)
{
    return atomic_load_explicit(&port->rxq_accounts[queue].clocks, memory_order_relaxed);
}

/* A port seen for the first time: what it did before does not count. */
static struct port_usage *start_port(const struct port *port)
{
    struct port_usage *started = calloc(1, sizeof *started);

    if (started == NULL)
        return NULL;
    started->port = port;
    for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++)
        started->queues[q].clocks.last = queue_clocks(port, q);
    return started;
}

static void sample_port(const struct port *port, uint16_t index, uint64_t passed)
{
    struct port_usage *known = usage.ports[index];

    if (known != NULL && known->port != port) {
        free(known);
        known = usage.ports[index] = NULL;
    }
    if (port == NULL || port->ops == NULL)
        return;
    if (known == NULL) {
        usage.ports[index] = start_port(port);
        return;
    }
    for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++) {
        struct queue_usage *queue = &known->queues[q];
        double share = passed > 0 ? (double)series_add(&queue->clocks, queue_clocks(port, q)) / (double)passed : 0;

        queue->load += SMOOTHING * ((share < 1 ? share : 1) - queue->load);
    }
}

void rxq_usage_sample(const struct snapshot *snapshot, int64_t now_ms)
{
    uint64_t tsc = dataplane_clocks();
    uint64_t passed = usage.started ? tsc - usage.tsc : 0;

    if (usage.started && now_ms - usage.interval_ms >= (int64_t)RXQ_USAGE_INTERVAL_S * 1000) {
        begin_interval();
        usage.interval_ms = now_ms;
    } else if (!usage.started) {
        usage.interval_ms = now_ms;
    }
    usage.started = true;
    usage.tsc = tsc;
    sample_workers();
    for (uint16_t i = 1; i < PORTS_MAX; i++)
        sample_port(snapshot_port(snapshot, i), i, passed);
}

static const struct queue_usage *find_queue(const struct port *port, uint16_t queue)
{
    const struct port_usage *known = usage.ports[port->index];

    return known != NULL && known->port == port && queue < PORT_QUEUES_MAX ? &known->queues[queue] : NULL;
}

double rxq_usage_load(const struct port *port, uint16_t queue)
{
    const struct queue_usage *found = find_queue(port, queue);

    return found != NULL ? found->load : 0;
}

uint64_t rxq_usage_clocks(const struct port *port, uint16_t queue, unsigned int seconds)
{
    const struct queue_usage *found = find_queue(port, queue);

    return found != NULL ? series_sum(&found->clocks, seconds) : 0;
}

void rxq_usage_worker(unsigned int id, unsigned int seconds, uint64_t *clocks, uint64_t *busy)
{
    *clocks = series_sum(&usage.clocks[id], seconds);
    *busy = series_sum(&usage.busy[id], seconds);
}
