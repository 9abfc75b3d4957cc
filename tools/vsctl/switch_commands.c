// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"

#include "db-ctl-base.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/util.h"
#include "smap.h"

static void pre_emer_reset(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &ovsrec_open_vswitch_col_manager_options,
        &ovsrec_open_vswitch_col_ssl,
        &ovsrec_bridge_col_controller,
        &ovsrec_bridge_col_fail_mode,
        &ovsrec_bridge_col_mirrors,
        &ovsrec_bridge_col_netflow,
        &ovsrec_bridge_col_sflow,
        &ovsrec_bridge_col_ipfix,
        &ovsrec_bridge_col_flood_vlans,
        &ovsrec_bridge_col_other_config,
        &ovsrec_port_col_other_config,
        &ovsrec_interface_col_ingress_policing_rate,
        &ovsrec_interface_col_ingress_policing_burst,
    };
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_add_column(ctx->idl, columns[i]);
    }
    // The only table below that no column above refers to.
    ovsdb_idl_add_table(ctx->idl, &ovsrec_table_flow_sample_collector_set);
}

static void reset_bridge(const struct ovsrec_bridge *bridge)
{
    ovsrec_bridge_set_controller(bridge, NULL, 0);
    ovsrec_bridge_set_fail_mode(bridge, NULL);
    ovsrec_bridge_set_mirrors(bridge, NULL, 0);
    ovsrec_bridge_set_netflow(bridge, NULL);
    ovsrec_bridge_set_sflow(bridge, NULL);
    ovsrec_bridge_set_ipfix(bridge, NULL);
    ovsrec_bridge_set_flood_vlans(bridge, NULL, 0);

    // A bridge keeps its address: a host may get its own by it.
    const char *hwaddr = smap_get(&bridge->other_config, "hwaddr");
    struct smap kept = SMAP_INITIALIZER(&kept);
    if (hwaddr) {
        smap_add(&kept, "hwaddr", hwaddr);
    }
    ovsrec_bridge_set_other_config(bridge, &kept);
    smap_destroy(&kept);
}

// Delete every row of a table.
static void delete_rows(struct ctl_context *ctx, const struct ovsdb_idl_table_class *table)
{
    const struct ovsdb_idl_row *next;
    for (const struct ovsdb_idl_row *row = ovsdb_idl_first_row(ctx->idl, table); row; row = next) {
        next = ovsdb_idl_next_row(row);
        ovsdb_idl_txn_delete(row);
    }
}

static void cmd_emer_reset(struct ctl_context *ctx)
{
    const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(ctx->idl);
    ovsrec_open_vswitch_set_manager_options(root, NULL, 0);
    ovsrec_open_vswitch_set_ssl(root, NULL);

    const struct ovsrec_bridge *bridge;
    OVSREC_BRIDGE_FOR_EACH (bridge, ctx->idl) {
        reset_bridge(bridge);
    }
    const struct ovsrec_port *port;
    OVSREC_PORT_FOR_EACH (port, ctx->idl) {
        ovsrec_port_set_other_config(port, NULL);
    }
    const struct ovsrec_interface *interface;
    OVSREC_INTERFACE_FOR_EACH (interface, ctx->idl) {
        ovsrec_interface_set_ingress_policing_rate(interface, 0);
        ovsrec_interface_set_ingress_policing_burst(interface, 0);
    }

    delete_rows(ctx, &ovsrec_table_mirror);
    delete_rows(ctx, &ovsrec_table_controller);
    delete_rows(ctx, &ovsrec_table_manager);
    delete_rows(ctx, &ovsrec_table_netflow);
    delete_rows(ctx, &ovsrec_table_ssl);
    delete_rows(ctx, &ovsrec_table_sflow);
    delete_rows(ctx, &ovsrec_table_ipfix);
    delete_rows(ctx, &ovsrec_table_flow_sample_collector_set);
}

static void pre_ssl(struct ctl_context *ctx)
{
    ovsdb_idl_add_column(ctx->idl, &ovsrec_open_vswitch_col_ssl);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_ssl_col_private_key);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_ssl_col_certificate);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_ssl_col_ca_cert);
    ovsdb_idl_add_column(ctx->idl, &ovsrec_ssl_col_bootstrap_ca_cert);
}

static void cmd_get_ssl(struct ctl_context *ctx)
{
    const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(ctx->idl);
    const struct ovsrec_ssl *ssl = root->ssl;
    ovsrec_open_vswitch_verify_ssl(root);
    if (ssl) {
        ovsrec_ssl_verify_private_key(ssl);
        ovsrec_ssl_verify_certificate(ssl);
        ovsrec_ssl_verify_ca_cert(ssl);
        ovsrec_ssl_verify_bootstrap_ca_cert(ssl);
        ds_put_format(&ctx->output, "Private key: %s\nCertificate: %s\nCA Certificate: %s\nBootstrap: %s\n",
                      ssl->private_key, ssl->certificate, ssl->ca_cert, ssl->bootstrap_ca_cert ? "true" : "false");
    }
}

// Put ssl, which may be NULL, in the place of the present row.
static void replace_ssl(const struct ovsrec_open_vswitch *root, const struct ovsrec_ssl *ssl)
{
    const struct ovsrec_ssl *old = root->ssl;
    ovsrec_open_vswitch_verify_ssl(root);
    ovsrec_open_vswitch_set_ssl(root, ssl);
    if (old) {
        ovsrec_ssl_delete(old);
    }
}

static void cmd_del_ssl(struct ctl_context *ctx)
{
    replace_ssl(ovsrec_open_vswitch_first(ctx->idl), NULL);
}

static void cmd_set_ssl(struct ctl_context *ctx)
{
    struct ovsrec_ssl *ssl = ovsrec_ssl_insert(ctx->txn);
    ovsrec_ssl_set_private_key(ssl, ctx->argv[1]);
    ovsrec_ssl_set_certificate(ssl, ctx->argv[2]);
    ovsrec_ssl_set_ca_cert(ssl, ctx->argv[3]);
    ovsrec_ssl_set_bootstrap_ca_cert(ssl, shash_find(&ctx->options, "--bootstrap"));
    replace_ssl(ovsrec_open_vswitch_first(ctx->idl), ssl);
}

// clang-format off
const struct ctl_command_syntax vsctl_switch_commands[] = {
    {"init", 0, 0, "", NULL, NULL, NULL, "", RW},
    {"emer-reset", 0, 0, "", pre_emer_reset, cmd_emer_reset, NULL, "", RW},
    {"get-ssl", 0, 0, "", pre_ssl, cmd_get_ssl, NULL, "", RO},
    {"del-ssl", 0, 0, "", pre_ssl, cmd_del_ssl, NULL, "", RW},
    {"set-ssl", 3, 3, "PRIVATE-KEY CERTIFICATE CA-CERT", pre_ssl, cmd_set_ssl, NULL, "--bootstrap", RW},
    {.name = NULL},
};
// clang-format on
