// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/options.h"

#include "tools/vsctl/database.h"
#include "tools/vsctl/usage.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "control/schema/sluice-idl.h"
#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "stream-ssl.h"
#include "util.h"

enum {
    OPT_DB = UCHAR_MAX + 1,
    OPT_ONELINE,
    OPT_NO_SYSLOG,
    OPT_NO_WAIT,
    OPT_DRY_RUN,
    OPT_BOOTSTRAP_CA_CERT,
    OPT_PEER_CA_CERT,
    OPT_LOCAL,
    OPT_RETRY,
    OPT_COMMANDS,
    OPT_OPTIONS,
    OPT_LEADER_ONLY,
    OPT_NO_LEADER_ONLY,
    OPT_SHUFFLE_REMOTES,
    OPT_NO_SHUFFLE_REMOTES,
    VLOG_OPTION_ENUMS,
    TABLE_OPTION_ENUMS,
    SSL_OPTION_ENUMS,
};

// clang-format off
static const struct option global_options[] = {
    {"db", required_argument, NULL, OPT_DB},
    {"no-syslog", no_argument, NULL, OPT_NO_SYSLOG},
    {"no-wait", no_argument, NULL, OPT_NO_WAIT},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"oneline", no_argument, NULL, OPT_ONELINE},
    {"timeout", required_argument, NULL, 't'},
    {"retry", no_argument, NULL, OPT_RETRY},
    {"help", no_argument, NULL, 'h'},
    {"commands", no_argument, NULL, OPT_COMMANDS},
    {"options", no_argument, NULL, OPT_OPTIONS},
    {"leader-only", no_argument, NULL, OPT_LEADER_ONLY},
    {"no-leader-only", no_argument, NULL, OPT_NO_LEADER_ONLY},
    {"shuffle-remotes", no_argument, NULL, OPT_SHUFFLE_REMOTES},
    {"no-shuffle-remotes", no_argument, NULL, OPT_NO_SHUFFLE_REMOTES},
    {"version", no_argument, NULL, 'V'},
    VLOG_LONG_OPTIONS,
    TABLE_LONG_OPTIONS,
    STREAM_SSL_LONG_OPTIONS,
    {"bootstrap-ca-cert", required_argument, NULL, OPT_BOOTSTRAP_CA_CERT},
    {"peer-ca-cert", required_argument, NULL, OPT_PEER_CA_CERT},
    {NULL, 0, NULL, 0},
};

// Of the generic commands: the library lists them only once a database is selected, and that depends on the commands, which
// stand behind the options. Those that commands of ours have too are not here: the library lists them already.
static const struct option generic_command_options[] = {
    {"id", required_argument, NULL, OPT_LOCAL},
    {"columns", required_argument, NULL, OPT_LOCAL},
    {"all", no_argument, NULL, OPT_LOCAL},
};
// clang-format on

// Every option getopt is to know, global ones first; the command options are named on the heap.
static struct option *options_of_all_commands(size_t *n_global)
{
    *n_global = ARRAY_SIZE(global_options) - 1;
    size_t n = *n_global + ARRAY_SIZE(generic_command_options);
    size_t allocated = n + 1;
    struct option *all = xcalloc(allocated, sizeof *all);
    memcpy(all, global_options, *n_global * sizeof *all);
    for (size_t i = 0; i < ARRAY_SIZE(generic_command_options); i++) {
        all[*n_global + i] = generic_command_options[i];
        all[*n_global + i].name = xstrdup(generic_command_options[i].name);
    }
    ctl_add_cmd_options(&all, &n, &allocated, OPT_LOCAL);
    return all;
}

static void add_local_option(struct shash *local_options, const char *name, const char *value)
{
    if (shash_find(local_options, name)) {
        ctl_fatal("'%s' option specified multiple times", name);
    }
    shash_add_nocopy(local_options, xasprintf("--%s", name), nullable_xstrdup(value));
}

static void print_version(void)
{
    ovs_print_version(0, 0);
    printf("DB Schema Open_vSwitch %s\n", ovsrec_get_db_version());
    printf("DB Schema Sluice %s\n", sluicerec_get_db_version());
}

static void parse_timeout(const char *text, unsigned int *timeout)
{
    if (!str_to_uint(text, 10, timeout) || !*timeout) {
        ctl_fatal("value %s on -t or --timeout is invalid", text);
    }
}

// The lists that --commands, --options and --help print instead of running anything.
OVS_NO_RETURN static void print_and_exit(int option)
{
    vsctl_database_select(&vsctl_open_vswitch, NULL);
    switch (option) {
    case OPT_COMMANDS:
        ctl_print_commands();
        break;
    case OPT_OPTIONS:
        ctl_print_options(global_options);
        break;
    case 'V':
        print_version();
        break;
    default:
        vsctl_usage_print();
    }
    exit(EXIT_SUCCESS);
}

// One case per option: longer than it is complicated.
static void apply_option(int c, const char *name, struct vsctl_options *options, struct shash *local_options)
{
    switch (c) {
    case OPT_DB:
        options->db = optarg;
        break;
    case OPT_ONELINE:
        options->oneline = true;
        break;
    case OPT_NO_SYSLOG:
        vlog_set_levels_from_string_assert("vsctl:syslog:warn");
        break;
    case OPT_NO_WAIT:
        options->wait_for_reload = false;
        break;
    case OPT_DRY_RUN:
        options->dry_run = true;
        break;
    case OPT_RETRY:
        options->retry = true;
        break;
    case OPT_LEADER_ONLY:
    case OPT_NO_LEADER_ONLY:
        options->leader_only = c == OPT_LEADER_ONLY;
        break;
    case OPT_SHUFFLE_REMOTES:
    case OPT_NO_SHUFFLE_REMOTES:
        options->shuffle_remotes = c == OPT_SHUFFLE_REMOTES;
        break;
    case OPT_LOCAL:
        add_local_option(local_options, name, optarg);
        break;
    case 't':
        parse_timeout(optarg, &options->timeout);
        break;
    case 'h':
    case 'V':
    case OPT_COMMANDS:
    case OPT_OPTIONS:
        print_and_exit(c);
        VLOG_OPTION_HANDLERS
        TABLE_OPTION_HANDLERS(&options->table_style)
        STREAM_SSL_OPTION_HANDLERS
    case OPT_PEER_CA_CERT:
        stream_ssl_set_peer_ca_cert_file(optarg);
        break;
    case OPT_BOOTSTRAP_CA_CERT:
        stream_ssl_set_ca_cert_file(optarg, true);
        break;
    default: // getopt has said what is wrong
        exit(EXIT_FAILURE);
    }
}

int vsctl_options_parse(int argc, char *argv[], struct vsctl_options *options, struct shash *local_options)
{
    static const struct table_style default_style = TABLE_STYLE_DEFAULT;
    *options = (struct vsctl_options){
        .wait_for_reload = true, .leader_only = true, .shuffle_remotes = true, .table_style = default_style};

    char *letters = ovs_cmdl_long_options_to_short_options(global_options);
    char *short_options = xasprintf("+%s", letters); // stop at the first command
    free(letters);

    size_t n_global;
    struct option *all = options_of_all_commands(&n_global);
    int index = 0;
    for (int c; (c = getopt_long(argc, argv, short_options, all, &index)) != -1;) {
        apply_option(c, all[index].name, options, local_options);
    }
    free(short_options);
    for (size_t i = n_global; all[i].name; i++) {
        free(CONST_CAST(char *, all[i].name));
    }
    free(all);

    if (!options->db) {
        options->db = ctl_default_db();
    }
    return optind;
}
