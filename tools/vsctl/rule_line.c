// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/rule_line.h"

#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "ovsdb-idl-provider.h"
#include "uuid.h"

const char *rule_line_value(const char *setting, const char *column)
{
    size_t length = strlen(column);
    return !strncmp(setting, column, length) && setting[length] == '=' ? setting + length + 1 : NULL;
}

const char *rule_line_text(const char *setting, const char *column)
{
    const char *value = rule_line_value(setting, column);
    return value && value[0] != '"' && value[0] != '[' && value[0] != '\0' ? value : NULL;
}

void rule_line_put_string(struct ds *out, const char *column, const char *value)
{
    if (value) {
        ds_put_format(out, " %s=%s", column, value);
    }
}

void rule_line_put_integer(struct ds *out, const char *column, const int64_t *value)
{
    if (value) {
        ds_put_format(out, " %s=%" PRId64, column, *value);
    }
}

void rule_line_put_true(struct ds *out, const char *column, const bool *value)
{
    if (value && *value) {
        ds_put_format(out, " %s=true", column);
    }
}

void rule_line_put_name(struct ds *out, const char *name, const struct uuid *uuid)
{
    if (name) {
        ds_put_format(out, "%s:", name);
    } else {
        ds_put_format(out, UUID_FMT ":", UUID_ARGS(uuid));
    }
}

bool rule_line_is(const char *record, const char *name, const struct uuid *uuid)
{
    enum { LEAST_UUID_DIGITS = 4 }; // as in generic commands
    if (name && !strcmp(name, record)) {
        return true;
    }
    return uuid_is_partial_string(record) >= LEAST_UUID_DIGITS && uuid_is_partial_match(uuid, record);
}

void rule_line_announce(struct ctl_context *ctx, const struct ovsdb_idl_row *row)
{
    ds_put_format(&ctx->output, UUID_FMT, UUID_ARGS(&row->uuid));
}

void rule_line_report_uuid(struct ctl_context *ctx)
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
