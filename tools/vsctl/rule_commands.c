// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/commands.h"
#include "tools/vsctl/output.h"
#include "tools/vsctl/rule_line.h"
#include "tools/vsctl/sluice_row.h"

#include "control/schema/sluice-idl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "svec.h"
#include "util.h"

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
        &sluicerec_security_group_rule_col_log,
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

// As sluice_row_set(), but what a reference refers to may be named, and a prefix be written without quotes.
static void apply_setting(struct ctl_context *ctx, const struct sluicerec_security_group_rule *rule, char *setting)
{
    const char *name = rule_line_value(setting, "remote_group");
    if (name) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &group_noun, name);
        sluicerec_security_group_rule_set_remote_group(rule,
                                                       CONTAINER_OF(row, struct sluicerec_security_group, header_));
        return;
    }
    name = rule_line_value(setting, "remote_addresses");
    if (name) {
        const struct ovsdb_idl_row *row = sluice_row_get(ctx, &address_group_noun, name);
        sluicerec_security_group_rule_set_remote_addresses(rule,
                                                           CONTAINER_OF(row, struct sluicerec_address_group, header_));
        return;
    }
    name = rule_line_text(setting, "remote_cidr");
    if (name) {
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
        name = rule_line_value(ctx->argv[i], "name");
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

    rule_line_announce(ctx, &rule->header_);
}

static void delete_rule(struct ctl_context *ctx, const struct sluicerec_security_group *group, const char *record)
{
    struct sluicerec_security_group_rule **kept = xmalloc((group->n_rules + 1) * sizeof(*kept));
    size_t n = 0;
    for (size_t i = 0; i < group->n_rules; i++) {
        if (!rule_line_is(record, group->rules[i]->name, &group->rules[i]->header_.uuid)) {
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

// The rule in one line, in words that rule-add takes.
static void put_rule(struct ds *out, const struct sluicerec_security_group_rule *rule)
{
    rule_line_put_name(out, rule->name, &rule->header_.uuid);
    rule_line_put_string(out, "direction", rule->direction);
    rule_line_put_string(out, "ethertype", rule->ethertype);
    rule_line_put_string(out, "protocol", rule->protocol);
    rule_line_put_integer(out, "port_min", rule->port_min);
    rule_line_put_integer(out, "port_max", rule->port_max);
    rule_line_put_integer(out, "icmp_type", rule->icmp_type);
    rule_line_put_integer(out, "icmp_code", rule->icmp_code);
    rule_line_put_string(out, "remote_cidr", rule->remote_cidr);
    rule_line_put_string(out, "remote_group", rule->remote_group ? rule->remote_group->name : NULL);
    rule_line_put_string(out, "remote_addresses", rule->remote_addresses ? rule->remote_addresses->name : NULL);
    rule_line_put_true(out, "log", rule->log);
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
    {"rule-add", 2, INT_MAX, "GROUP COLUMN[:KEY]=VALUE...", pre_rule, cmd_rule_add, rule_line_report_uuid, "--may-exist", RW},
    {"rule-del", 2, INT_MAX, "GROUP RULE...", pre_rule, cmd_rule_del, NULL, "--if-exists", RW},
    {"rule-list", 1, 1, "GROUP", pre_rule, cmd_rule_list, NULL, "", RO},
    {.name = NULL},
};
// clang-format on
