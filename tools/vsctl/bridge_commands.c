// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/bridge_view.h"
#include "tools/vsctl/commands.h"
#include "tools/vsctl/output.h"
#include "tools/vsctl/transaction.h"
#include "tools/vsctl/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/util.h"
#include "smap.h"
#include "svec.h"
#include "util.h"

static void insert_real_bridge(struct ctl_context *ctx, const char *name, struct ovsrec_port *port)
{
    const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(ctx->idl);
    struct ovsrec_bridge *bridge = ovsrec_bridge_insert(ctx->txn);
    ovsrec_bridge_set_name(bridge, name);
    ovsrec_bridge_set_ports(bridge, &port, 1);

    struct ovsrec_bridge **bridges = xmalloc((root->n_bridges + 1) * sizeof(*bridges));
    for (size_t i = 0; i < root->n_bridges; i++) {
        bridges[i] = root->bridges[i];
    }
    bridges[root->n_bridges] = bridge;
    ovsrec_open_vswitch_set_bridges(root, bridges, root->n_bridges + 1);
    free(bridges);
}

// The real bridge to put a fake one on; a fatal error if it cannot have one of this VLAN.
static const struct ovsrec_bridge *get_parent(struct ctl_context *ctx, const char *name, int vlan)
{
    struct bridge_view parent, child;
    if (!bridge_view_find(ctx, name, &parent)) {
        ctl_fatal("parent bridge %s does not exist", name);
    }
    if (parent.fake) {
        ctl_fatal("cannot create bridge with fake bridge as parent");
    }
    if (bridge_view_find_vlan(ctx, parent.row, vlan, &child)) {
        ctl_fatal("bridge %s already has a child VLAN bridge %s on VLAN %d", name, child.name, vlan);
    }
    return parent.row;
}

// A fatal error if the bridge that exists already is not the one to be added.
static void check_existing(const struct bridge_view *bridge, const char *parent, int vlan)
{
    const char *name = bridge->name;
    if (!parent) {
        if (bridge->fake) {
            ctl_fatal("\"--may-exist add-br %s\" but %s is a VLAN bridge for VLAN %d", name, name, bridge->vlan);
        }
    } else if (!bridge->fake) {
        ctl_fatal("\"--may-exist add-br %s %s %d\" but %s is not a VLAN bridge", name, parent, vlan, name);
    } else if (strcmp(bridge->row->name, parent)) {
        ctl_fatal("\"--may-exist add-br %s %s %d\" but %s has the wrong parent %s", name, parent, vlan, name,
                  bridge->row->name);
    } else if (bridge->vlan != vlan) {
        ctl_fatal("\"--may-exist add-br %s %s %d\" but %s is a VLAN bridge for the wrong VLAN %d", name, parent, vlan,
                  name, bridge->vlan);
    }
}

static void cmd_add_br(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];
    if (!name[0]) {
        ctl_fatal("bridge name must not be empty string");
    }
    if (ctx->argc == 3) {
        ctl_fatal("'%s' command takes exactly 1 or 3 arguments", ctx->argv[0]);
    }
    const char *parent_name = ctx->argc == 4 ? ctx->argv[2] : NULL;
    int vlan = parent_name ? atoi(ctx->argv[3]) : 0;
    if (vlan < 0 || vlan > 4095) {
        ctl_fatal("%s: vlan must be between 0 and 4095", ctx->argv[0]);
    }

    struct bridge_view existing;
    if (shash_find(&ctx->options, "--may-exist") && bridge_view_find(ctx, name, &existing)) {
        check_existing(&existing, parent_name, vlan);
        return;
    }
    bridge_view_check_conflicts(ctx, name, "a bridge");
    const struct ovsrec_bridge *parent = parent_name ? get_parent(ctx, parent_name, vlan) : NULL;

    struct ovsrec_interface *interface = ovsrec_interface_insert(ctx->txn);
    ovsrec_interface_set_name(interface, name);
    ovsrec_interface_set_type(interface, "internal");
    struct ovsrec_port *port = ovsrec_port_insert(ctx->txn);
    ovsrec_port_set_name(port, name);
    ovsrec_port_set_interfaces(port, &interface, 1);
    if (parent) {
        int64_t tag = vlan;
        ovsrec_port_set_fake_bridge(port, true);
        ovsrec_port_set_tag(port, &tag, 1);
        bridge_view_insert_port(parent, port);
    } else {
        insert_real_bridge(ctx, name, port);
    }
    vsctl_verdict_expect(&interface->header_);
}

static void cmd_del_br(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    if (bridge_view_find(ctx, ctx->argv[1], &bridge)) {
        bridge_view_delete(ctx, &bridge);
    } else if (!shash_find(&ctx->options, "--if-exists")) {
        ctl_fatal("no bridge named %s", ctx->argv[1]);
    }
}

static void cmd_list_br(struct ctl_context *ctx)
{
    bool real = shash_find(&ctx->options, "--real");
    bool fake = shash_find(&ctx->options, "--fake");
    bool both = real == fake;
    const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(ctx->idl);
    struct svec names = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < root->n_bridges; i++) {
        const struct ovsrec_bridge *bridge = root->bridges[i];
        if (real || both) {
            svec_add(&names, bridge->name);
        }
        for (size_t j = 0; j < bridge->n_ports && (fake || both); j++) {
            struct bridge_view view;
            bridge_view_of_port(ctx, bridge, bridge->ports[j], &view);
            if (view.fake == bridge->ports[j]) {
                svec_add(&names, view.name);
            }
        }
    }
    vsctl_output_sorted(&names, &ctx->output);
}

static void cmd_br_exists(struct ctl_context *ctx)
{
    enum { EXIT_NO_SUCH_BRIDGE = 2 };
    struct bridge_view bridge;
    if (!bridge_view_find(ctx, ctx->argv[1], &bridge)) {
        vsctl_transaction_exit(EXIT_NO_SUCH_BRIDGE);
    }
}

static void cmd_br_to_vlan(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    ds_put_format(&ctx->output, "%d\n", bridge.vlan);
}

static void cmd_br_to_parent(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    ds_put_format(&ctx->output, "%s\n", bridge.row->name);
}

static void pre_external_id(struct ctl_context *ctx)
{
    bridge_view_prerequisites(ctx);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_bridge_col_external_ids);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_port_col_external_ids);
}

// The keys of a fake bridge are in its port, told from the port's own by this prefix.
static const char *external_id_prefix(const struct bridge_view *bridge)
{
    return bridge->fake ? "fake-bridge-" : "";
}

static const struct smap *read_external_ids(const struct bridge_view *bridge)
{
    if (bridge->fake) {
        ovsrec_port_verify_external_ids(bridge->fake);
        return &bridge->fake->external_ids;
    }
    ovsrec_bridge_verify_external_ids(bridge->row);
    return &bridge->row->external_ids;
}

static void cmd_br_set_external_id(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    struct smap ids;
    smap_clone(&ids, read_external_ids(&bridge));
    char *key = xasprintf("%s%s", external_id_prefix(&bridge), ctx->argv[2]);
    if (ctx->argc > 3) {
        smap_replace(&ids, key, ctx->argv[3]);
    } else {
        smap_remove(&ids, key);
    }
    if (bridge.fake) {
        ovsrec_port_set_external_ids(bridge.fake, &ids);
    } else {
        ovsrec_bridge_set_external_ids(bridge.row, &ids);
    }
    free(key);
    smap_destroy(&ids);
}

static void cmd_br_get_external_id(struct ctl_context *ctx)
{
    struct bridge_view bridge;
    bridge_view_get(ctx, ctx->argv[1], &bridge);
    const struct smap *ids = read_external_ids(&bridge);
    const char *prefix = external_id_prefix(&bridge);
    if (ctx->argc > 2) {
        char *key = xasprintf("%s%s", prefix, ctx->argv[2]);
        const char *value = smap_get(ids, key);
        if (value) {
            ds_put_format(&ctx->output, "%s\n", value);
        }
        free(key);
        return;
    }
    const struct smap_node **sorted = smap_sort(ids);
    for (size_t i = 0; i < smap_count(ids); i++) {
        if (!strncmp(sorted[i]->key, prefix, strlen(prefix))) {
            ds_put_format(&ctx->output, "%s=%s\n", sorted[i]->key + strlen(prefix), sorted[i]->value);
        }
    }
    free(sorted);
}

// clang-format off
const struct ctl_command_syntax vsctl_bridge_commands[] = {
    {"add-br", 1, 3, "NEW-BRIDGE [PARENT] [NEW-VLAN]", bridge_view_prerequisites, cmd_add_br, NULL, "--may-exist", RW},
    {"del-br", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_del_br, NULL, "--if-exists", RW},
    {"list-br", 0, 0, "", bridge_view_prerequisites, cmd_list_br, NULL, "--real,--fake", RO},
    {"br-exists", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_br_exists, NULL, "", RO},
    {"br-to-vlan", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_br_to_vlan, NULL, "", RO},
    {"br-to-parent", 1, 1, "BRIDGE", bridge_view_prerequisites, cmd_br_to_parent, NULL, "", RO},
    {"br-set-external-id", 2, 3, "BRIDGE KEY [VALUE]", pre_external_id, cmd_br_set_external_id, NULL, "", RW},
    {"br-get-external-id", 1, 2, "BRIDGE [KEY]", pre_external_id, cmd_br_get_external_id, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
