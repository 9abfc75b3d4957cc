// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/sluice_row.h"
#include "tools/vsctl/verdict.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>
#include <stdlib.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "sset.h"

static const struct sluice_noun network_noun = {
    .table = &sluicerec_table_logical_network, .name = &sluicerec_logical_network_col_name, .text = "logical network"};

static void pre_network(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {&sluicerec_logical_network_col_vteps,
                                                             &sluicerec_logical_network_col_status};
    sluice_row_prerequisites(ctx, &network_noun, columns, ARRAY_SIZE(columns));
}

static const struct sluicerec_logical_network *network_cast(const struct ovsdb_idl_row *row)
{
    return row ? CONTAINER_OF(row, struct sluicerec_logical_network, header_) : NULL;
}

static const struct sluicerec_logical_network *get_network(struct ctl_context *ctx)
{
    const struct sluicerec_logical_network *network = network_cast(sluice_row_get(ctx, &network_noun, ctx->argv[1]));
    sluicerec_logical_network_verify_vteps(network);
    return network;
}

static void cmd_network_add(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_insert(ctx, &network_noun);
    if (row) {
        sluicerec_logical_network_set_name(network_cast(row), ctx->argv[1]);
        sluice_row_set(ctx, row, &ctx->argv[2], ctx->argc - 2);
        vsctl_verdict_expect(row);
    }
}

static void cmd_network_del(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get_to_delete(ctx, &network_noun, ctx->argv[1]);
    if (row) {
        sluicerec_logical_network_delete(network_cast(row));
    }
}

static void cmd_network_list(struct ctl_context *ctx)
{
    sluice_row_list(ctx, &network_noun);
}

static void set_vteps(const struct sluicerec_logical_network *network, const struct sset *vteps)
{
    const char **sorted = sset_sort(vteps);
    sluicerec_logical_network_set_vteps(network, sorted, sset_count(vteps));
    free(sorted);
    vsctl_verdict_expect(&network->header_);
}

static void cmd_network_set_vteps(struct ctl_context *ctx)
{
    struct sset vteps = SSET_INITIALIZER(&vteps);
    sset_add_array(&vteps, &ctx->argv[2], ctx->argc - 2);
    set_vteps(get_network(ctx), &vteps);
    sset_destroy(&vteps);
}

static void cmd_network_get_vteps(struct ctl_context *ctx)
{
    const struct sluicerec_logical_network *network = get_network(ctx);
    sluice_row_list_strings(ctx, network->vteps, network->n_vteps);
}

static void cmd_network_add_vtep(struct ctl_context *ctx)
{
    const struct sluicerec_logical_network *network = get_network(ctx);
    struct sset vteps = SSET_INITIALIZER(&vteps);
    sset_add_array(&vteps, network->vteps, network->n_vteps);
    for (int i = 2; i < ctx->argc; i++) {
        if (!sset_add(&vteps, ctx->argv[i]) && !shash_find(&ctx->options, "--may-exist")) {
            ctl_fatal("logical network %s already has VTEP %s", network->name, ctx->argv[i]);
        }
    }
    set_vteps(network, &vteps);
    sset_destroy(&vteps);
}

static void cmd_network_del_vtep(struct ctl_context *ctx)
{
    const struct sluicerec_logical_network *network = get_network(ctx);
    struct sset vteps = SSET_INITIALIZER(&vteps);
    sset_add_array(&vteps, network->vteps, network->n_vteps);
    for (int i = 2; i < ctx->argc; i++) {
        if (!sset_find_and_delete(&vteps, ctx->argv[i]) && !shash_find(&ctx->options, "--if-exists")) {
            ctl_fatal("logical network %s does not have VTEP %s", network->name, ctx->argv[i]);
        }
    }
    set_vteps(network, &vteps);
    sset_destroy(&vteps);
}

// clang-format off
const struct ctl_command_syntax vsctl_network_commands[] = {
    {"network-add", 1, INT_MAX, "NEW-NETWORK [COLUMN[:KEY]=VALUE]...", pre_network, cmd_network_add, NULL, "--may-exist", RW},
    {"network-del", 1, 1, "NETWORK", pre_network, cmd_network_del, NULL, "--if-exists", RW},
    {"network-list", 0, 0, "", pre_network, cmd_network_list, NULL, "", RO},
    {"network-set-vteps", 1, INT_MAX, "NETWORK [VTEP]...", pre_network, cmd_network_set_vteps, NULL, "", RW},
    {"network-get-vteps", 1, 1, "NETWORK", pre_network, cmd_network_get_vteps, NULL, "", RO},
    {"network-add-vtep", 2, INT_MAX, "NETWORK VTEP...", pre_network, cmd_network_add_vtep, NULL, "--may-exist", RW},
    {"network-del-vtep", 2, INT_MAX, "NETWORK VTEP...", pre_network, cmd_network_del_vtep, NULL, "--if-exists", RW},
    {.name = NULL},
};
// clang-format on
