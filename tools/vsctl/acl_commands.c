// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/output.h"
#include "tools/vsctl/rule_line.h"
#include "tools/vsctl/sluice_row.h"
#include "tools/vsctl/verdict.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "svec.h"
#include "util.h"

static const struct sluice_noun network_noun = {
    .table = &sluicerec_table_logical_network, .name = &sluicerec_logical_network_col_name, .text = "logical network"};

static const struct sluice_noun lport_noun = {
    .table = &sluicerec_table_logical_port, .name = &sluicerec_logical_port_col_name, .text = "logical port"};

static const struct sluice_noun group_noun = {
    .table = &sluicerec_table_security_group, .name = &sluicerec_security_group_col_name, .text = "security group"};

static const struct sluice_noun address_group_noun = {
    .table = &sluicerec_table_address_group, .name = &sluicerec_address_group_col_name, .text = "address group"};

static void pre_acl(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const network_columns[] = {&sluicerec_logical_network_col_acls,
                                                                     &sluicerec_logical_network_col_status};
    static const struct ovsdb_idl_column *const columns[] = {
        &sluicerec_logical_port_col_acls, &sluicerec_logical_port_col_status,
        &sluicerec_acl_col_name,          &sluicerec_acl_col_tier,
        &sluicerec_acl_col_priority,      &sluicerec_acl_col_direction,
        &sluicerec_acl_col_action,        &sluicerec_acl_col_log,
        &sluicerec_acl_col_mode,          &sluicerec_acl_col_ethertype,
        &sluicerec_acl_col_protocol,      &sluicerec_acl_col_port_min,
        &sluicerec_acl_col_port_max,      &sluicerec_acl_col_icmp_type,
        &sluicerec_acl_col_icmp_code,     &sluicerec_acl_col_remote_cidr,
        &sluicerec_acl_col_remote_group,  &sluicerec_acl_col_remote_addresses,
        &sluicerec_acl_col_local_cidr,    &sluicerec_acl_col_src_port_min,
        &sluicerec_acl_col_src_port_max,  &sluicerec_acl_col_src_mac,
        &sluicerec_acl_col_dst_mac,       &sluicerec_acl_col_vlan,
        &sluicerec_acl_col_tcp_flags,     &sluicerec_acl_col_dscp,
    };
    sluice_row_prerequisites(ctx, &network_noun, network_columns, ARRAY_SIZE(network_columns));
    sluice_row_prerequisites(ctx, &lport_noun, columns, ARRAY_SIZE(columns));
    sluice_row_prerequisites(ctx, &group_noun, NULL, 0);
    sluice_row_prerequisites(ctx, &address_group_noun, NULL, 0);
}

// The port or network whose ACLs a command is about.
struct owner {
    const struct sluice_noun *noun;
    const struct ovsdb_idl_row *row;
    const char *name;
    struct sluicerec_acl **acls;
    size_t n_acls;
};

static struct owner get_owner(struct ctl_context *ctx)
{
    if (!strcmp(ctx->argv[1], "port")) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &lport_noun, ctx->argv[2]);
        const struct sluicerec_logical_port *port = CONTAINER_OF(row, struct sluicerec_logical_port, header_);
        sluicerec_logical_port_verify_acls(port);
        return (struct owner){&lport_noun, row, port->name, port->acls, port->n_acls};
    }
    if (strcmp(ctx->argv[1], "network")) {
        ctl_fatal("\"%s\" is neither \"port\" nor \"network\"", ctx->argv[1]);
    }
    const struct ovsdb_idl_row *row = sluice_row_get(ctx, &network_noun, ctx->argv[2]);
    const struct sluicerec_logical_network *network = CONTAINER_OF(row, struct sluicerec_logical_network, header_);
    sluicerec_logical_network_verify_acls(network);
    return (struct owner){&network_noun, row, network->name, network->acls, network->n_acls};
}

static void set_acls(const struct owner *owner, struct sluicerec_acl **acls, size_t n)
{
    if (owner->noun == &lport_noun) {
        sluicerec_logical_port_set_acls(CONTAINER_OF(owner->row, struct sluicerec_logical_port, header_), acls, n);
    } else {
        sluicerec_logical_network_set_acls(CONTAINER_OF(owner->row, struct sluicerec_logical_network, header_), acls,
                                           n);
    }
    vsctl_verdict_expect(owner->row);
}

// Columns whose values may be written without the quotes that the database wants for their punctuation.
static const struct {
    const char *column;
    void (*set)(const struct sluicerec_acl *, const char *);
} text_columns[] = {
    {"remote_cidr", sluicerec_acl_set_remote_cidr}, {"local_cidr", sluicerec_acl_set_local_cidr},
    {"src_mac", sluicerec_acl_set_src_mac},         {"dst_mac", sluicerec_acl_set_dst_mac},
    {"tcp_flags", sluicerec_acl_set_tcp_flags},
};

// As sluice_row_set(), but what a reference refers to may be named, and texts be written without quotes.
static void apply_setting(struct ctl_context *ctx, const struct sluicerec_acl *acl, char *setting)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_columns); i++) {
        const char *text = rule_line_text(setting, text_columns[i].column);
        if (text) {
            text_columns[i].set(acl, text);
            return;
        }
    }
    const char *name = rule_line_value(setting, "remote_group");
    if (name) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &group_noun, name);
        sluicerec_acl_set_remote_group(acl, CONTAINER_OF(row, struct sluicerec_security_group, header_));
        return;
    }
    name = rule_line_value(setting, "remote_addresses");
    if (name) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &address_group_noun, name);
        sluicerec_acl_set_remote_addresses(acl, CONTAINER_OF(row, struct sluicerec_address_group, header_));
        return;
    }
    sluice_row_set(ctx, &acl->header_, &setting, 1);
}

static bool has_acl_named(const struct owner *owner, const char *name)
{
    for (size_t i = 0; i < owner->n_acls; i++) {
        if (owner->acls[i]->name && !strcmp(owner->acls[i]->name, name)) {
            return true;
        }
    }
    return false;
}

// Whether the command is to do nothing because there is an ACL of the name it gives.
static bool acl_exists(struct ctl_context *ctx, const struct owner *owner)
{
    const char *name = NULL;
    for (int i = 3; i < ctx->argc && !name; i++) {
        name = rule_line_value(ctx->argv[i], "name");
    }
    bool may_exist = shash_find(&ctx->options, "--may-exist");
    if (may_exist && !name) {
        ctl_fatal("--may-exist acl-add needs name=NAME to know the ACL by");
    }
    if (!name || !has_acl_named(owner, name)) {
        return false;
    }
    if (!may_exist) {
        ctl_fatal("%s %s already has an ACL named %s", owner->noun->text, owner->name, name);
    }
    return true;
}

static void cmd_acl_add(struct ctl_context *ctx)
{
    struct owner owner = get_owner(ctx);
    if (acl_exists(ctx, &owner)) {
        return;
    }
    struct sluicerec_acl *acl = sluicerec_acl_insert(ctx->txn);
    for (int i = 3; i < ctx->argc; i++) {
        apply_setting(ctx, acl, ctx->argv[i]);
    }
    if (!acl->direction || !acl->direction[0]) {
        ctl_fatal("acl-add needs direction=ingress or direction=egress");
    }
    if (!acl->action || !acl->action[0]) {
        ctl_fatal("acl-add needs action=allow, allow-stateless, deny, reject or pass");
    }

    struct sluicerec_acl **acls = xmalloc((owner.n_acls + 1) * sizeof(*acls));
    for (size_t i = 0; i < owner.n_acls; i++) {
        acls[i] = owner.acls[i];
    }
    acls[owner.n_acls] = acl;
    set_acls(&owner, acls, owner.n_acls + 1);
    free(acls);
    rule_line_announce(ctx, &acl->header_);
}

static void delete_acl(struct ctl_context *ctx, const char *record)
{
    struct owner owner = get_owner(ctx);
    struct sluicerec_acl **kept = xmalloc((owner.n_acls + 1) * sizeof(*kept));
    size_t n = 0;
    for (size_t i = 0; i < owner.n_acls; i++) {
        if (!rule_line_is(record, owner.acls[i]->name, &owner.acls[i]->header_.uuid)) {
            kept[n++] = owner.acls[i];
        }
    }
    size_t n_found = owner.n_acls - n;
    if (n_found == 1) {
        set_acls(&owner, kept, n);
    } else if (n_found) {
        ctl_fatal("%s %s has %" PRIuSIZE " ACLs that match \"%s\"", owner.noun->text, owner.name, n_found, record);
    } else if (!shash_find(&ctx->options, "--if-exists")) {
        ctl_fatal("%s %s does not have an ACL \"%s\"", owner.noun->text, owner.name, record);
    }
    free(kept);
}

static void cmd_acl_del(struct ctl_context *ctx)
{
    for (int i = 3; i < ctx->argc; i++) {
        delete_acl(ctx, ctx->argv[i]);
    }
}

// The ACL in one line, in words that acl-add takes.
static void put_acl(struct ds *out, const struct sluicerec_acl *acl)
{
    rule_line_put_name(out, acl->name, &acl->header_.uuid);
    rule_line_put_integer(out, "tier", acl->tier);
    rule_line_put_integer(out, "priority", acl->priority);
    rule_line_put_string(out, "direction", acl->direction);
    rule_line_put_string(out, "action", acl->action);
    rule_line_put_string(out, "mode", acl->mode);
    rule_line_put_true(out, "log", acl->log);
    rule_line_put_string(out, "ethertype", acl->ethertype);
    rule_line_put_string(out, "protocol", acl->protocol);
    rule_line_put_integer(out, "port_min", acl->port_min);
    rule_line_put_integer(out, "port_max", acl->port_max);
    rule_line_put_integer(out, "icmp_type", acl->icmp_type);
    rule_line_put_integer(out, "icmp_code", acl->icmp_code);
    rule_line_put_string(out, "remote_cidr", acl->remote_cidr);
    rule_line_put_string(out, "remote_group", acl->remote_group ? acl->remote_group->name : NULL);
    rule_line_put_string(out, "remote_addresses", acl->remote_addresses ? acl->remote_addresses->name : NULL);
    rule_line_put_string(out, "local_cidr", acl->local_cidr);
    rule_line_put_integer(out, "src_port_min", acl->src_port_min);
    rule_line_put_integer(out, "src_port_max", acl->src_port_max);
    rule_line_put_string(out, "src_mac", acl->src_mac);
    rule_line_put_string(out, "dst_mac", acl->dst_mac);
    rule_line_put_integer(out, "vlan", acl->vlan);
    rule_line_put_string(out, "tcp_flags", acl->tcp_flags);
    rule_line_put_integer(out, "dscp", acl->dscp);
}

static void cmd_acl_list(struct ctl_context *ctx)
{
    struct owner owner = get_owner(ctx);
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < owner.n_acls; i++) {
        struct ds line = DS_EMPTY_INITIALIZER;
        put_acl(&line, owner.acls[i]);
        svec_add_nocopy(&lines, ds_steal_cstr(&line));
    }
    vsctl_output_sorted(&lines, &ctx->output);
}

// clang-format off
const struct ctl_command_syntax vsctl_acl_commands[] = {
    {"acl-add", 3, INT_MAX, "port|network NAME COLUMN[:KEY]=VALUE...", pre_acl, cmd_acl_add, rule_line_report_uuid, "--may-exist", RW},
    {"acl-del", 3, INT_MAX, "port|network NAME ACL...", pre_acl, cmd_acl_del, NULL, "--if-exists", RW},
    {"acl-list", 2, 2, "port|network NAME", pre_acl, cmd_acl_list, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
