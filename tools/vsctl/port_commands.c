// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/bridge_view.h"
#include "tools/vsctl/commands.h"
#include "tools/vsctl/output.h"
#include "tools/vsctl/port_add.h"

#include <limits.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "svec.h"

static void cmd_add_port(struct ctl_context *ctx)
{
    port_add(ctx, &(struct port_request){
                      .bridge = ctx->argv[1],
                      .name = ctx->argv[2],
                      .interfaces = &ctx->argv[2],
                      .n_interfaces = 1,
                      .settings = &ctx->argv[3],
                      .n_settings = ctx->argc - 3,
                      .may_exist = shash_find(&ctx->options, "--may-exist"),
                  });
}

// The port that del-port names, or false if there is none and that is fine.
static bool find_port_to_delete(struct ctl_context *ctx, const char *name, struct port_view *port)
{
    bool must_exist = !shash_find(&ctx->options, "--if-exists");
    struct bridge_view bridge;
    if (bridge_view_find(ctx, name, &bridge)) {
        if (must_exist) {
            ctl_fatal("cannot delete port %s because it is the local port for bridge %s (deleting this port requires "
                      "deleting the entire bridge)",
                      name, name);
        }
        return false;
    }
    if (bridge_view_find_port(ctx, name, port)) {
        return true;
    }
    bool with_interface = shash_find(&ctx->options, "--with-iface");
    struct interface_view interface;
    if (with_interface && bridge_view_find_interface(ctx, name, &interface)) {
        *port = interface.port;
        return true;
    }
    if (must_exist) {
        ctl_fatal("no port %snamed %s", with_interface ? "or interface " : "", name);
    }
    return false;
}

static void cmd_del_port(struct ctl_context *ctx)
{
    struct port_view port;
    if (!find_port_to_delete(ctx, ctx->argv[ctx->argc - 1], &port)) {
        return;
    }
    if (ctx->argc == 3) {
        struct bridge_view bridge;
        bridge_view_get(ctx, ctx->argv[1], &bridge);
        if (!bridge_view_equals(&bridge, &port.bridge)) {
            if (port.bridge.row == bridge.row && !bridge.fake) {
                ctl_fatal("bridge %s does not have a port %s (although its child bridge %s does)", ctx->argv[1],
                          ctx->argv[2], port.bridge.name);
            }
            ctl_fatal("bridge %s does not have a port %s", ctx->argv[1], ctx->argv[2]);
        }
    }
    bridge_view_delete_port(&port);
}

static void cmd_port_to_br(struct ctl_context *ctx)
{
    struct port_view port;
    bridge_view_get_port(ctx, ctx->argv[1], &port);
    ds_put_format(&ctx->output, "%s\n", port.bridge.name);
}

static void cmd_iface_to_br(struct ctl_context *ctx)
{
    struct interface_view interface;
    bridge_view_get_interface(ctx, ctx->argv[1], &interface);
    ds_put_format(&ctx->output, "%s\n", interface.port.bridge.name);
}

// List the names of the bridge's ports or, if so, of their interfaces, without the local one.
static void list_members(struct ctl_context *ctx, bool interfaces)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    ovsrec_bridge_verify_ports(bridge.row);
    struct svec names = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < bridge.row->n_ports; i++) {
        const struct ovsrec_port *port = bridge.row->ports[i];
        struct bridge_view owner;
        bridge_view_of_port(ctx, bridge.row, port, &owner);
        if (!bridge_view_equals(&owner, &bridge)) {
            continue;
        }
        if (!interfaces && strcmp(port->name, bridge.name)) {
            svec_add(&names, port->name);
        }
        for (size_t j = 0; j < port->n_interfaces && interfaces; j++) {
            ovsrec_port_verify_interfaces(port);
            if (strcmp(port->interfaces[j]->name, bridge.name)) {
                svec_add(&names, port->interfaces[j]->name);
            }
        }
    }
    vsctl_output_sorted(&names, &ctx->output);
}

static void cmd_list_ports(struct ctl_context *ctx)
{
    list_members(ctx, false);
}

static void cmd_list_ifaces(struct ctl_context *ctx)
{
    list_members(ctx, true);
}

// clang-format off
const struct ctl_command_syntax vsctl_port_commands[] = {
    {"list-ports", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_list_ports, NULL, "", RO},
    {"add-port", 2, INT_MAX, "BRIDGE NEW-PORT [COLUMN[:KEY]=VALUE]...", bridge_view_prerequisites, cmd_add_port, NULL,
     "--may-exist", RW},
    {"del-port", 1, 2, "[BRIDGE] PORT|IFACE", bridge_view_prerequisites, cmd_del_port, NULL, "--if-exists,--with-iface", RW},
    {"port-to-br", 1, 1, "PORT", bridge_view_prerequisites, cmd_port_to_br, NULL, "", RO},
    {"list-ifaces", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_list_ifaces, NULL, "", RO},
    {"iface-to-br", 1, 1, "IFACE", bridge_view_prerequisites, cmd_iface_to_br, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
