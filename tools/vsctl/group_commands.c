// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/rule_user.h"
#include "tools/vsctl/sluice_row.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>
#include <stdlib.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "util.h"

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
    rule_user_prerequisites(ctx);
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
static void check_ports(struct ctl_context *ctx, const struct sluicerec_security_group *group)
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
}

// A reference from a rule keeps the group even if the rule goes in the same transaction, so those of rules that do (the
// group's own, and those an earlier command has taken out of theirs) are cleared. Any other is a fatal error.
static void clear_references(struct ctl_context *ctx, const struct sluicerec_security_group *group)
{
    const struct sluicerec_security_group_rule *rule;
    SLUICEREC_SECURITY_GROUP_RULE_FOR_EACH(rule, ctx->idl)
    {
        if (rule->remote_group == group) {
            const struct sluicerec_security_group *user = rule_user_find(ctx, rule, group);
            if (user) {
                ctl_fatal("cannot delete security group %s because a rule of security group %s refers to it",
                          group->name, user->name);
            }
            sluicerec_security_group_rule_set_remote_group(rule, NULL);
        }
    }
    char *what = xasprintf("security group %s", group->name);
    rule_user_clear_acls(ctx, &group->header_, what);
    free(what);
}

static void cmd_group_del(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get_to_delete(ctx, &group_noun, ctx->argv[1]);
    if (row) {
        check_ports(ctx, group_cast(row));
        clear_references(ctx, group_cast(row));
        sluicerec_security_group_delete(group_cast(row));
    }
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
