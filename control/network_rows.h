// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/uuid.h>

struct networks;
struct policies;
struct ovsdb_idl;

/* A Logical_Network row as a plain struct. Texts are borrowed from the row. */
struct network_row {
    struct uuid id;
    const char *name;
    const char *encap;  /* NULL: vxlan */
    const char *bridge; /* NULL: not present on this host */
    bool has_vni;       /* false: stays on this host */
    int64_t vni;
    int64_t tag; /* 0: untagged */
    int64_t mtu; /* 0: no limit */
    bool learning;
    char *const *vteps;
    size_t n_vteps;
};

/* All rows of the Sluice database, allocated with malloc(), '*n' of them; valid until the next ovsdb_idl_run(). */
struct network_row *network_rows_read(const struct ovsdb_idl *idl, size_t *n);

/* Writes the errors of 'networks', and failing that of their ACLs in 'policies', into Logical_Network.status, into the open
 * transaction, where they differ. */
void network_rows_write_status(struct networks *networks, const struct policies *policies, const struct ovsdb_idl *idl);
