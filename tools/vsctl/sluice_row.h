// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctl_context;
struct ovsdb_idl_column;
struct ovsdb_idl_row;
struct ovsdb_idl_table_class;

// What the nouns of the Sluice database have in common: rows of one table with a unique name.
struct sluice_noun {
    const struct ovsdb_idl_table_class *table;
    const struct ovsdb_idl_column *name;
    const char *text; // as a message calls it
};

// For the prerequisites of a command: monitor the table and these columns of it.
void sluice_row_prerequisites(struct ctl_context *, const struct sluice_noun *,
                              const struct ovsdb_idl_column *const columns[], size_t n);

// Whether a row has this name.
bool sluice_row_exists(struct ctl_context *, const struct sluice_noun *, const char *name);

// The row with this name or UUID (or a beginning of it of four digits or more). A fatal error if there is none.
const struct ovsdb_idl_row *sluice_row_get(struct ctl_context *, const struct sluice_noun *, const char *record);

// The same, but NULL if there is none and the command has --if-exists.
const struct ovsdb_idl_row *sluice_row_get_to_delete(struct ctl_context *, const struct sluice_noun *,
                                                     const char *record);

// Insert a row for the noun with the name argv[1]; the caller sets its columns. NULL: there is one already and the command
// has --may-exist, so there is nothing to do. Without the option, that is a fatal error.
const struct ovsdb_idl_row *sluice_row_insert(struct ctl_context *, const struct sluice_noun *);

// Apply COLUMN[:KEY]=VALUE settings to a row; a fatal error if one is wrong.
void sluice_row_set(struct ctl_context *, const struct ovsdb_idl_row *, char *settings[], size_t n);

// Put out the names of all rows, sorted.
void sluice_row_list(struct ctl_context *, const struct sluice_noun *);

// Put out strings of a row, sorted.
void sluice_row_list_strings(struct ctl_context *, char *const strings[], size_t n);
