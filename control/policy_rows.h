// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openvswitch/uuid.h>

#include "acl/rule.h"

struct ovsdb_idl;

/* The rows that policy is made of, as plain structs: what the compiler of policies reads, whatever database they come
 * from. Texts are borrowed from the rows; references are the UUIDs that the database holds, also when no such row is
 * there. Control thread. */

struct address_group_row {
    struct uuid id;
    const char *name;
    char *const *addresses;
    size_t n_addresses;
};

struct rule_row {
    struct uuid id;
    const char *name;            /* NULL: none */
    struct rule_columns columns; /* has_set and set are not filled in */
    bool has_remote_group;
    bool has_remote_addresses;
    struct uuid remote_group;
    struct uuid remote_addresses;
};

struct group_row {
    struct uuid id;
    const char *name;
    bool stateful;
    struct uuid *rules;
    size_t n_rules;
};

struct port_row {
    struct uuid id;
    const char *name;
    char *const *addresses;
    size_t n_addresses;
    bool port_security;
    bool enabled;
    struct uuid *groups;
    size_t n_groups;
};

struct policy_rows {
    bool deny_unknown; /* Sluice.options:unknown-ports=deny */
    struct address_group_row *address_groups;
    size_t n_address_groups;
    struct rule_row *rules;
    size_t n_rules;
    struct group_row *groups;
    size_t n_groups;
    struct port_row *ports;
    size_t n_ports;
};

/* Reads the Sluice database; valid until the next ovsdb_idl_run(). */
void policy_rows_read(struct policy_rows *rows, const struct ovsdb_idl *idl);
void policy_rows_free(struct policy_rows *rows);
