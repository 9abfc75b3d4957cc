// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/database.h"

#include "tools/vsctl/commands.h"

#include "control/schema/sluice-idl.h"

#include <ctype.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/util.h"
#include "ovsdb-idl-provider.h"

// clang-format off
static const struct ctl_table_class open_vswitch_tables[OVSREC_N_TABLES] = {
    [OVSREC_TABLE_BRIDGE].row_ids = {{&ovsrec_bridge_col_name, NULL, NULL}},
    [OVSREC_TABLE_PORT].row_ids = {{&ovsrec_port_col_name, NULL, NULL}},
    [OVSREC_TABLE_INTERFACE].row_ids = {{&ovsrec_interface_col_name, NULL, NULL}},
    [OVSREC_TABLE_MIRROR].row_ids = {{&ovsrec_mirror_col_name, NULL, NULL}},
    [OVSREC_TABLE_MANAGER].row_ids = {{&ovsrec_manager_col_target, NULL, NULL}},
    [OVSREC_TABLE_FLOW_TABLE].row_ids = {{&ovsrec_flow_table_col_name, NULL, NULL}},
    [OVSREC_TABLE_FLOW_SAMPLE_COLLECTOR_SET].row_ids = {{&ovsrec_flow_sample_collector_set_col_id, NULL, NULL}},
    [OVSREC_TABLE_CONTROLLER].row_ids = {{&ovsrec_bridge_col_name, NULL, &ovsrec_bridge_col_controller}},
    [OVSREC_TABLE_NETFLOW].row_ids = {{&ovsrec_bridge_col_name, NULL, &ovsrec_bridge_col_netflow}},
    [OVSREC_TABLE_SFLOW].row_ids = {{&ovsrec_bridge_col_name, NULL, &ovsrec_bridge_col_sflow}},
    [OVSREC_TABLE_IPFIX].row_ids = {{&ovsrec_bridge_col_name, NULL, &ovsrec_bridge_col_ipfix}},
    [OVSREC_TABLE_AUTOATTACH].row_ids = {{&ovsrec_bridge_col_name, NULL, &ovsrec_bridge_col_auto_attach}},
    [OVSREC_TABLE_QOS].row_ids = {{&ovsrec_port_col_name, NULL, &ovsrec_port_col_qos}},
};

static const struct ctl_table_class sluice_tables[SLUICEREC_N_TABLES] = {
    [SLUICEREC_TABLE_LOGICAL_NETWORK].row_ids = {{&sluicerec_logical_network_col_name, NULL, NULL}},
    [SLUICEREC_TABLE_LOGICAL_PORT].row_ids = {{&sluicerec_logical_port_col_name, NULL, NULL}},
    [SLUICEREC_TABLE_SECURITY_GROUP].row_ids = {{&sluicerec_security_group_col_name, NULL, NULL}},
    [SLUICEREC_TABLE_SECURITY_GROUP_RULE].row_ids = {{&sluicerec_security_group_rule_col_name, NULL, NULL}},
    [SLUICEREC_TABLE_ACL].row_ids = {{&sluicerec_acl_col_name, NULL, NULL}},
    [SLUICEREC_TABLE_ADDRESS_GROUP].row_ids = {{&sluicerec_address_group_col_name, NULL, NULL}},
};

static const struct cmd_show_table open_vswitch_show[] = {
    {.table = &ovsrec_table_open_vswitch,
     .columns = {&ovsrec_open_vswitch_col_manager_options, &ovsrec_open_vswitch_col_bridges,
                 &ovsrec_open_vswitch_col_ovs_version}},
    {.table = &ovsrec_table_bridge,
     .name_column = &ovsrec_bridge_col_name,
     .columns = {&ovsrec_bridge_col_controller, &ovsrec_bridge_col_fail_mode, &ovsrec_bridge_col_datapath_type,
                 &ovsrec_bridge_col_ports}},
    {.table = &ovsrec_table_port,
     .name_column = &ovsrec_port_col_name,
     .columns = {&ovsrec_port_col_tag, &ovsrec_port_col_trunks, &ovsrec_port_col_interfaces}},
    {.table = &ovsrec_table_interface,
     .name_column = &ovsrec_interface_col_name,
     .columns = {&ovsrec_interface_col_type, &ovsrec_interface_col_options, &ovsrec_interface_col_error,
                 &ovsrec_interface_col_bfd_status}},
    {.table = &ovsrec_table_controller,
     .name_column = &ovsrec_controller_col_target,
     .columns = {&ovsrec_controller_col_is_connected}},
    {.table = &ovsrec_table_manager,
     .name_column = &ovsrec_manager_col_target,
     .columns = {&ovsrec_manager_col_is_connected}},
    {.table = NULL},
};
// clang-format on

static const struct ctl_command_syntax *const open_vswitch_commands[] = {
    vsctl_switch_commands, vsctl_bridge_commands,     vsctl_port_commands,
    vsctl_bond_commands,   vsctl_controller_commands, NULL,
};

static const struct ctl_command_syntax *const sluice_commands[] = {
    vsctl_network_commands,
    vsctl_lport_commands,
    vsctl_group_commands,
    vsctl_rule_commands,
    vsctl_acl_commands,
    vsctl_address_group_commands,
    NULL,
};

const struct vsctl_database vsctl_open_vswitch = {
    .idl_class = &ovsrec_idl_class,
    .tables = open_vswitch_tables,
    .show = open_vswitch_show,
    .root = &ovsrec_table_open_vswitch,
    .next_cfg = &ovsrec_open_vswitch_col_next_cfg,
    .cur_cfg = &ovsrec_open_vswitch_col_cur_cfg,
    .commands = open_vswitch_commands,
};

const struct vsctl_database vsctl_sluice = {
    .idl_class = &sluicerec_idl_class,
    .tables = sluice_tables,
    .root = &sluicerec_table_sluice,
    .next_cfg = &sluicerec_sluice_col_next_cfg,
    .cur_cfg = &sluicerec_sluice_col_cur_cfg,
    .commands = sluice_commands,
};

static const char *const commands_on_tables[] = {
    "get", "list", "find", "set", "add", "remove", "clear", "create", "destroy", "wait-until",
};

void vsctl_database_register_commands(void)
{
    for (size_t i = 0; open_vswitch_commands[i]; i++) {
        ctl_register_commands(open_vswitch_commands[i]);
    }
    for (size_t i = 0; sluice_commands[i]; i++) {
        ctl_register_commands(sluice_commands[i]);
    }
}

void vsctl_database_select(const struct vsctl_database *db, void (*on_exit)(int status))
{
    ctl_init__(db->idl_class, db->tables, db->show, on_exit);
}

// Whether word is name or the beginning of it, as the generic commands compare them: '-' is '_' and case does not matter.
static bool word_abbreviates(const char *word, const char *name)
{
    for (; *word; word++, name++) {
        char w = *word == '-' ? '_' : *word;
        if (tolower((unsigned char)w) != tolower((unsigned char)*name)) {
            return false;
        }
    }
    return true;
}

static bool database_has_table(const struct vsctl_database *db, const char *word)
{
    for (size_t i = 0; i < db->idl_class->n_tables; i++) {
        if (word_abbreviates(word, db->idl_class->tables[i].name)) {
            return true;
        }
    }
    return false;
}

static bool database_has_command(const struct vsctl_database *db, const char *name)
{
    for (size_t i = 0; db->commands[i]; i++) {
        for (const struct ctl_command_syntax *command = db->commands[i]; command->name; command++) {
            if (!strcmp(command->name, name)) {
                return true;
            }
        }
    }
    return db->show && !strcmp(name, "show");
}

// The database of the command argv[0] with its first argument argv[1] (or NULL), or NULL if either will do.
static const struct vsctl_database *database_of_command(const char *name, const char *first_arg)
{
    if (database_has_command(&vsctl_open_vswitch, name)) {
        return &vsctl_open_vswitch;
    }
    if (database_has_command(&vsctl_sluice, name)) {
        return &vsctl_sluice;
    }
    for (size_t i = 0; first_arg && i < ARRAY_SIZE(commands_on_tables); i++) {
        if (!strcmp(name, commands_on_tables[i])) {
            bool in_sluice =
                !database_has_table(&vsctl_open_vswitch, first_arg) && database_has_table(&vsctl_sluice, first_arg);
            return in_sluice ? &vsctl_sluice : &vsctl_open_vswitch;
        }
    }
    return NULL;
}

const struct vsctl_database *vsctl_database_of_command_line(int argc, char *argv[])
{
    const struct vsctl_database *found = NULL;
    bool at_command = true; // between a "--" and the command word, where its options are
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--")) {
            at_command = true;
        } else if (at_command && argv[i][0] != '-') {
            const char *first_arg = i + 1 < argc && strcmp(argv[i + 1], "--") ? argv[i + 1] : NULL;
            const struct vsctl_database *db = database_of_command(argv[i], first_arg);
            at_command = false;
            if (found && db && db != found) {
                ctl_fatal(
                    "'%s' is about the database %s, commands before it about %s: a transaction is in one database",
                    argv[i], db->idl_class->database, found->idl_class->database);
            }
            found = db ? db : found;
        }
    }
    return found ? found : &vsctl_open_vswitch;
}
