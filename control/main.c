// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <command-line.h>
#include <daemon.h>
#include <dirs.h>
#include <fatal-signal.h>
#include <memory.h>
#include <openvswitch/poll-loop.h>
#include <openvswitch/vlog.h>
#include <simap.h>
#include <stream-ssl.h>
#include <stream.h>
#include <unixctl.h>
#include <util.h>

#include "control/cpus.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/core/notifier.h"

VLOG_DEFINE_THIS_MODULE(main);

enum {
    OPT_MLOCKALL = UCHAR_MAX + 1,
    OPT_UNIXCTL,
    OPT_PEER_CA_CERT,
    OPT_BOOTSTRAP_CA_CERT,
    VLOG_OPTION_ENUMS,
    DAEMON_OPTION_ENUMS,
    SSL_OPTION_ENUMS,
};

/* Options of our own, and their help. Those of the Open vSwitch library follow from its macros. */
static const struct {
    const char *name;
    const char *argument;
    int value;
    const char *help;
} own_options[] = {
    {"unixctl", "SOCKET", OPT_UNIXCTL, "override default control socket name"},
    {"mlockall", NULL, OPT_MLOCKALL, "keep the daemon's memory from being paged out"},
    {"peer-ca-cert", "FILE", OPT_PEER_CA_CERT, "certificate of the CA that signs the database's certificate"},
    {"bootstrap-ca-cert", "FILE", OPT_BOOTSTRAP_CA_CERT, "the same, fetched from the first server seen if absent"},
    {"help", NULL, 'h', "display this help message"},
    {"version", NULL, 'V', "display version information"},
};

static const struct option library_options[] = {
    DAEMON_LONG_OPTIONS,
    VLOG_LONG_OPTIONS,
    STREAM_SSL_LONG_OPTIONS,
};

#define N_OPTIONS (ARRAY_SIZE(own_options) + ARRAY_SIZE(library_options))

struct options {
    char *remote;
    char *unixctl_path;
    bool mlockall;
};

static void usage(void)
{
    printf("%s: virtual switch daemon\n"
           "usage: %s [OPTIONS] [DATABASE]\n"
           "where DATABASE is a socket on which ovsdb-server is listening\n"
           "      (default: \"unix:%s/db.sock\").\n",
           program_name, program_name, ovs_rundir());
    stream_usage("DATABASE", true, false, true);
    daemon_usage();
    vlog_usage();
    printf("\nOther options:\n");
    for (size_t i = 0; i < ARRAY_SIZE(own_options); i++) {
        char left[64];

        snprintf(left, sizeof left, "--%s%s%s", own_options[i].name, own_options[i].argument != NULL ? "=" : "",
                 own_options[i].argument != NULL ? own_options[i].argument : "");
        printf("  %-25s %s\n", left, own_options[i].help);
    }
    exit(EXIT_SUCCESS);
}

static void take_option(int c, struct options *options)
{
    switch (c) {
    case 'h':
        usage();
        break;
    case 'V':
        ovs_print_version(0, 0);
        exit(EXIT_SUCCESS);
    case OPT_MLOCKALL:
        options->mlockall = true;
        break;
    case OPT_UNIXCTL:
        options->unixctl_path = optarg;
        break;
        VLOG_OPTION_HANDLERS
        DAEMON_OPTION_HANDLERS
        STREAM_SSL_OPTION_HANDLERS
    case OPT_PEER_CA_CERT:
        stream_ssl_set_peer_ca_cert_file(optarg);
        break;
    case OPT_BOOTSTRAP_CA_CERT:
        stream_ssl_set_ca_cert_file(optarg, true);
        break;
    default:
        exit(EXIT_FAILURE);
    }
}

static void parse_options(int argc, char *argv[], struct options *options)
{
    struct option long_options[N_OPTIONS + 1];
    char *short_options;
    size_t n = 0;
    int c;

    for (size_t i = 0; i < ARRAY_SIZE(own_options); i++)
        long_options[n++] =
            (struct option){own_options[i].name, own_options[i].argument != NULL, NULL, own_options[i].value};
    memcpy(&long_options[n], library_options, sizeof library_options);
    memset(&long_options[N_OPTIONS], 0, sizeof long_options[0]);
    short_options = ovs_cmdl_long_options_to_short_options(long_options);
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
        take_option(c, options);
    free(short_options);

    if (argc - optind > 1)
        VLOG_FATAL("at most one non-option argument accepted; use --help for usage");
    options->remote = argc > optind ? xstrdup(argv[optind]) : xasprintf("unix:%s/db.sock", ovs_rundir());
}

static void exit_command(struct unixctl_conn *conn, int argc, const char *argv[], void *exiting)
{
    *(bool *)exiting = true;
    unixctl_command_reply(conn, NULL);
}

static void report_memory(const struct vswitch *vswitch)
{
    struct simap usage;

    memory_run();
    if (!memory_should_report())
        return;
    simap_init(&usage);
    vswitch_memory_usage(vswitch, &usage);
    memory_report(&usage);
    simap_destroy(&usage);
}

static volatile sig_atomic_t terminated;

static void handle_termination(int signal_number)
{
    terminated = signal_number;
    notifier_raise();
}

/* SIGTERM and SIGINT end the main loop, so that ports are closed in order; a second one ends the process at once. */
static void catch_termination(void)
{
    struct sigaction action = {.sa_handler = handle_termination, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static void run(struct vswitch *vswitch, struct unixctl_server *unixctl, const bool *exiting)
{
    while (!*exiting && !terminated) {
        report_memory(vswitch);
        vswitch_run(vswitch);
        unixctl_server_run(unixctl);

        memory_wait();
        vswitch_wait(vswitch);
        unixctl_server_wait(unixctl);
        if (*exiting)
            poll_immediate_wake();
        poll_block();
    }
    if (terminated)
        VLOG_INFO("terminating with signal %d", (int)terminated);
}

int main(int argc, char *argv[])
{
    struct options options = {NULL, NULL, false};
    struct unixctl_server *unixctl;
    struct vswitch vswitch;
    bool exiting = false;

    ovs_set_program_name("sluice-vswitchd", SLUICE_VERSION);
    ovs_cmdl_proctitle_init(argc, argv);
    parse_options(argc, argv, &options);
    fatal_ignore_sigpipe();
    daemonize_start(true);
    cpus_remember();
    if (options.mlockall && mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
        VLOG_ERR("mlockall failed: %s", ovs_strerror(errno));
    if (unixctl_server_create(options.unixctl_path, &unixctl) != 0)
        exit(EXIT_FAILURE);
    vswitch_init(&vswitch, options.remote);
    unixctl_command_register("exit", "[--cleanup]", 0, 1, exit_command, &exiting);
    unixctl_commands_register(&vswitch);
    catch_termination();

    run(&vswitch, unixctl, &exiting);

    vswitch_destroy(&vswitch);
    unixctl_server_destroy(unixctl);
    free(options.remote);
    return 0;
}
