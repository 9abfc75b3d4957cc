// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/output.h"
#include "tools/vsctl/sluice_row.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "svec.h"
#include "util.h"
#include "uuid.h"

static const struct sluice_noun group_noun = {
    .table = &sluicerec_table_security_group, .name = &sluicerec_security_group_col_name, .text = "security group"};

static const struct sluice_noun address_group_noun = {
    .table = &sluicerec_table_address_group, .name = &sluicerec_address_group_col_name, .text = "address group"};

static void pre_rule(struct ctl_context *ctx)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &sluicerec_security_group_col_rules,
        &sluicerec_security_group_rule_col_name,
        &sluicerec_security_group_rule_col_direction,
        &sluicerec_security_group_rule_col_ethertype,
        &sluicerec_security_group_rule_col_protocol,
        &sluicerec_security_group_rule_col_port_min,
        &sluicerec_security_group_rule_col_port_max,
        &sluicerec_security_group_rule_col_icmp_type,
        &sluicerec_security_group_rule_col_icmp_code,
        &sluicerec_security_group_rule_col_remote_cidr,
        &sluicerec_security_group_rule_col_remote_group,
        &sluicerec_security_group_rule_col_remote_addresses,
    };
    sluice_row_prerequisites(ctx, &group_noun, columns, ARRAY_SIZE(columns));
    sluice_row_prerequisites(ctx, &address_group_noun, NULL, 0);
}

static const struct sluicerec_security_group *get_group(struct ctl_context *ctx)
{
    const struct ovsdb_idl_row *row = sluice_row_get(ctx, &group_noun, ctx->argv[1]);
    const struct sluicerec_security_group *group = CONTAINER_OF(row, struct sluicerec_security_group, header_);
    sluicerec_security_group_verify_rules(group);
    return group;
}

// The value of a "COLUMN=VALUE" setting if it is about this column, else NULL.
static const char *setting_value(const char *setting, const char *column)
{
    size_t length = strlen(column);
    return !strncmp(setting, column, length) && setting[length] == '=' ? setting + length + 1 : NULL;
}

// As sluice_row_set(), but what a reference refers to may be named, and a prefix be written without quotes.
static void apply_setting(struct ctl_context *ctx, const struct sluicerec_security_group_rule *rule, char *setting)
{
    const char *name = setting_value(setting, "remote_group");
    if (name) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &group_noun, name);
        sluicerec_security_group_rule_set_remote_group(rule,
                                                       CONTAINER_OF(row, struct sluicerec_security_group, header_));
        return;
    }
    name = setting_value(setting, "remote_addresses");
    if (name) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &address_group_noun, name);
        sluicerec_security_group_rule_set_remote_addresses(rule,
                                                           CONTAINER_OF(row, struct sluicerec_address_group, header_));
        return;
    }
    name = setting_value(setting, "remote_cidr");
    if (name && name[0] != '"' && name[0] != '[' && name[0] != '\0') {
        // A colon would need quotes in the syntax of the database, which a shell takes away.
        sluicerec_security_group_rule_set_remote_cidr(rule, name);
        return;
    }
    sluice_row_set(ctx, &rule->header_, &setting, 1);
}

static bool has_rule_named(const struct sluicerec_security_group *group, const char *name)
{
    for (size_t i = 0; i < group->n_rules; i++) {
        if (group->rules[i]->name && !strcmp(group->rules[i]->name, name)) {
            return true;
        }
    }
    return false;
}

// Whether the command is to do nothing because the group has a rule of the name it gives.
static bool rule_exists(struct ctl_context *ctx, const struct sluicerec_security_group *group)
{
    const char *name = NULL;
    for (int i = 2; i < ctx->argc && !name; i++) {
        name = setting_value(ctx->argv[i], "name");
    }
    bool may_exist = shash_find(&ctx->options, "--may-exist");
    if (may_exist && !name) {
        ctl_fatal("--may-exist rule-add needs name=NAME to know the rule by");
    }
    if (!name || !has_rule_named(group, name)) {
        return false;
    }
    if (!may_exist) {
        ctl_fatal("security group %s already has a rule named %s", group->name, name);
    }
    return true;
}

static void cmd_rule_add(struct ctl_context *ctx)
{
    const struct sluicerec_security_group *group = get_group(ctx);
    if (rule_exists(ctx, group)) {
        return;
    }
    struct sluicerec_security_group_rule *rule = sluicerec_security_group_rule_insert(ctx->txn);
    for (int i = 2; i < ctx->argc; i++) {
        apply_setting(ctx, rule, ctx->argv[i]);
    }
    if (!rule->direction || !rule->direction[0]) {
        ctl_fatal("rule-add needs direction=ingress or direction=egress");
    }

    struct sluicerec_security_group_rule **rules = xmalloc((group->n_rules + 1) * sizeof(*rules));
    for (size_t i = 0; i < group->n_rules; i++) {
        rules[i] = group->rules[i];
    }
    rules[group->n_rules] = rule;
    sluicerec_security_group_set_rules(group, rules, group->n_rules + 1);
    free(rules);

    // Only the commit tells the UUID that the row will have; report_uuid() puts it in the place of this one.
    ds_put_format(&ctx->output, UUID_FMT, UUID_ARGS(&rule->header_.uuid));
}

static void report_uuid(struct ctl_context *ctx)
{
    struct uuid provisional;
    if (uuid_from_string(&provisional, ds_cstr(&ctx->output))) {
        const struct uuid *uuid = ovsdb_idl_txn_get_insert_uuid(ctx->txn, &provisional);
        ds_clear(&ctx->output);
        if (uuid) {
            ds_put_format(&ctx->output, UUID_FMT "\n", UUID_ARGS(uuid));
        }
    }
}

static bool rule_matches(const struct sluicerec_security_group_rule *rule, const char *record)
{
    enum { LEAST_UUID_DIGITS = 4 }; // as in generic commands
    if (rule->name && !strcmp(rule->name, record)) {
        return true;
    }
    return uuid_is_partial_string(record) >= LEAST_UUID_DIGITS && uuid_is_partial_match(&rule->header_.uuid, record);
}

static void delete_rule(struct ctl_context *ctx, const struct sluicerec_security_group *group, const char *record)
{
    struct sluicerec_security_group_rule **kept = xmalloc((group->n_rules + 1) * sizeof(*kept));
    size_t n = 0;
    for (size_t i = 0; i < group->n_rules; i++) {
        if (!rule_matches(group->rules[i], record)) {
            kept[n++] = group->rules[i];
        }
    }
    size_t n_found = group->n_rules - n;
    if (n_found == 1) {
        sluicerec_security_group_set_rules(group, kept, n);
    } else if (n_found) {
        ctl_fatal("security group %s has %" PRIuSIZE " rules that match \"%s\"", group->name, n_found, record);
    } else if (!shash_find(&ctx->options, "--if-exists")) {
        ctl_fatal("security group %s does not have a rule \"%s\"", group->name, record);
    }
    free(kept);
}

static void cmd_rule_del(struct ctl_context *ctx)
{
    const struct sluicerec_security_group *group = get_group(ctx);
    for (int i = 2; i < ctx->argc; i++) {
        delete_rule(ctx, group, ctx->argv[i]);
    }
}

static void put_string(struct ds *out, const char *column, const char *value)
{
    if (value) {
        ds_put_format(out, " %s=%s", column, value);
    }
}

static void put_integer(struct ds *out, const char *column, const int64_t *value)
{
    if (value) {
        ds_put_format(out, " %s=%" PRId64, column, *value);
    }
}

// The rule in one line, in words that rule-add takes.
static void put_rule(struct ds *out, const struct sluicerec_security_group_rule *rule)
{
    if (rule->name) {
        ds_put_format(out, "%s:", rule->name);
    } else {
        ds_put_format(out, UUID_FMT ":", UUID_ARGS(&rule->header_.uuid));
    }
    put_string(out, "direction", rule->direction);
    put_string(out, "ethertype", rule->ethertype);
    put_string(out, "protocol", rule->protocol);
    put_integer(out, "port_min", rule->port_min);
    put_integer(out, "port_max", rule->port_max);
    put_integer(out, "icmp_type", rule->icmp_type);
    put_integer(out, "icmp_code", rule->icmp_code);
    put_string(out, "remote_cidr", rule->remote_cidr);
    put_string(out, "remote_group", rule->remote_group ? rule->remote_group->name : NULL);
    put_string(out, "remote_addresses", rule->remote_addresses ? rule->remote_addresses->name : NULL);
}

static void cmd_rule_list(struct ctl_context *ctx)
{
    const struct sluicerec_security_group *group = get_group(ctx);
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < group->n_rules; i++) {
        struct ds line = DS_EMPTY_INITIALIZER;
        put_rule(&line, group->rules[i]);
        svec_add_nocopy(&lines, ds_steal_cstr(&line));
    }
    vsctl_output_sorted(&lines, &ctx->output);
}

// clang-format off
const struct ctl_command_syntax vsctl_rule_commands[] = {
    {"rule-add", 2, INT_MAX, "GROUP COLUMN[:KEY]=VALUE...", pre_rule, cmd_rule_add, report_uuid, "--may-exist", RW},
    {"rule-del", 2, INT_MAX, "GROUP RULE...", pre_rule, cmd_rule_del, NULL, "--if-exists", RW},
    {"rule-list", 1, 1, "GROUP", pre_rule, cmd_rule_list, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
