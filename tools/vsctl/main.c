// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/database.h"
#include "tools/vsctl/options.h"
#include "tools/vsctl/transaction.h"

#include <stdlib.h>

#include "db-ctl-base.h"
#include "fatal-signal.h"
#include "openvswitch/vlog.h"
#include "process.h"
#include "util.h"

int main(int argc, char *argv[])
{
    ovs_set_program_name(argv[0], SLUICE_VERSION);
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_WARN);
    vlog_set_levels_from_string_assert("reconnect:warn");
    char *cmdline = process_escape_args(argv);

    vsctl_database_register_commands();
    struct shash local_options = SHASH_INITIALIZER(&local_options);
    struct vsctl_options options;
    int first = vsctl_options_parse(argc, argv, &options, &local_options);

    const struct vsctl_database *db = vsctl_database_of_command_line(argc - first, argv + first);
    vsctl_database_select(db, vsctl_transaction_exit);

    struct ctl_command *commands;
    size_t n_commands;
    char *error = ctl_parse_commands(argc - first, argv + first, &local_options, &commands, &n_commands);
    if (error) {
        ctl_fatal("%s", error);
    }
    ctl_timeout_setup(options.timeout);

    int status = vsctl_transaction_run(db, &options, cmdline, commands, n_commands);
    for (size_t i = 0; i < n_commands; i++) {
        shash_destroy_free_data(&commands[i].options);
    }
    free(commands);
    free(cmdline);
    return status;
}
