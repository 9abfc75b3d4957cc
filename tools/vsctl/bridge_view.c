// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/bridge_view.h"

#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/util.h"
#include "util.h"

void bridge_view_prerequisites(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &ovsrec_open_vswitch_col_bridges,
        &ovsrec_bridge_col_name,
        &ovsrec_bridge_col_controller,
        &ovsrec_bridge_col_fail_mode,
        &ovsrec_bridge_col_ports,
        &ovsrec_port_col_name,
        &ovsrec_port_col_fake_bridge,
        &ovsrec_port_col_tag,
        &ovsrec_port_col_interfaces,
        &ovsrec_interface_col_name,
        &ovsrec_interface_col_ofport,
        &ovsrec_interface_col_error,
        &ovsrec_flow_sample_collector_set_col_bridge,
    };
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_add_column(ctx->idl, columns[i]);
    }
}

static const struct ovsrec_open_vswitch *root_of(struct ctl_context *ctx)
{
    return ovsrec_open_vswitch_first(ctx->idl);
}

static bool tag_is_vlan(const struct ovsrec_port *port)
{
    return port->tag && *port->tag >= 0 && *port->tag <= 4095;
}

static bool real_bridge_exists(struct ctl_context *ctx, const char *name)
{
    const struct ovsrec_open_vswitch *root = root_of(ctx);
    for (size_t i = 0; i < root->n_bridges; i++) {
        if (!strcmp(root->bridges[i]->name, name)) {
            return true;
        }
    }
    return false;
}

// Whether a port is a fake bridge. One that has the name of a real bridge is not, as there would be two of that name.
static bool port_is_bridge(struct ctl_context *ctx, const struct ovsrec_port *port)
{
    return port->fake_bridge && tag_is_vlan(port) && !real_bridge_exists(ctx, port->name);
}

static struct bridge_view real_view(const struct ovsrec_bridge *row)
{
    return (struct bridge_view){.name = row->name, .row = row};
}

static struct bridge_view fake_view(const struct ovsrec_bridge *parent, const struct ovsrec_port *port)
{
    return (struct bridge_view){.name = port->name, .row = parent, .fake = port, .vlan = (int)*port->tag};
}

static void verify_all(struct ctl_context *ctx)
{
    const struct ovsrec_open_vswitch *root = root_of(ctx);
    ovsrec_open_vswitch_verify_bridges(root);
    for (size_t i = 0; i < root->n_bridges; i++) {
        const struct ovsrec_bridge *bridge = root->bridges[i];
        ovsrec_bridge_verify_ports(bridge);
        for (size_t j = 0; j < bridge->n_ports; j++) {
            ovsrec_port_verify_interfaces(bridge->ports[j]);
        }
    }
}

bool bridge_view_find(struct ctl_context *ctx, const char *name, struct bridge_view *view)
{
    const struct ovsrec_open_vswitch *root = root_of(ctx);
    ovsrec_open_vswitch_verify_bridges(root);
    for (size_t i = 0; i < root->n_bridges; i++) {
        if (!strcmp(root->bridges[i]->name, name)) {
            *view = real_view(root->bridges[i]);
            return true;
        }
    }
    for (size_t i = 0; i < root->n_bridges; i++) {
        for (size_t j = 0; j < root->bridges[i]->n_ports; j++) {
            const struct ovsrec_port *port = root->bridges[i]->ports[j];
            if (!strcmp(port->name, name) && port_is_bridge(ctx, port)) {
                *view = fake_view(root->bridges[i], port);
                return true;
            }
        }
    }
    return false;
}

bool bridge_view_find_vlan(struct ctl_context *ctx, const struct ovsrec_bridge *row, int vlan, struct bridge_view *view)
{
    for (size_t i = 0; i < row->n_ports; i++) {
        const struct ovsrec_port *port = row->ports[i];
        if (port->fake_bridge && port->tag && *port->tag == vlan && port_is_bridge(ctx, port)) {
            *view = fake_view(row, port);
            return true;
        }
    }
    return false;
}

void bridge_view_of_port(struct ctl_context *ctx, const struct ovsrec_bridge *row, const struct ovsrec_port *port,
                         struct bridge_view *view)
{
    if (!tag_is_vlan(port) || !bridge_view_find_vlan(ctx, row, (int)*port->tag, view)) {
        *view = real_view(row);
    }
}

bool bridge_view_equals(const struct bridge_view *a, const struct bridge_view *b)
{
    return a->row == b->row && a->fake == b->fake;
}

// Find the port, a local one as well, without making the transaction depend on it.
static bool search_port(struct ctl_context *ctx, const char *name, struct port_view *view)
{
    const struct ovsrec_open_vswitch *root = root_of(ctx);
    for (size_t i = 0; i < root->n_bridges; i++) {
        const struct ovsrec_bridge *bridge = root->bridges[i];
        for (size_t j = 0; j < bridge->n_ports; j++) {
            if (!strcmp(bridge->ports[j]->name, name)) {
                view->row = bridge->ports[j];
                bridge_view_of_port(ctx, bridge, view->row, &view->bridge);
                return true;
            }
        }
    }
    return false;
}

static bool search_interface(struct ctl_context *ctx, const char *name, struct interface_view *view)
{
    const struct ovsrec_open_vswitch *root = root_of(ctx);
    for (size_t i = 0; i < root->n_bridges; i++) {
        const struct ovsrec_bridge *bridge = root->bridges[i];
        for (size_t j = 0; j < bridge->n_ports; j++) {
            const struct ovsrec_port *port = bridge->ports[j];
            for (size_t k = 0; k < port->n_interfaces; k++) {
                if (!strcmp(port->interfaces[k]->name, name)) {
                    view->row = port->interfaces[k];
                    view->port.row = port;
                    bridge_view_of_port(ctx, bridge, port, &view->port.bridge);
                    return true;
                }
            }
        }
    }
    return false;
}

bool bridge_view_find_port(struct ctl_context *ctx, const char *name, struct port_view *view)
{
    verify_all(ctx);
    return search_port(ctx, name, view) && strcmp(name, view->bridge.name);
}

bool bridge_view_find_interface(struct ctl_context *ctx, const char *name, struct interface_view *view)
{
    verify_all(ctx);
    return search_interface(ctx, name, view) && strcmp(name, view->port.bridge.name);
}

void bridge_view_get(struct ctl_context *ctx, const char *name, struct bridge_view *view)
{
    if (!bridge_view_find(ctx, name, view)) {
        ctl_fatal("no bridge named %s", name);
    }
}

void bridge_view_get_port(struct ctl_context *ctx, const char *name, struct port_view *view)
{
    if (!bridge_view_find_port(ctx, name, view)) {
        ctl_fatal("no port named %s", name);
    }
}

void bridge_view_get_interface(struct ctl_context *ctx, const char *name, struct interface_view *view)
{
    if (!bridge_view_find_interface(ctx, name, view)) {
        ctl_fatal("no interface named %s", name);
    }
}

void bridge_view_check_conflicts(struct ctl_context *ctx, const char *name, const char *what)
{
    verify_all(ctx);
    struct bridge_view bridge;
    if (bridge_view_find(ctx, name, &bridge)) {
        ctl_fatal("cannot create %s named %s because a bridge named %s already exists", what, name, name);
    }
    struct port_view port;
    if (search_port(ctx, name, &port)) {
        ctl_fatal("cannot create %s named %s because a port named %s already exists on bridge %s", what, name, name,
                  port.bridge.name);
    }
    struct interface_view interface;
    if (search_interface(ctx, name, &interface)) {
        ctl_fatal("cannot create %s named %s because an interface named %s already exists on bridge %s", what, name,
                  name, interface.port.bridge.name);
    }
}

void bridge_view_insert_port(const struct ovsrec_bridge *bridge, struct ovsrec_port *port)
{
    struct ovsrec_port **ports = xmalloc((bridge->n_ports + 1) * sizeof(*ports));
    if (bridge->n_ports) {
        memcpy(ports, bridge->ports, bridge->n_ports * sizeof(*ports));
    }
    ports[bridge->n_ports] = port;
    ovsrec_bridge_set_ports(bridge, ports, bridge->n_ports + 1);
    free(ports);
}

// Rows below the root need no deletion to vanish from the database, but commands later in the same transaction must not see
// them either.
static void delete_port_rows(const struct ovsrec_port *port)
{
    size_t n = port->n_interfaces;
    struct ovsrec_interface **interfaces = xmemdup(port->interfaces, n * sizeof(*interfaces));
    ovsrec_port_delete(port);
    for (size_t i = 0; i < n; i++) {
        ovsrec_interface_delete(interfaces[i]);
    }
    free(interfaces);
}

void bridge_view_delete_port(const struct port_view *view)
{
    const struct ovsrec_bridge *bridge = view->bridge.row;
    struct ovsrec_port **ports = xmalloc((bridge->n_ports + 1) * sizeof(*ports));
    size_t n = 0;
    for (size_t i = 0; i < bridge->n_ports; i++) {
        if (bridge->ports[i] != view->row) {
            ports[n++] = bridge->ports[i];
        }
    }
    ovsrec_bridge_set_ports(bridge, ports, n);
    free(ports);
    delete_port_rows(view->row);
}

static void delete_fake_bridge(struct ctl_context *ctx, const struct bridge_view *view)
{
    // Its own port goes last: until then the others belong to it.
    struct port_view port;
    for (size_t i = 0; i < view->row->n_ports;) {
        port.row = view->row->ports[i];
        bridge_view_of_port(ctx, view->row, port.row, &port.bridge);
        if (bridge_view_equals(&port.bridge, view) && port.row != view->fake) {
            bridge_view_delete_port(&port);
            i = 0;
        } else {
            i++;
        }
    }
    port = (struct port_view){.row = view->fake, .bridge = *view};
    bridge_view_delete_port(&port);
}

static void delete_real_bridge(struct ctl_context *ctx, const struct ovsrec_bridge *row)
{
    const struct ovsrec_open_vswitch *root = root_of(ctx);
    struct ovsrec_bridge **bridges = xmalloc((root->n_bridges + 1) * sizeof(*bridges));
    size_t n = 0;
    for (size_t i = 0; i < root->n_bridges; i++) {
        if (root->bridges[i] != row) {
            bridges[n++] = root->bridges[i];
        }
    }
    ovsrec_open_vswitch_set_bridges(root, bridges, n);
    free(bridges);

    const struct ovsrec_flow_sample_collector_set *set, *next;
    for (set = ovsrec_flow_sample_collector_set_first(ctx->idl); set; set = next) {
        next = ovsrec_flow_sample_collector_set_next(set);
        if (set->bridge == row) {
            ovsrec_flow_sample_collector_set_delete(set);
        }
    }

    size_t n_ports = row->n_ports;
    struct ovsrec_port **ports = n_ports ? xmemdup(row->ports, n_ports * sizeof(*ports)) : NULL;
    ovsrec_bridge_delete(row);
    for (size_t i = 0; i < n_ports; i++) {
        delete_port_rows(ports[i]);
    }
    free(ports);
}

void bridge_view_delete(struct ctl_context *ctx, const struct bridge_view *view)
{
    if (view->fake) {
        delete_fake_bridge(ctx, view);
    } else {
        delete_real_bridge(ctx, view->row);
    }
}
