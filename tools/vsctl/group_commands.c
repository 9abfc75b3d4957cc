// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/sluice_row.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"

static const struct sluice_noun group_noun = {
    .table = &sluicerec_table_security_group, .name = &sluicerec_security_group_col_name, .text = "security group"};

static const struct sluice_noun lport_noun = {
    .table = &sluicerec_table_logical_port, .name = &sluicerec_logical_port_col_name, .text = "logical port"};

static void pre_group(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {&sluicerec_security_group_col_rules,
                                                             &sluicerec_security_group_rule_col_remote_group};
    static const struct ovsdb_idl_column *const lport_columns[] = {&sluicerec_logical_port_col_security_groups};
    sluice_row_prerequisites(ctx, &group_noun, columns, ARRAY_SIZE(columns));
    sluice_row_prerequisites(ctx, &lport_noun, lport_columns, ARRAY_SIZE(lport_columns));
}

static const struct sluicerec_security_group *group_cast(const struct ovsdb_idl_row *row)
{
    return CONTAINER_OF(row, struct sluicerec_security_group, header_);
}

static void cmd_group_add(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_insert(ctx, &group_noun);
    if (row) {
        sluicerec_security_group_set_name(group_cast(row), ctx->argv[1]);
        sluice_row_set(ctx, row, &ctx->argv[2], ctx->argc - 2);
    }
}

// The server would refuse as well, but could not say what the trouble is in words of the user.
static void check_unused(struct ctl_context *ctx, const struct sluicerec_security_group *group)
{
    const struct sluicerec_logical_port *port;
    SLUICEREC_LOGICAL_PORT_FOR_EACH(port, ctx->idl)
    {
        for (size_t i = 0; i < port->n_security_groups; i++) {
            if (port->security_groups[i] == group) {
                ctl_fatal("cannot delete security group %s because logical port %s is in it", group->name, port->name);
            }
        }
    }
    const struct sluicerec_security_group *other;
    SLUICEREC_SECURITY_GROUP_FOR_EACH(other, ctx->idl)
    {
        for (size_t i = 0; i < other->n_rules && other != group; i++) {
            if (other->rules[i]->remote_group == group) {
                ctl_fatal("cannot delete security group %s because a rule of security group %s refers to it",
                          group->name, other->name);
            }
        }
    }
}

static void cmd_group_del(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get_to_delete(ctx, &group_noun, ctx->argv[1]);
    if (!row) {
        return;
    }
    const struct sluicerec_security_group *group = group_cast(row);
    sluicerec_security_group_verify_rules(group);
    check_unused(ctx, group);
    // A reference from a rule of its own would keep the group; the rule goes with the group in the same transaction.
    for (size_t i = 0; i < group->n_rules; i++) {
        if (group->rules[i]->remote_group == group) {
            sluicerec_security_group_rule_set_remote_group(group->rules[i], NULL);
        }
    }
    sluicerec_security_group_delete(group);
}

static void cmd_group_list(struct ctl_context *ctx)
{
    sluice_row_list(ctx, &group_noun);
}

// clang-format off
const struct ctl_command_syntax vsctl_group_commands[] = {
    {"group-add", 1, INT_MAX, "NEW-GROUP [COLUMN[:KEY]=VALUE]...", pre_group, cmd_group_add, NULL, "--may-exist", RW},
    {"group-del", 1, 1, "GROUP", pre_group, cmd_group_del, NULL, "--if-exists", RW},
    {"group-list", 0, 0, "", pre_group, cmd_group_list, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
