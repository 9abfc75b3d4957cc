// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/sluice_row.h"

#include "tools/vsctl/output.h"

#include <string.h>

#include "db-ctl-base.h"
#include "ovsdb-data.h"
#include "ovsdb-idl-provider.h"
#include "svec.h"

static const char *row_name(const struct ovsdb_idl_row *row, const struct sluice_noun *noun)
{
    return ovsdb_idl_read(row, noun->name)->keys[0].s->string;
}

void sluice_row_prerequisites(struct ctl_context *ctx, const struct sluice_noun *noun,
                              const struct ovsdb_idl_column *const columns[], size_t n)
{
    ovsdb_idl_add_table(ctx->idl, noun->table);
    ovsdb_idl_add_column(ctx->idl, noun->name);
    for (size_t i = 0; i < n; i++) {
        ovsdb_idl_add_column(ctx->idl, columns[i]);
    }
}

bool sluice_row_exists(struct ctl_context *ctx, const struct sluice_noun *noun, const char *name)
{
    const struct ovsdb_idl_row *row = ovsdb_idl_first_row(ctx->idl, noun->table);
    while (row && strcmp(row_name(row, noun), name)) {
        row = ovsdb_idl_next_row(row);
    }
    return row;
}

static const struct ovsdb_idl_row *get_row(struct ctl_context *ctx, const struct sluice_noun *noun, const char *record,
                                           bool must_exist)
{
    const struct ovsdb_idl_row *row = NULL;
    char *error = ctl_get_row(ctx, noun->table, record, must_exist, &row);
    if (error) {
        ctl_fatal("%s", error);
    }
    return row;
}

const struct ovsdb_idl_row *sluice_row_get(struct ctl_context *ctx, const struct sluice_noun *noun, const char *record)
{
    return get_row(ctx, noun, record, true);
}

const struct ovsdb_idl_row *sluice_row_get_to_delete(struct ctl_context *ctx, const struct sluice_noun *noun,
                                                     const char *record)
{
    return get_row(ctx, noun, record, !shash_find(&ctx->options, "--if-exists"));
}

const struct ovsdb_idl_row *sluice_row_insert(struct ctl_context *ctx, const struct sluice_noun *noun)
{
    const char *name = ctx->argv[1];
    if (!name[0]) {
        ctl_fatal("%s name must not be empty string", noun->text);
    }
    if (!sluice_row_exists(ctx, noun, name)) {
        return ovsdb_idl_txn_insert(ctx->txn, noun->table, NULL);
    }
    if (!shash_find(&ctx->options, "--may-exist")) {
        ctl_fatal("%s %s already exists", noun->text, name);
    }
    return NULL;
}

void sluice_row_set(struct ctl_context *ctx, const struct ovsdb_idl_row *row, char *settings[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *error = ctl_set_column(row->table->class_->name, row, settings[i], ctx->symtab);
        if (error) {
            ctl_fatal("%s", error);
        }
    }
}

void sluice_row_list(struct ctl_context *ctx, const struct sluice_noun *noun)
{
    struct svec names = SVEC_EMPTY_INITIALIZER;
    const struct ovsdb_idl_row *row = ovsdb_idl_first_row(ctx->idl, noun->table);
    for (; row; row = ovsdb_idl_next_row(row)) {
        svec_add(&names, row_name(row, noun));
    }
    vsctl_output_sorted(&names, &ctx->output);
}

void sluice_row_list_strings(struct ctl_context *ctx, char *const strings[], size_t n)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    for (size_t i = 0; i < n; i++) {
        svec_add(&lines, strings[i]);
    }
    vsctl_output_sorted(&lines, &ctx->output);
}
