// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/sluice_row.h"
#include "tools/vsctl/verdict.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "smap.h"
#include "util.h"

static const struct sluice_noun lport_noun = {
    .table = &sluicerec_table_logical_port, .name = &sluicerec_logical_port_col_name, .text = "logical port"};

static const struct sluice_noun group_noun = {
    .table = &sluicerec_table_security_group, .name = &sluicerec_security_group_col_name, .text = "security group"};

static void pre_lport(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &sluicerec_logical_port_col_addresses, &sluicerec_logical_port_col_security_groups,
        &sluicerec_logical_port_col_conntrack, &sluicerec_logical_port_col_status};
    sluice_row_prerequisites(ctx, &lport_noun, columns, ARRAY_SIZE(columns));
    sluice_row_prerequisites(ctx, &group_noun, NULL, 0);
}

static const struct sluicerec_logical_port *lport_cast(const struct ovsdb_idl_row *row)
{
    return CONTAINER_OF(row, struct sluicerec_logical_port, header_);
}

static void set_addresses(struct ctl_context *ctx, const struct sluicerec_logical_port *port)
{
    sluicerec_logical_port_set_addresses(port, (const char **)&ctx->argv[2], ctx->argc - 2);
    vsctl_verdict_expect(&port->header_);
}

static void cmd_lport_add(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_insert(ctx, &lport_noun);
    if (row) {
        sluicerec_logical_port_set_name(lport_cast(row), ctx->argv[1]);
        set_addresses(ctx, lport_cast(row));
    }
}

static void cmd_lport_del(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get_to_delete(ctx, &lport_noun, ctx->argv[1]);
    if (row) {
        sluicerec_logical_port_delete(lport_cast(row));
    }
}

static void cmd_lport_list(struct ctl_context *ctx)
{
    sluice_row_list(ctx, &lport_noun);
}

static void cmd_lport_set_addresses(struct ctl_context *ctx)
{
    set_addresses(ctx, lport_cast(sluice_row_get(ctx, &lport_noun, ctx->argv[1])));
}

static void cmd_lport_get_addresses(struct ctl_context *ctx)
{
    const struct sluicerec_logical_port *port = lport_cast(sluice_row_get(ctx, &lport_noun, ctx->argv[1]));
    sluicerec_logical_port_verify_addresses(port);
    sluice_row_list_strings(ctx, port->addresses, port->n_addresses);
}

static void cmd_lport_set_groups(struct ctl_context *ctx)
{
    const struct sluicerec_logical_port *port = lport_cast(sluice_row_get(ctx, &lport_noun, ctx->argv[1]));
    size_t n = ctx->argc - 2;
    struct sluicerec_security_group **groups = xcalloc(n + 1, sizeof(*groups));
    for (size_t i = 0; i < n; i++) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &group_noun, ctx->argv[i + 2]);
        groups[i] = CONTAINER_OF(row, struct sluicerec_security_group, header_);
    }
    sluicerec_logical_port_set_security_groups(port, groups, n);
    vsctl_verdict_expect(&port->header_);
    free(groups);
}

static void cmd_lport_get_groups(struct ctl_context *ctx)
{
    const struct sluicerec_logical_port *port = lport_cast(sluice_row_get(ctx, &lport_noun, ctx->argv[1]));
    sluicerec_logical_port_verify_security_groups(port);
    char **names = xcalloc(port->n_security_groups + 1, sizeof(*names));
    for (size_t i = 0; i < port->n_security_groups; i++) {
        names[i] = port->security_groups[i]->name;
    }
    sluice_row_list_strings(ctx, names, port->n_security_groups);
    free(names);
}

static void cmd_lport_set_conntrack(struct ctl_context *ctx)
{
    const struct sluicerec_logical_port *port = lport_cast(sluice_row_get(ctx, &lport_noun, ctx->argv[1]));
    struct smap settings = SMAP_INITIALIZER(&settings);
    for (int i = 2; i < ctx->argc; i++) {
        const char *equals = strchr(ctx->argv[i], '=');
        if (!equals || equals == ctx->argv[i]) {
            ctl_fatal("%s: argument does not have the form KEY=VALUE", ctx->argv[i]);
        }
        smap_replace_nocopy(&settings, xmemdup0(ctx->argv[i], equals - ctx->argv[i]), xstrdup(equals + 1));
    }
    sluicerec_logical_port_set_conntrack(port, &settings);
    vsctl_verdict_expect(&port->header_);
    smap_destroy(&settings);
}

static void cmd_lport_get_conntrack(struct ctl_context *ctx)
{
    const struct sluicerec_logical_port *port = lport_cast(sluice_row_get(ctx, &lport_noun, ctx->argv[1]));
    sluicerec_logical_port_verify_conntrack(port);
    const struct smap_node **sorted = smap_sort(&port->conntrack);
    for (size_t i = 0; i < smap_count(&port->conntrack); i++) {
        ds_put_format(&ctx->output, "%s=%s\n", sorted[i]->key, sorted[i]->value);
    }
    free(sorted);
}

// clang-format off
const struct ctl_command_syntax vsctl_lport_commands[] = {
    {"lport-add", 1, INT_MAX, "NEW-PORT [ADDRESSES]...", pre_lport, cmd_lport_add, NULL, "--may-exist", RW},
    {"lport-del", 1, 1, "PORT", pre_lport, cmd_lport_del, NULL, "--if-exists", RW},
    {"lport-list", 0, 0, "", pre_lport, cmd_lport_list, NULL, "", RO},
    {"lport-set-addresses", 1, INT_MAX, "PORT [ADDRESSES]...", pre_lport, cmd_lport_set_addresses, NULL, "", RW},
    {"lport-get-addresses", 1, 1, "PORT", pre_lport, cmd_lport_get_addresses, NULL, "", RO},
    {"lport-set-groups", 1, INT_MAX, "PORT [GROUP]...", pre_lport, cmd_lport_set_groups, NULL, "", RW},
    {"lport-get-groups", 1, 1, "PORT", pre_lport, cmd_lport_get_groups, NULL, "", RO},
    {"lport-set-conntrack", 1, INT_MAX, "PORT [KEY=VALUE]...", pre_lport, cmd_lport_set_conntrack, NULL, "", RW},
    {"lport-get-conntrack", 1, 1, "PORT", pre_lport, cmd_lport_get_conntrack, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
