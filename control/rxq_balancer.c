// SPDX-License-Identifier: Apache-2.0
#include "control/rxq_balancer.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/poll-loop.h>
#include <openvswitch/vlog.h>
#include <smap.h>
#include <timeval.h>
#include <util.h>

#include "control/applied.h"
#include "dataplane/dataplane.h"
#include "dataplane/rxq_balance.h"
#include "dataplane/rxq_usage.h"
#include "dataplane/worker_account.h"

VLOG_DEFINE_THIS_MODULE(rxq_balancer);

/* Without pmd-auto-lb-rebal-interval, which counts minutes. */
#define INTERVAL_MS           1000
#define LOAD_THRESHOLD        80
#define IMPROVEMENT_THRESHOLD 25
/* A move must take this much of a CPU off the busier worker. */
#define LEAST_GAIN 0.05
/* A queue that was moved stays for so long. */
#define REST_MS 10000
/* When asked by hand, a queue without load counts this much, so that such queues are spread evenly too. */
#define NEXT_TO_NOTHING 0.001
#define FORCED_MOVES    64

static struct {
    bool on;
    long long int interval_ms;
    struct rxq_balance thresholds; /* but for 'takes' */
    long long int sample_at;
    long long int decide_at;
    long long int moved_at[PORTS_MAX][PORT_QUEUES_MAX];
} balancer = {.on = true, .interval_ms = INTERVAL_MS};

static unsigned int number_of(const struct smap *other_config, const char *key, unsigned int most,
                              unsigned int otherwise)
{
    const char *text = smap_get(other_config, key);
    unsigned int value;

    if (text == NULL)
        return otherwise;
    if (str_to_uint(text, 10, &value) && value <= most)
        return value;
    VLOG_WARN("other_config:%s \"%s\" is not a number from 0 to %u; taking the default", key, text, most);
    return otherwise;
}

static bool may_balance(const struct smap *other_config)
{
    const char *assign = smap_get_def(other_config, "pmd-rxq-assign", "cycles");

    if (strcmp(assign, "cycles") != 0 && strcmp(assign, "group") != 0 && strcmp(assign, "roundrobin") != 0)
        VLOG_WARN("other_config:pmd-rxq-assign \"%s\" is none of cycles, group and roundrobin; taking cycles", assign);
    return strcmp(assign, "roundrobin") != 0 && smap_get_bool(other_config, "pmd-auto-lb", true);
}

void rxq_balancer_configure(const struct smap *other_config)
{
    static struct smap former = SMAP_INITIALIZER(&former);
    unsigned int minutes;

    if (smap_equal(&former, other_config) && balancer.thresholds.load_threshold > 0)
        return;
    smap_destroy(&former);
    smap_clone(&former, other_config);

    balancer.on = may_balance(other_config);
    minutes = number_of(other_config, "pmd-auto-lb-rebal-interval", 20000, 0);
    balancer.interval_ms = minutes > 0 ? minutes * 60000ll : INTERVAL_MS;
    balancer.decide_at = MIN(balancer.decide_at, time_msec() + balancer.interval_ms);
    balancer.thresholds.load_threshold =
        number_of(other_config, "pmd-auto-lb-load-threshold", 100, LOAD_THRESHOLD) / 100.0;
    balancer.thresholds.least_improvement =
        number_of(other_config, "pmd-auto-lb-improvement-threshold", 100, IMPROVEMENT_THRESHOLD) / 100.0;
    balancer.thresholds.least_gain = LEAST_GAIN;
    dataplane_set_rxq_isolate(smap_get_bool(other_config, "pmd-rxq-isolate", true));
    if (dataplane_worker_count() > 0)
        dataplane_replan();
}

/* All queues that have a worker, with their loads; and which worker takes queues. */
struct picture {
    struct rxq_balance balance;
    unsigned int cpus[WORKERS_MAX]; /* by worker id */
    size_t n;
    struct rxq_load *loads;
    struct source {
        struct port *port;
        uint16_t queue;
    } * sources;
};

static void see_workers(struct picture *picture)
{
    struct worker_facts workers[WORKERS_MAX];
    size_t n = worker_list(workers);

    for (size_t i = 0; i < n; i++) {
        picture->cpus[workers[i].id] = workers[i].cpu;
        picture->balance.takes[workers[i].id] = !workers[i].isolated;
    }
}

static bool is_bound(const struct picture *picture, const struct rxq_place *place)
{
    /* On another worker than the one it is bound to: no worker is there. */
    return place->cpu != 0 && picture->cpus[place->worker - 1] == place->cpu - 1u;
}

/* With a 'least_load' each queue counts at least that much, and none rests. */
static void see_port(struct picture *picture, struct port *port, double least_load)
{
    uint16_t n = atomic_load_explicit(&port->n_rxq, memory_order_relaxed);

    for (uint16_t q = 0; q < MIN(n, PORT_QUEUES_MAX); q++) {
        const struct rxq_place *place = &port->rxq_places[q];
        long long int moved_at = balancer.moved_at[port->index][q];
        bool rests = least_load == 0 && moved_at != 0 && time_msec() < moved_at + REST_MS;
        double load = rxq_usage_load(port, q);

        if (place->worker == 0)
            continue;
        picture->sources[picture->n] = (struct source){port, q};
        picture->loads[picture->n++] =
            (struct rxq_load){.load = MAX(load, least_load),
                              .worker = place->worker - 1u,
                              .movable = !rests && !place->taken && !is_bound(picture, place)};
    }
}

static void picture_make(struct picture *picture, const struct applied *applied, double least_load)
{
    size_t most = hmap_count(&applied->interfaces) * PORT_QUEUES_MAX + 1;
    const struct interface *interface;

    memset(picture, 0, sizeof *picture);
    picture->balance = balancer.thresholds;
    picture->loads = xcalloc(most, sizeof *picture->loads);
    picture->sources = xcalloc(most, sizeof *picture->sources);
    see_workers(picture);
    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->state == INTERFACE_OPEN && !interface->is_tunnel)
            see_port(picture, interface->port, least_load);
    }
}

static void picture_free(struct picture *picture)
{
    free(picture->loads);
    free(picture->sources);
}

static int percent(double share)
{
    return (int)(share * 100 + 0.5);
}

/* One move, if there is one worth it. 'out' may be NULL. */
static bool move_one(struct picture *picture, struct ds *out)
{
    struct rxq_move move;
    struct source *source;

    if (!rxq_balance_decide(&picture->balance, picture->loads, (uint32_t)picture->n, &move))
        return false;
    source = &picture->sources[move.queue];
    source->port->rxq_places[source->queue].wanted = (uint8_t)(move.to + 1);
    balancer.moved_at[source->port->index][source->queue] = time_msec();
    VLOG_INFO("queue %u of port %s goes from CPU %u (busy %d%%) to CPU %u (%d%%): %d%% and %d%% are expected then",
              source->queue, source->port->name, picture->cpus[move.from], percent(move.from_before),
              picture->cpus[move.to], percent(move.to_before), percent(move.from_after), percent(move.to_after));
    if (out != NULL)
        ds_put_format(out, "port: %-16s  queue-id: %2u  core %u (%d %%) -> core %u (%d %%)\n", source->port->name,
                      source->queue, picture->cpus[move.from], percent(move.from_before), picture->cpus[move.to],
                      percent(move.to_before));
    picture->loads[move.queue].worker = move.to;
    return true;
}

static void decide(const struct applied *applied)
{
    struct picture picture;

    if (dataplane_worker_count() < 2)
        return;
    picture_make(&picture, applied, 0);
    if (move_one(&picture, NULL))
        dataplane_replan();
    picture_free(&picture);
}

void rxq_balancer_run(const struct applied *applied)
{
    long long int now = time_msec();

    if (now < balancer.sample_at)
        return;
    balancer.sample_at = now + RXQ_USAGE_SAMPLE_MS;
    rxq_usage_sample(dataplane_current(), now);
    if (!balancer.on || now < balancer.decide_at || applied->edit != NULL)
        return;
    balancer.decide_at = now + balancer.interval_ms;
    decide(applied);
}

void rxq_balancer_wait(void)
{
    poll_timer_wait_until(balancer.sample_at);
}

void rxq_balancer_force(const struct applied *applied, struct ds *out)
{
    struct picture picture;
    unsigned int moves = 0;

    if (applied->edit != NULL) {
        ds_put_cstr(out, "the configuration is about to change; ask again\n");
        return;
    }
    picture_make(&picture, applied, NEXT_TO_NOTHING);
    picture.balance.load_threshold = 0;
    picture.balance.least_gain = NEXT_TO_NOTHING / 2;
    while (moves < FORCED_MOVES && move_one(&picture, out))
        moves++;
    if (moves > 0)
        dataplane_replan();
    else
        ds_put_cstr(out, "no queue would be better off elsewhere\n");
    picture_free(&picture);
}
