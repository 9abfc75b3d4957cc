// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "openvswitch/shash.h"
#include "table.h"

#include <stdbool.h>

// The global options of a command line.
struct vsctl_options {
    const char *db;       // OVSDB remote
    bool wait_for_reload; // wait until the switch has taken over what the transaction changed
    bool dry_run;
    bool oneline;
    bool retry; // keep trying to connect
    bool leader_only;
    bool shuffle_remotes;
    unsigned int timeout; // seconds; 0: none
    struct table_style table_style;
};

// Parse the global options. Options of the first command that stand before its name go into local_options, which the caller
// has initialised and owns. Returns the index of the first argument that is no option. Exits on --help and the like, and on
// an error. vsctl_database_register_commands() must have been called.
int vsctl_options_parse(int argc, char *argv[], struct vsctl_options *, struct shash *local_options);
