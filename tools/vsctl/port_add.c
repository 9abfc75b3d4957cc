// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/port_add.h"

#include "tools/vsctl/bridge_view.h"
#include "tools/vsctl/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "process.h"
#include "svec.h"
#include "util.h"

char *port_command_string(const struct ctl_context *ctx)
{
    struct svec words = SVEC_EMPTY_INITIALIZER;
    struct shash_node *node;
    SHASH_FOR_EACH (node, &ctx->options) {
        svec_add(&words, node->name);
    }
    for (int i = 0; i < ctx->argc; i++) {
        svec_add(&words, ctx->argv[i]);
    }
    svec_terminate(&words);
    char *text = process_escape_args(words.names);
    svec_destroy(&words);
    return text;
}

// A fatal error if the port that exists already is not the one to be added.
static void check_existing(struct ctl_context *ctx, const struct port_view *port, const struct port_request *request)
{
    if (strcmp(port->bridge.name, request->bridge)) {
        ctl_fatal("\"%s\" but %s is actually attached to bridge %s", port_command_string(ctx), request->name,
                  port->bridge.name);
    }
    struct svec want = SVEC_EMPTY_INITIALIZER;
    struct svec have = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < request->n_interfaces; i++) {
        svec_add(&want, request->interfaces[i]);
    }
    for (size_t i = 0; i < port->row->n_interfaces; i++) {
        svec_add(&have, port->row->interfaces[i]->name);
    }
    svec_sort(&want);
    svec_sort(&have);
    if (!svec_equal(&want, &have)) {
        ctl_fatal("\"%s\" but %s actually has interface(s) %s", port_command_string(ctx), request->name,
                  svec_join(&have, ", ", ""));
    }
    svec_destroy(&want);
    svec_destroy(&have);
}

static void check_names(const struct port_request *request)
{
    if (!request->name[0]) {
        ctl_fatal("port name must not be empty string");
    }
    for (size_t i = 0; i < request->n_interfaces; i++) {
        if (!request->interfaces[i][0]) {
            ctl_fatal("interface name must not be empty string");
        }
    }
}

static void set_interfaces(struct ctl_context *ctx, const struct ovsrec_port *port, const struct port_request *request)
{
    struct ovsrec_interface **interfaces = xmalloc(request->n_interfaces * sizeof(*interfaces));
    for (size_t i = 0; i < request->n_interfaces; i++) {
        interfaces[i] = ovsrec_interface_insert(ctx->txn);
        ovsrec_interface_set_name(interfaces[i], request->interfaces[i]);
        vsctl_verdict_expect(&interfaces[i]->header_);
    }
    ovsrec_port_set_interfaces(port, interfaces, request->n_interfaces);
    free(interfaces);
}

void port_add(struct ctl_context *ctx, const struct port_request *request)
{
    check_names(request);
    struct port_view existing;
    if (request->may_exist && bridge_view_find_port(ctx, request->name, &existing)) {
        check_existing(ctx, &existing, request);
        return;
    }
    bridge_view_check_conflicts(ctx, request->name, "a port");
    for (size_t i = 0; i < request->n_interfaces; i++) {
        bridge_view_check_conflicts(ctx, request->interfaces[i], "an interface");
    }
    struct bridge_view bridge;
    bridge_view_get(ctx, request->bridge, &bridge);

    struct ovsrec_port *port = ovsrec_port_insert(ctx->txn);
    ovsrec_port_set_name(port, request->name);
    set_interfaces(ctx, port, request);
    ovsrec_port_set_bond_fake_iface(port, request->fake_interface);
    if (bridge.fake) {
        int64_t tag = bridge.vlan;
        ovsrec_port_set_tag(port, &tag, 1);
    }
    for (size_t i = 0; i < request->n_settings; i++) {
        char *error = ctl_set_column("Port", &port->header_, request->settings[i], ctx->symtab);
        if (error) {
            ctl_fatal("%s", error);
        }
    }
    bridge_view_insert_port(bridge.row, port);
}
