// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/usage.h"

#include "tools/vsctl/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl-provider.h"
#include "stream.h"
#include "table.h"
#include "util.h"

static void print_command(const struct ctl_command_syntax *command)
{
    printf("  ");
    char *options = xstrdup(command->options);
    char *rest = NULL;
    for (char *option = strtok_r(options, ",", &rest); option; option = strtok_r(NULL, ",", &rest)) {
        printf("[%s%s] ", option, strchr(option, '=') ? "ARG" : "");
    }
    free(options);
    printf("%s%s%s\n", command->name, command->arguments[0] ? " " : "", command->arguments);
}

static void print_commands(const struct vsctl_database *db)
{
    printf("\nCommands on the database %s:\n", db->idl_class->database);
    if (db->show) {
        printf("  show\n");
    }
    for (size_t i = 0; db->commands[i]; i++) {
        for (const struct ctl_command_syntax *command = db->commands[i]; command->name; command++) {
            print_command(command);
        }
    }
}

void vsctl_usage_print(void)
{
    printf("%s: configure the Sluice virtual switch\n"
           "usage: %s [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...\n",
           program_name, program_name);
    print_commands(&vsctl_open_vswitch);
    print_commands(&vsctl_sluice);
    printf("\n%s", ctl_get_db_cmd_usage());
    printf("  comment [ARG]...            do nothing; the server logs the command line\n");
    printf("\n%s", ctl_list_db_tables_usage());
    printf("\nOptions:\n"
           "  --db=DATABASE               connect to DATABASE\n"
           "                              (default: %s)\n"
           "  --no-wait                   do not wait for the switch to reconfigure\n"
           "  --retry                     keep trying to connect to server forever\n"
           "  -t, --timeout=SECS          give up after SECS seconds\n"
           "  --dry-run                   do not commit changes to database\n"
           "  --oneline                   print exactly one line of output per command\n",
           ctl_default_db());
    table_usage();
    vlog_usage();
    printf("  --no-syslog                 equivalent to --verbose=vsctl:syslog:warn\n");
    stream_usage("database", true, true, true);
    printf("\nOther options:\n"
           "  -h, --help                  display this help message\n"
           "  -V, --version               display version information\n");
}
