// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "command-line.h"
#include "daemon.h"
#include "dirs.h"
#include "jsonrpc.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "unixctl.h"
#include "util.h"

static const char default_target[] = "sluice-vswitchd";

enum {
    EXIT_SERVER_ERROR = 2,
};

enum {
    OPT_START = UCHAR_MAX + 1,
    VLOG_OPTION_ENUMS,
};

// clang-format off
static const struct option long_options[] = {
    {"target", required_argument, NULL, 't'},
    {"execute", no_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {"option", no_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    {"timeout", required_argument, NULL, 'T'},
    VLOG_LONG_OPTIONS,
    {NULL, 0, NULL, 0},
};
// clang-format on

static void print_usage(void)
{
    printf("%s: query and control the Sluice switch\n"
           "usage: %s [OPTIONS] COMMAND [ARG...]\n"
           "\nCommon commands:\n"
           "  list-commands              list what the target can be told\n"
           "  version                    print the version of the target\n"
           "  exit                       stop the target\n"
           "  fdb/show BRIDGE            print the MAC addresses learned\n"
           "  dpif/show                  print bridges and their ports\n"
           "  dpctl/dump-flows           print the flow caches\n"
           "  dpctl/dump-conntrack       print the sessions\n"
           "  vlog/list                  print the log levels\n"
           "  vlog/set SPEC              set log levels\n"
           "  vlog/reopen                make the target reopen its log file\n"
           "\nOptions:\n"
           "  -t, --target=TARGET        name of a daemon's pidfile, or absolute path of a control socket\n"
           "                             (default: %s)\n"
           "  -T, --timeout=SECS         give up after SECS seconds\n",
           program_name, program_name, default_target);
    vlog_usage();
    printf("\nOther options:\n"
           "  -h, --help                 display this help message\n"
           "  -V, --version              display version information\n");
}

struct appctl_options {
    const char *target; // NULL: not given
    unsigned int timeout;
};

static void apply_option(int c, struct appctl_options *options)
{
    switch (c) {
    case 't':
        if (options->target) {
            ovs_fatal(0, "-t or --target may be specified only once");
        }
        options->target = optarg;
        break;
    case 'T':
        if (!str_to_uint(optarg, 10, &options->timeout) || !options->timeout) {
            ovs_fatal(0, "value %s on -T or --timeout is invalid", optarg);
        }
        break;
    case 'e': // "-e COMMAND" of old scripts: the command follows as it would without
        break;
    case 'h':
        print_usage();
        exit(EXIT_SUCCESS);
    case 'o':
        ovs_cmdl_print_options(long_options);
        exit(EXIT_SUCCESS);
    case 'V':
        ovs_print_version(0, 0);
        exit(EXIT_SUCCESS);
        VLOG_OPTION_HANDLERS
    default: // getopt has said what is wrong
        exit(EXIT_FAILURE);
    }
}

// Returns the index of the command word.
static int parse_options(int argc, char *argv[], struct appctl_options *options)
{
    char *letters = ovs_cmdl_long_options_to_short_options(long_options);
    char *short_options = xasprintf("+%s", letters); // options of the command are not ours
    free(letters);
    for (int c; (c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1;) {
        apply_option(c, options);
    }
    free(short_options);
    if (optind >= argc) {
        ovs_fatal(0, "at least one non-option argument is required (use --help for help)");
    }
    return optind;
}

// Path of the control socket of a target. To be freed by the caller.
static char *socket_of_target(const char *target)
{
    if (target[0] == '/') {
        return xstrdup(target);
    }
    char *pidfile = xasprintf("%s/%s.pid", ovs_rundir(), target);
    pid_t pid = read_pidfile(pidfile);
    if (pid < 0) {
        ovs_fatal(-pid, "cannot read pidfile \"%s\"", pidfile);
    }
    free(pidfile);
    return xasprintf("%s/%s.%ld.ctl", ovs_rundir(), target, (long)pid);
}

// Run one command. Returns the exit status.
static int run_command(const char *target, struct jsonrpc *client, const char *command, int argc, char *argv[])
{
    char *result = NULL;
    char *error_text = NULL;
    int error = unixctl_client_transact(client, command, argc, argv, &result, &error_text);
    if (error) {
        ovs_fatal(error, "%s: transaction error", target);
    }
    int status = EXIT_SUCCESS;
    if (error_text) {
        fputs(error_text, stderr);
        ovs_error(0, "%s: server returned an error", target);
        status = EXIT_SERVER_ERROR;
    } else if (result) {
        fputs(result, stdout);
    }
    free(result);
    free(error_text);
    return status;
}

int main(int argc, char *argv[])
{
    ovs_set_program_name(argv[0], SLUICE_VERSION);
    struct appctl_options options = {.target = NULL};
    int command = parse_options(argc, argv, &options);
    ctl_timeout_setup(options.timeout);

    const char *target = options.target ? options.target : default_target;
    char *path = socket_of_target(target);
    struct jsonrpc *client;
    int error = unixctl_client_create(path, &client);
    if (error) {
        ovs_fatal(error, "cannot connect to \"%s\"", path);
    }
    free(path);

    int n_args = argc - command - 1;
    int status = run_command(target, client, argv[command], n_args, n_args ? &argv[command + 1] : NULL);
    jsonrpc_close(client);
    return status;
}
