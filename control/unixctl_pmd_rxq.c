// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/shash.h>
#include <unixctl.h>
#include <util.h>

#include "control/rxq_balancer.h"
#include "control/unixctl_commands.h"
#include "control/unixctl_pmd_options.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/rxq_usage.h"
#include "dataplane/worker_account.h"

/* " 8 %" of what there was, or that nothing is known. */
static void put_share(struct ds *out, uint64_t part, uint64_t all)
{
    if (all == 0)
        ds_put_cstr(out, "NOT AVAIL\n");
    else
        ds_put_format(out, "%2" PRIu64 " %%\n", MIN(part * 100 / all, 100));
}

/* The queues of one port that the worker polls, or will in a moment. Returns the clocks they took. */
static uint64_t put_port(struct ds *out, const struct port *port, unsigned int worker, unsigned int seconds,
                         uint64_t all)
{
    uint16_t n = atomic_load_explicit(&port->n_rxq, memory_order_relaxed);
    uint64_t sum = 0;

    for (uint16_t q = 0; q < MIN(n, PORT_QUEUES_MAX); q++) {
        uint64_t clocks = rxq_usage_clocks(port, q, seconds);

        if (port->rxq_places[q].worker != worker + 1)
            continue;
        ds_put_format(out, "  port: %-16s  queue-id: %2u %s  pmd usage: ", port->name, q, "(enabled) ");
        put_share(out, clocks, all);
        sum += clocks;
    }
    return sum;
}

static void put_worker(struct ds *out, const struct worker_facts *worker, const struct shash_node **ports, size_t n,
                       unsigned int seconds)
{
    uint64_t all, busy, of_queues = 0;

    rxq_usage_worker(worker->id, seconds, &all, &busy);
    pmd_options_put_heading(out, worker);
    ds_put_format(out, "  isolated : %s\n", worker->isolated ? "true" : "false");
    for (size_t i = 0; i < n; i++)
        of_queues += put_port(out, ports[i]->data, worker->id, seconds, all);
    ds_put_cstr(out, "  overhead: ");
    put_share(out, busy > of_queues ? busy - of_queues : 0, all);
}

/* Whole intervals, and no longer than is remembered; the longest when it is not said. */
static unsigned int choose_seconds(unsigned int asked)
{
    if (asked == 0 || asked > RXQ_USAGE_MAX_S)
        return RXQ_USAGE_MAX_S;
    return ROUND_UP(asked, RXQ_USAGE_INTERVAL_S);
}

static void rxq_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct shash ports = SHASH_INITIALIZER(&ports);
    struct worker_facts workers[WORKERS_MAX];
    struct ds out = DS_EMPTY_INITIALIZER;
    const struct shash_node **sorted;
    struct interface *interface;
    struct pmd_options options;
    unsigned int seconds;
    size_t n;

    pmd_options_read(argc, argv, &options);
    seconds = choose_seconds(options.seconds);
    n = pmd_options_workers(vswitch, &options, workers);
    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        if (interface->state == INTERFACE_OPEN && !interface->is_tunnel)
            shash_add(&ports, interface->settings->name, interface->port);
    }
    sorted = shash_sort(&ports);
    ds_put_format(&out, "Displaying last %u seconds pmd usage %%\n", seconds);
    for (size_t i = 0; i < n; i++)
        put_worker(&out, &workers[i], sorted, shash_count(&ports), seconds);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
    free(sorted);
    shash_destroy(&ports);
}

static void rxq_rebalance(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct ds out = DS_EMPTY_INITIALIZER;

    if (argc > 1 && strcmp(argv[1], "ovs-netdev") != 0 && strcmp(argv[1], "netdev@ovs-netdev") != 0) {
        unixctl_command_reply_error(conn, "please specify an existing datapath");
        return;
    }
    ds_put_cstr(&out, "pmd rxq rebalance requested.\n");
    if (vswitch_has_data_plane(vswitch))
        rxq_balancer_force(&vswitch->applied, &out);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

const struct unixctl_command unixctl_pmd_rxq_commands[] = {
    {"dpif-netdev/pmd-rxq-show", "[-pmd core] [-secs secs] [dp]", 0, 5, rxq_show},
    {"dpif-netdev/pmd-rxq-rebalance", "[dp]", 0, 1, rxq_rebalance},
    {NULL, NULL, 0, 0, NULL},
};
