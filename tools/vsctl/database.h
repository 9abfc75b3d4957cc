// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct ctl_command_syntax;
struct ctl_table_class;
struct cmd_show_table;
struct ovsdb_idl_class;
struct ovsdb_idl_column;
struct ovsdb_idl_table_class;

// One of the databases this program can address. An invocation addresses exactly one, because an OVSDB transaction does.
struct vsctl_database {
    const struct ovsdb_idl_class *idl_class;
    const struct ctl_table_class *tables; // how the rows of each table may be named
    const struct cmd_show_table *show;    // what "show" prints, or NULL for no such command
    const struct ovsdb_idl_table_class *root;
    const struct ovsdb_idl_column *next_cfg;
    const struct ovsdb_idl_column *cur_cfg;
    const struct ctl_command_syntax *const *commands; // tables of its own commands, NULL-terminated
};

extern const struct vsctl_database vsctl_open_vswitch;
extern const struct vsctl_database vsctl_sluice;

// Make the commands of both databases known. To be called once, before options are parsed.
void vsctl_database_register_commands(void);

// Make the generic database commands work on this database. To be called once, before commands are parsed.
void vsctl_database_select(const struct vsctl_database *, void (*on_exit)(int status));

// The database that a command line (after its global options) addresses: that of its commands or, for the generic ones, of
// the table they name. A table name or abbreviation that fits a table of Open_vSwitch means that one, so that every command
// line of ovs-vsctl keeps its meaning. Commands of both databases in one line are a fatal error.
const struct vsctl_database *vsctl_database_of_command_line(int argc, char *argv[]);
