// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/bridge_view.h"
#include "tools/vsctl/commands.h"
#include "tools/vsctl/output.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/vconn.h"
#include "openvswitch/vlog.h"
#include "stream.h"
#include "svec.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vsctl_controller);

static void pre_controller(struct ctl_context *ctx)
{
    bridge_view_prerequisites(ctx);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_controller_col_target);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_controller_col_inactivity_probe);
}

static void verify_controllers(const struct ovsrec_bridge *bridge)
{
    ovsrec_bridge_verify_controller(bridge);
    for (size_t i = 0; i < bridge->n_controller; i++) {
        ovsrec_controller_verify_target(bridge->controller[i]);
    }
}

static const struct ovsrec_bridge *get_real_bridge(struct ctl_context *ctx, const char *name)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, name, &bridge);
    if (bridge.fake) {
        ctl_fatal("%s is a fake bridge", name);
    }
    return bridge.row;
}

// The value of --inactivity-probe, in milliseconds. Returns NULL if the option is not given.
static const int64_t *inactivity_probe(const struct ctl_context *ctx, int64_t *msecs)
{
    const char *text = shash_find_data(&ctx->options, "--inactivity-probe");
    *msecs = text ? atoll(text) : 0;
    return text ? msecs : NULL;
}

static void cmd_get_controller(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    verify_controllers(bridge.row);
    struct svec targets = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < bridge.row->n_controller; i++) {
        svec_add(&targets, bridge.row->controller[i]->target);
    }
    vsctl_output_sorted(&targets, &ctx->output);
}

static void replace_controllers(struct ctl_context *ctx, char *targets[], size_t n)
{
    const struct ovsrec_bridge *bridge = get_real_bridge(ctx, ctx->argv[1]);
    verify_controllers(bridge);
    size_t n_old = bridge->n_controller;
    struct ovsrec_controller **old = n_old ? xmemdup(bridge->controller, n_old * sizeof(*old)) : NULL;

    int64_t msecs;
    const int64_t *probe = inactivity_probe(ctx, &msecs);
    struct ovsrec_controller **controllers = xcalloc(n + 1, sizeof(*controllers));
    for (size_t i = 0; i < n; i++) {
        if (vconn_verify_name(targets[i]) && pvconn_verify_name(targets[i])) {
            VLOG_WARN("target type \"%s\" is possibly erroneous", targets[i]);
        }
        controllers[i] = ovsrec_controller_insert(ctx->txn);
        ovsrec_controller_set_target(controllers[i], targets[i]);
        ovsrec_controller_set_inactivity_probe(controllers[i], probe, probe ? 1 : 0);
    }
    ovsrec_bridge_set_controller(bridge, controllers, n);
    free(controllers);
    for (size_t i = 0; i < n_old; i++) {
        ovsrec_controller_delete(old[i]);
    }
    free(old);
}

static void cmd_del_controller(struct ctl_context *ctx)
{
    replace_controllers(ctx, NULL, 0);
}

static void cmd_set_controller(struct ctl_context *ctx)
{
    replace_controllers(ctx, &ctx->argv[2], ctx->argc - 2);
}

static void cmd_get_fail_mode(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    ovsrec_bridge_verify_fail_mode(bridge.row);
    const char *fail_mode = bridge.row->fail_mode;
    if (fail_mode && fail_mode[0]) {
        ds_put_format(&ctx->output, "%s\n", fail_mode);
    }
}

static void cmd_del_fail_mode(struct ctl_context *ctx)
{
    ovsrec_bridge_set_fail_mode(get_real_bridge(ctx, ctx->argv[1]), NULL);
}

static void cmd_set_fail_mode(struct ctl_context *ctx)
{
    const struct ovsrec_bridge *bridge = get_real_bridge(ctx, ctx->argv[1]);
    const char *fail_mode = ctx->argv[2];
    if (strcmp(fail_mode, "standalone") && strcmp(fail_mode, "secure")) {
        ctl_fatal("fail-mode must be \"standalone\" or \"secure\"");
    }
    ovsrec_bridge_set_fail_mode(bridge, fail_mode);
}

static void pre_manager(struct ctl_context *ctx)
{
    ovsdb_idl_add_column(ctx->idl, &ovsrec_open_vswitch_col_manager_options);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_manager_col_target);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_manager_col_inactivity_probe);
}

static void verify_managers(const struct ovsrec_open_vswitch *root)
{
    ovsrec_open_vswitch_verify_manager_options(root);
    for (size_t i = 0; i < root->n_manager_options; i++) {
        ovsrec_manager_verify_target(root->manager_options[i]);
    }
}

static void cmd_get_manager(struct ctl_context *ctx)
{
    const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(ctx->idl);
    verify_managers(root);
    struct svec targets = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < root->n_manager_options; i++) {
        svec_add(&targets, root->manager_options[i]->target);
    }
    svec_sort_unique(&targets);
    vsctl_output_sorted(&targets, &ctx->output);
}

static void replace_managers(struct ctl_context *ctx, char *targets[], size_t n)
{
    const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(ctx->idl);
    verify_managers(root);
    size_t n_old = root->n_manager_options;
    struct ovsrec_manager **old = n_old ? xmemdup(root->manager_options, n_old * sizeof(*old)) : NULL;

    int64_t msecs;
    const int64_t *probe = inactivity_probe(ctx, &msecs);
    struct ovsrec_manager **managers = xcalloc(n + 1, sizeof(*managers));
    for (size_t i = 0; i < n; i++) {
        if (stream_verify_name(targets[i]) && pstream_verify_name(targets[i])) {
            VLOG_WARN("target type \"%s\" is possibly erroneous", targets[i]);
        }
        managers[i] = ovsrec_manager_insert(ctx->txn);
        ovsrec_manager_set_target(managers[i], targets[i]);
        ovsrec_manager_set_inactivity_probe(managers[i], probe, probe ? 1 : 0);
    }
    ovsrec_open_vswitch_set_manager_options(root, managers, n);
    free(managers);
    for (size_t i = 0; i < n_old; i++) {
        ovsrec_manager_delete(old[i]);
    }
    free(old);
}

static void cmd_del_manager(struct ctl_context *ctx)
{
    replace_managers(ctx, NULL, 0);
}

static void cmd_set_manager(struct ctl_context *ctx)
{
    replace_managers(ctx, &ctx->argv[1], ctx->argc - 1);
}

// clang-format off
const struct ctl_command_syntax vsctl_controller_commands[] = {
    {"get-controller", 1, 1, "BRIDGE", pre_controller, cmd_get_controller, NULL, "", RO},
    {"del-controller", 1, 1, "BRIDGE", pre_controller, cmd_del_controller, NULL, "", RW},
    {"set-controller", 1, INT_MAX, "BRIDGE TARGET...", pre_controller, cmd_set_controller, NULL, "--inactivity-probe=", RW},
    {"get-fail-mode", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_get_fail_mode, NULL, "", RO},
    {"del-fail-mode", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_del_fail_mode, NULL, "", RW},
    {"set-fail-mode", 2, 2, "BRIDGE MODE", bridge_view_prerequisites, cmd_set_fail_mode, NULL, "", RW},
    {"get-manager", 0, 0, "", pre_manager, cmd_get_manager, NULL, "", RO},
    {"del-manager", 0, 0, "", pre_manager, cmd_del_manager, NULL, "", RW},
    {"set-manager", 1, INT_MAX, "TARGET...", pre_manager, cmd_set_manager, NULL, "--inactivity-probe=", RW},
    {.name = NULL},
};
// clang-format on
