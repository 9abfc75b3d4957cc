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

static const struct sluice_noun address_group_noun = {
    .table = &sluicerec_table_address_group, .name = &sluicerec_address_group_col_name, .text = "address group"};

static const struct sluice_noun group_noun = {
    .table = &sluicerec_table_security_group, .name = &sluicerec_security_group_col_name, .text = "security group"};

static void pre_address_group(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {&sluicerec_address_group_col_addresses};
    static const struct ovsdb_idl_column *const group_columns[] = {&sluicerec_security_group_col_rules,
                                                                   &sluicerec_security_group_rule_col_remote_addresses};
    sluice_row_prerequisites(ctx, &address_group_noun, columns, ARRAY_SIZE(columns));
    sluice_row_prerequisites(ctx, &group_noun, group_columns, ARRAY_SIZE(group_columns));
    rule_user_prerequisites(ctx);
}

static const struct sluicerec_address_group *address_group_cast(const struct ovsdb_idl_row *row)
{
    return CONTAINER_OF(row, struct sluicerec_address_group, header_);
}

static void set_addresses(struct ctl_context *ctx, const struct sluicerec_address_group *group)
{
    sluicerec_address_group_set_addresses(group, (const char **)&ctx->argv[2], ctx->argc - 2);
}

static void cmd_address_group_add(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_insert(ctx, &address_group_noun);
    if (row) {
        sluicerec_address_group_set_name(address_group_cast(row), ctx->argv[1]);
        set_addresses(ctx, address_group_cast(row));
    }
}

// As for a security group: references from rules that go in the same transaction are cleared, any other is a fatal error.
static void clear_references(struct ctl_context *ctx, const struct sluicerec_address_group *group)
{
    const struct sluicerec_security_group_rule *rule;
    SLUICEREC_SECURITY_GROUP_RULE_FOR_EACH(rule, ctx->idl)
    {
        if (rule->remote_addresses == group) {
            const struct sluicerec_security_group *user = rule_user_find(ctx, rule, NULL);
            if (user) {
                ctl_fatal("cannot delete address group %s because a rule of security group %s refers to it",
                          group->name, user->name);
            }
            sluicerec_security_group_rule_set_remote_addresses(rule, NULL);
        }
    }
    char *what = xasprintf("address group %s", group->name);
    rule_user_clear_acls(ctx, &group->header_, what);
    free(what);
}

static void cmd_address_group_del(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get_to_delete(ctx, &address_group_noun, ctx->argv[1]);
    if (row) {
        clear_references(ctx, address_group_cast(row));
        sluicerec_address_group_delete(address_group_cast(row));
    }
}

static void cmd_address_group_list(struct ctl_context *ctx)
{
    sluice_row_list(ctx, &address_group_noun);
}

static void cmd_address_group_set_addresses(struct ctl_context *ctx)
{
    set_addresses(ctx, address_group_cast(sluice_row_get(ctx, &address_group_noun, ctx->argv[1])));
}

static void cmd_address_group_get_addresses(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get(ctx, &address_group_noun, ctx->argv[1]);
    const struct sluicerec_address_group *group = address_group_cast(row);
    sluicerec_address_group_verify_addresses(group);
    sluice_row_list_strings(ctx, group->addresses, group->n_addresses);
}

// clang-format off
const struct ctl_command_syntax vsctl_address_group_commands[] = {
    {"address-group-add", 1, INT_MAX, "NEW-GROUP [ADDRESS]...", pre_address_group, cmd_address_group_add, NULL,
     "--may-exist", RW},
    {"address-group-del", 1, 1, "GROUP", pre_address_group, cmd_address_group_del, NULL, "--if-exists", RW},
    {"address-group-list", 0, 0, "", pre_address_group, cmd_address_group_list, NULL, "", RO},
    {"address-group-set-addresses", 1, INT_MAX, "GROUP [ADDRESS]...", pre_address_group, cmd_address_group_set_addresses,
     NULL, "", RW},
    {"address-group-get-addresses", 1, 1, "GROUP", pre_address_group, cmd_address_group_get_addresses, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
