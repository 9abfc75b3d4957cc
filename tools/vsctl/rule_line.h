// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ctl_context;
struct ds;
struct ovsdb_idl_row;
struct uuid;

// What the commands about rules and those about ACLs have in common: one row in words "COLUMN=VALUE".

// The value of a "COLUMN=VALUE" setting if it is about this column, else NULL.
const char *rule_line_value(const char *setting, const char *column);

// The value if it is a plain text that needs no quotes here, though the syntax of the database wants them (a colon, an
// exclamation mark), else NULL.
const char *rule_line_text(const char *setting, const char *column);

// Append " COLUMN=VALUE", or nothing for NULL.
void rule_line_put_string(struct ds *, const char *column, const char *value);
void rule_line_put_integer(struct ds *, const char *column, const int64_t *value);
void rule_line_put_true(struct ds *, const char *column, const bool *value); // nothing for false, either
// Append what the row is known by, its name if it has one.
void rule_line_put_name(struct ds *, const char *name, const struct uuid *);

// Whether the record that a command line names is this row.
bool rule_line_is(const char *record, const char *name, const struct uuid *);

// Output of an add command: the row's UUID. Only the commit tells it, so the postprocess function puts it in the place of
// the provisional one.
void rule_line_announce(struct ctl_context *, const struct ovsdb_idl_row *);
void rule_line_report_uuid(struct ctl_context *);
