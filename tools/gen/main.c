// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "tools/gen/device.h"
#include "tools/gen/meter.h"
#include "tools/gen/options.h"
#include "tools/gen/report.h"
#include "tools/gen/traffic.h"

static volatile sig_atomic_t leave;

static void on_signal(int number)
{
    leave = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Sleeps until the worker says so; tells it to stop when we are told to leave. */
static void wait_for_worker(struct traffic *traffic)
{
    while (sem_wait(&traffic->progress) != 0) {
        if (leave)
            atomic_store(&traffic->stop, true);
    }
}

static int measure(const struct options *options, struct device *devices, unsigned int n_devices, unsigned int lcore)
{
    static struct traffic traffic;
    static struct meter meter;
    int error = traffic_init(&traffic, options, devices, n_devices);

    if (error != 0) {
        fprintf(stderr, "sluice-gen: %s\n", rte_strerror(-error));
        goto out;
    }
    error = rte_eal_remote_launch(traffic_run, &traffic, lcore);
    if (error != 0)
        goto out;
    wait_for_worker(&traffic);
    error = atomic_load(&traffic.error);
    if (error == 0) {
        /* A search ends by itself. */
        if (options->n_limits == 0) {
            meter_run(&meter, options, &traffic, &leave);
            atomic_store(&traffic.stop, true);
        }
        wait_for_worker(&traffic);
        report_write(&meter, options, &traffic, stdout);
        /* Now: whatever becomes of the devices, the figures are out. */
        fflush(stdout);
        error = leave ? -EINTR : 0;
    }
    /* It has said that it is done, so this does not spin for long. */
    rte_eal_wait_lcore(lcore);
out:
    traffic_fini(&traffic);
    return error;
}

static bool has_what_it_needs(const struct options *options, unsigned int lcore, unsigned int n_devices)
{
    unsigned int least = options_devices(options), most = least == 1 ? 1 : GUESTS_MAX;

    if (n_devices < least || n_devices > most) {
        fprintf(stderr, "sluice-gen: needs %s, but EAL has %u; see sluice-gen -- --help\n",
                least == 1 ? "one device" : "two or three devices", n_devices);
        return false;
    }
    if (options->flood > 0 && n_devices < GUESTS_MAX) {
        fprintf(stderr, "sluice-gen: --flood needs a third device\n");
        return false;
    }
    if (lcore >= RTE_MAX_LCORE) {
        fprintf(stderr, "sluice-gen: needs an lcore beside the main one: --lcores; see sluice-gen -- --help\n");
        return false;
    }
    return true;
}

static int run(const struct options *options)
{
    struct device devices[GUESTS_MAX];
    unsigned int lcore = rte_get_next_lcore(-1, 1, 0), n = 0, n_devices = rte_eth_dev_count_avail();
    uint16_t port_id;
    int error = 0;

    if (!has_what_it_needs(options, lcore, n_devices))
        return -EINVAL;
    RTE_ETH_FOREACH_DEV(port_id)
    {
        if (error == 0) {
            error = device_open(&devices[n], (uint16_t)(options->sink ? 1 : n), port_id, options);
            n++;
        }
    }
    if (error == 0) {
        fprintf(stderr, "sluice-gen: devices are up\n");
        error = measure(options, devices, n, lcore);
    }
    while (n > 0)
        device_close(&devices[--n]);
    return error;
}

/* Before EAL starts, so that help needs neither hugepages nor root. Ours are the arguments after "--". */
static enum options_result parse_options(struct options *options, int argc, char *argv[])
{
    int i = 1;

    while (i < argc && strcmp(argv[i], "--") != 0) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return options_parse(options, 2, (char *[]){argv[0], argv[i], NULL});
        i++;
    }
    return i < argc ? options_parse(options, argc - i, &argv[i]) : options_parse(options, 1, argv);
}

int main(int argc, char *argv[])
{
    struct options options;
    enum options_result parsed = parse_options(&options, argc, argv);
    int error;

    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_FAILURE;
    catch_signals();
    if (rte_eal_init(argc, argv) < 0) {
        fprintf(stderr, "sluice-gen: EAL: %s\n", rte_strerror(rte_errno));
        return EXIT_FAILURE;
    }
    error = run(&options);
    rte_eal_cleanup();
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
