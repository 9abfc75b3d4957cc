// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openvswitch/uuid.h>

#include "acl/acl_rule.h"

struct ovsdb_idl;
struct smap;

/* The rows that policy is made of, as plain structs: what the compiler of policies reads, whatever database they come
 * from. Texts are borrowed from the rows; references are the UUIDs that the database holds, also when no such row is
 * there. Control thread. */

struct address_group_row {
    struct uuid id;
    const char *name;
    char *const *addresses;
    size_t n_addresses;
};

/* A Security_Group_Rule or an ACL. */
struct rule_row {
    struct uuid id;
    const char *name; /* NULL: none */
    bool is_acl;
    bool log;
    struct acl_columns columns; /* rule.has_set and rule.set are not filled in; of a rule, only 'rule' */
    bool has_remote_group;
    bool has_remote_addresses;
    struct uuid remote_group;
    struct uuid remote_addresses;
};

struct group_row {
    struct uuid id;
    const char *name;
    bool stateful;
    bool is_audit; /* mode */
    enum rule_on_change on_change;
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
    struct uuid *acls;
    size_t n_acls;
    const struct smap *conntrack; /* NULL: empty */
};

/* A Logical_Network as far as policy goes. */
struct acl_network_row {
    struct uuid id;
    const char *name;
    const char *bridge; /* NULL: none */
    int64_t tag;        /* 0: untagged */
    struct uuid *acls;
    size_t n_acls;
};

/* Rows that are gone, of whatever table. */
struct gone_rows {
    struct uuid *ids;
    size_t n;
    size_t allocated;
};

struct policy_rows {
    bool deny_unknown; /* Sluice.options:unknown-ports=deny */
    bool pick_up;      /* Sluice.options:tcp-pickup=true */

    /* True: only rows that were added or changed are here, and 'gone' has those that are no more. False: all rows are here,
     * and what is not is no more. */
    bool is_partial;
    struct gone_rows gone;

    struct address_group_row *address_groups;
    size_t n_address_groups;
    struct rule_row *rules; /* and ACLs */
    size_t n_rules;
    struct group_row *groups;
    size_t n_groups;
    struct port_row *ports;
    size_t n_ports;
    struct acl_network_row *networks;
    size_t n_networks;
};

/* Reads the Sluice database: what changed since the last ovsdb_idl_track_clear(), or all when 'whole' or when it cannot be
 * told. Valid until the next ovsdb_idl_run(). */
void policy_rows_read(struct policy_rows *rows, const struct ovsdb_idl *idl, bool whole);
void policy_rows_free(struct policy_rows *rows);
