// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/vlog.h>
#include <timeval.h>
#include <unixctl.h>
#include <util.h>

#include "control/cpus.h"
#include "control/unixctl_commands.h"
#include "control/unixctl_pmd_options.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/worker_account.h"

/* What the accounts were when they were last cleared: they are never written to by us. */
static struct {
    struct worker_account base[WORKERS_MAX];
    long long int cleared_at[WORKERS_MAX]; /* 0: never */
    unsigned int cpus[WORKERS_MAX];        /* of the worker that 'base' is of */
} cleared;

/* The account of a worker since it was cleared. Returns the seconds that it covers. */
static double read_account(const struct worker_facts *worker, struct worker_account *account)
{
    long long int since = cleared.cleared_at[worker->id];
    uint64_t clocks;

    worker_account_read(worker->id, account);
    clocks = account->counts[COUNT_BUSY_CLOCKS] + account->counts[COUNT_IDLE_CLOCKS];
    if (since == 0 || cleared.cpus[worker->id] != worker->cpu)
        return (double)clocks / (double)dataplane_clock_rate();
    worker_account_subtract(account, &cleared.base[worker->id]);
    return (double)(time_msec() - since) / 1000.0;
}

static double ratio(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

static void put_clocks(struct ds *out, const struct worker_account *account, uint64_t packets)
{
    uint64_t idle = account->counts[COUNT_IDLE_CLOCKS];
    uint64_t busy = account->counts[COUNT_BUSY_CLOCKS];
    uint64_t all = idle + busy;

    if (all == 0)
        return;
    ds_put_format(out,
                  "  idle cycles: %" PRIu64 " (%.02f%%)\n"
                  "  processing cycles: %" PRIu64 " (%.02f%%)\n",
                  idle, ratio(idle, all) * 100, busy, ratio(busy, all) * 100);
    if (packets == 0)
        return;
    ds_put_format(out,
                  "  avg cycles per packet: %.02f (%" PRIu64 "/%" PRIu64 ")\n"
                  "  avg processing cycles per packet: %.02f (%" PRIu64 "/%" PRIu64 ")\n",
                  ratio(all, packets), all, packets, ratio(busy, packets), busy, packets);
}

/* The flow cache stands where the exact match cache does, resolving where the upcall does. */
static void put_account(struct ds *out, const struct worker_account *account)
{
    uint64_t packets = account->counts[COUNT_RX_PACKETS];

    ds_put_format(out,
                  "  packets received: %" PRIu64 "\n"
                  "  packet recirculations: 0\n"
                  "  avg. datapath passes per packet: %.02f\n"
                  "  phwol hits: 0\n"
                  "  mfex opt hits: 0\n"
                  "  simple match hits: 0\n"
                  "  emc hits: %" PRIu64 "\n"
                  "  smc hits: 0\n"
                  "  megaflow hits: 0\n"
                  "  avg. subtable lookups per megaflow hit: 0.00\n"
                  "  miss with success upcall: %" PRIu64 "\n"
                  "  miss with failed upcall: %" PRIu64 "\n"
                  "  avg. packets per output batch: %.02f\n",
                  packets, packets > 0 ? 1.0 : 0.0, account->hits,
                  account->misses - MIN(account->lost, account->misses), account->lost,
                  ratio(account->tx_packets, account->tx_bursts));
    put_clocks(out, account, packets);
}

static void stats_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct worker_facts workers[WORKERS_MAX];
    struct ds out = DS_EMPTY_INITIALIZER;
    struct worker_account account;
    struct pmd_options options;
    size_t n;

    pmd_options_read(argc, argv, &options);
    n = pmd_options_workers(vswitch, &options, workers);
    for (size_t i = 0; i < n; i++) {
        read_account(&workers[i], &account);
        pmd_options_put_heading(&out, &workers[i]);
        put_account(&out, &account);
    }
    if (!options.one) {
        /* It forwards nothing here. */
        memset(&account, 0, sizeof account);
        ds_put_cstr(&out, "main thread:\n");
        put_account(&out, &account);
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void stats_clear(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct worker_facts workers[WORKERS_MAX];
    struct pmd_options options;
    size_t n;

    pmd_options_read(argc, argv, &options);
    n = pmd_options_workers(vswitch, &options, workers);
    for (size_t i = 0; i < n; i++) {
        worker_account_read(workers[i].id, &cleared.base[workers[i].id]);
        cleared.cleared_at[workers[i].id] = time_msec();
        cleared.cpus[workers[i].id] = workers[i].cpu;
    }
    unixctl_command_reply(conn, NULL);
}

static void put_turns(struct ds *out, const struct worker_account *account, double seconds)
{
    uint64_t idle = account->counts[COUNT_IDLE_CLOCKS];
    uint64_t busy = account->counts[COUNT_BUSY_CLOCKS];
    uint64_t slept = account->counts[COUNT_SLEPT_CLOCKS];
    uint64_t turns = account->counts[COUNT_TURNS];
    uint64_t used = idle + busy - slept;
    double us_per_clock = 1000000.0 / (double)dataplane_clock_rate();

    ds_put_format(out,
                  "  Iterations:         %12" PRIu64 "  (%.2f us/it)\n"
                  "  - Used TSC cycles:  %12" PRIu64 "  (%5.1f %% of total cycles)\n"
                  "  - idle iterations:  %12" PRIu64 "  (%5.1f %% of used cycles)\n"
                  "  - busy iterations:  %12" PRIu64 "  (%5.1f %% of used cycles)\n"
                  "  - sleep iterations: %12" PRIu64 "  (%5.1f %% of iterations)\n"
                  "  Sleep time (us):    %12.0f  (%.0f us/iteration avg.)\n",
                  turns, turns > 0 ? seconds * 1e6 / (double)turns : 0, used, ratio(used, idle + busy) * 100,
                  turns - account->counts[COUNT_BUSY_TURNS], ratio(idle - slept, used) * 100,
                  account->counts[COUNT_BUSY_TURNS], ratio(busy, used) * 100, account->counts[COUNT_SLEEPS],
                  ratio(account->counts[COUNT_SLEEPS], turns) * 100, (double)slept * us_per_clock,
                  ratio(slept, account->counts[COUNT_SLEEPS]) * us_per_clock);
}

static void put_packets(struct ds *out, const struct worker_account *account, double seconds)
{
    uint64_t packets = account->counts[COUNT_RX_PACKETS];
    uint64_t misses = account->stage_packets[CYCLES_MISS];

    if (packets == 0) {
        ds_put_format(out, "  Rx packets:         %12d\n", 0);
        return;
    }
    ds_put_format(out,
                  "  Rx packets:         %12" PRIu64 "  (%.0f Kpps, %.0f cycles/pkt)\n"
                  "  Datapath passes:    %12" PRIu64 "  (1.00 passes/pkt)\n"
                  "  - PHWOL hits:       %12d  (  0.0 %%)\n"
                  "  - MFEX Opt hits:    %12d  (  0.0 %%)\n"
                  "  - Simple Match hits:%12d  (  0.0 %%)\n"
                  "  - EMC hits:         %12" PRIu64 "  (%5.1f %%)\n"
                  "  - SMC hits:         %12d  (  0.0 %%)\n"
                  "  - Megaflow hits:    %12d  (  0.0 %%, 0.00 subtbl lookups/hit)\n"
                  "  - Upcalls:          %12" PRIu64 "  (%5.1f %%, %.1f us/upcall)\n"
                  "  - Lost upcalls:     %12" PRIu64 "  (%5.1f %%)\n",
                  packets, (double)packets / seconds / 1000, ratio(account->counts[COUNT_BUSY_CLOCKS], packets),
                  packets, 0, 0, 0, account->hits, ratio(account->hits, packets) * 100, 0, 0, account->misses,
                  ratio(account->misses, packets) * 100,
                  ratio(account->stage_clocks[CYCLES_MISS], misses) * 1e6 / (double)dataplane_clock_rate(),
                  account->lost, ratio(account->lost, packets) * 100);
}

static void put_output(struct ds *out, const struct worker_account *account, double seconds)
{
    if (account->tx_packets == 0) {
        ds_put_format(out, "  Tx packets:         %12d\n\n", 0);
        return;
    }
    ds_put_format(out,
                  "  Tx packets:         %12" PRIu64 "  (%.0f Kpps)\n"
                  "  Tx batches:         %12" PRIu64 "  (%.2f pkts/batch)\n",
                  account->tx_packets, (double)account->tx_packets / seconds / 1000, account->tx_bursts,
                  ratio(account->tx_packets, account->tx_bursts));
}

static void perf_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct worker_facts workers[WORKERS_MAX];
    struct ds out = DS_EMPTY_INITIALIZER;
    struct pmd_options options;
    size_t n;

    pmd_options_read(argc, argv, &options);
    n = pmd_options_workers(vswitch, &options, workers);
    for (size_t i = 0; i < n; i++) {
        char *now = xastrftime_msec("%H:%M:%S.###", time_wall_msec(), true);
        struct worker_account account;
        double seconds = read_account(&workers[i], &account);

        ds_put_format(&out, "\nTime: %s\nMeasurement duration: %.3f s\n\n", now, seconds);
        pmd_options_put_heading(&out, &workers[i]);
        ds_put_char(&out, '\n');
        if (seconds > 0) {
            put_turns(&out, &account, seconds);
            put_packets(&out, &account, seconds);
            put_output(&out, &account, seconds);
        }
        ds_put_char(&out, '\n');
        free(now);
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void sleep_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct worker_facts workers[WORKERS_MAX];
    struct ds out = DS_EMPTY_INITIALIZER;
    struct pmd_options options;
    size_t n;

    pmd_options_read(argc, argv, &options);
    n = pmd_options_workers(vswitch, &options, workers);
    ds_put_format(&out, "Default max sleep: %4u us\n", dataplane_sleep_max());
    for (size_t i = 0; i < n; i++) {
        pmd_options_put_heading(&out, &workers[i]);
        ds_put_format(&out, "  max sleep: %4u us\n", dataplane_sleep_max());
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void stages_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct worker_facts workers[WORKERS_MAX];
    struct ds out = DS_EMPTY_INITIALIZER;
    struct pmd_options options;
    size_t n;

    pmd_options_read(argc, argv, &options);
    n = pmd_options_workers(vswitch, &options, workers);
    for (size_t i = 0; i < n; i++) {
        struct worker_account account;

        read_account(&workers[i], &account);
        pmd_options_put_heading(&out, &workers[i]);
        ds_put_format(&out, "  %-6s %16s %14s %14s\n", "stage", "cycles", "packets", "cycles/pkt");
        for (int s = 0; s < CYCLES_N; s++)
            ds_put_format(&out, "  %-6s %16" PRIu64 " %14" PRIu64 " %14.1f\n", cycle_stage_name(s),
                          account.stage_clocks[s], account.stage_packets[s],
                          ratio(account.stage_clocks[s], account.stage_packets[s]));
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

const struct unixctl_command unixctl_pmd_commands[] = {
    {"dpif-netdev/pmd-stats-show", "[-pmd core] [dp]", 0, 3, stats_show},
    {"dpif-netdev/pmd-stats-clear", "[-pmd core] [dp]", 0, 3, stats_clear},
    {"dpif-netdev/pmd-perf-show", "[-nh] [-it iter-history-len] [-ms ms-history-len] [-pmd core] [dp]", 0, 8,
     perf_show},
    {"dpif-netdev/pmd-sleep-show", "[dp]", 0, 1, sleep_show},
    {"dpif-netdev/pmd-stages-show", "[-pmd core] [dp]", 0, 3, stages_show},
    {NULL, NULL, 0, 0, NULL},
};
