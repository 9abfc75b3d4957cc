// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/bridge_view.h"
#include "tools/vsctl/commands.h"
#include "tools/vsctl/port_add.h"
#include "tools/vsctl/verdict.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "util.h"

static void cmd_add_bond(struct ctl_context *ctx)
{
    int first_setting = 3;
    while (first_setting < ctx->argc && !strchr(ctx->argv[first_setting], '=')) {
        first_setting++;
    }
    int n_interfaces = first_setting - 3;
    if (n_interfaces < 2) {
        ctl_fatal("add-bond requires at least 2 interfaces, but only %d were specified", n_interfaces);
    }
    port_add(ctx, &(struct port_request){
                      .bridge = ctx->argv[1],
                      .name = ctx->argv[2],
                      .interfaces = &ctx->argv[3],
                      .n_interfaces = n_interfaces,
                      .settings = &ctx->argv[first_setting],
                      .n_settings = ctx->argc - first_setting,
                      .may_exist = shash_find(&ctx->options, "--may-exist"),
                      .fake_interface = shash_find(&ctx->options, "--fake-iface"),
                  });
}

static void cmd_add_bond_iface(struct ctl_context *ctx)
{
    struct port_view bond;
    bridge_view_get_port(ctx, ctx->argv[1], &bond);
    const char *name = ctx->argv[2];
    struct interface_view existing;
    if (shash_find(&ctx->options, "--may-exist") && bridge_view_find_interface(ctx, name, &existing)) {
        if (existing.port.row != bond.row) {
            ctl_fatal("\"%s\" but %s is actually attached to port %s", port_command_string(ctx), name,
                      existing.port.row->name);
        }
        return;
    }
    bridge_view_check_conflicts(ctx, name, "an interface");

    struct ovsrec_interface *interface = ovsrec_interface_insert(ctx->txn);
    ovsrec_interface_set_name(interface, name);
    size_t n = bond.row->n_interfaces;
    struct ovsrec_interface **interfaces = xmalloc((n + 1) * sizeof(*interfaces));
    memcpy(interfaces, bond.row->interfaces, n * sizeof(*interfaces));
    interfaces[n] = interface;
    ovsrec_port_set_interfaces(bond.row, interfaces, n + 1);
    free(interfaces);
    vsctl_verdict_expect(&interface->header_);
}

static void cmd_del_bond_iface(struct ctl_context *ctx)
{
    const char *name = ctx->argv[ctx->argc - 1];
    struct interface_view interface;
    if (!bridge_view_find_interface(ctx, name, &interface)) {
        if (!shash_find(&ctx->options, "--if-exists")) {
            ctl_fatal("no interface named %s", name);
        }
        return;
    }
    const struct ovsrec_port *bond = interface.port.row;
    if (ctx->argc > 2) {
        struct port_view named;
        bridge_view_get_port(ctx, ctx->argv[1], &named);
        if (named.row != bond) {
            ctl_fatal("port %s does not have an interface %s", ctx->argv[1], name);
        }
    }
    if (bond->n_interfaces == 1) {
        ctl_fatal("cannot delete last interface from port %s", bond->name);
    }
    struct ovsrec_interface **interfaces = xmalloc(bond->n_interfaces * sizeof(*interfaces));
    size_t n = 0;
    for (size_t i = 0; i < bond->n_interfaces; i++) {
        if (bond->interfaces[i] != interface.row) {
            interfaces[n++] = bond->interfaces[i];
        }
    }
    ovsrec_port_set_interfaces(bond, interfaces, n);
    free(interfaces);
    ovsrec_interface_delete(interface.row);
}

// clang-format off
const struct ctl_command_syntax vsctl_bond_commands[] = {
    {"add-bond", 4, INT_MAX, "BRIDGE BOND IFACE... [COLUMN[:KEY]=VALUE]...", bridge_view_prerequisites, cmd_add_bond, NULL,
     "--may-exist,--fake-iface", RW},
    {"add-bond-iface", 2, 2, "BOND IFACE", bridge_view_prerequisites, cmd_add_bond_iface, NULL, "--may-exist", RW},
    {"del-bond-iface", 1, 2, "[BOND] IFACE", bridge_view_prerequisites, cmd_del_bond_iface, NULL, "--if-exists", RW},
    {.name = NULL},
};
// clang-format on
