// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/verdict.h"

#include "control/schema/sluice-idl.h"

#include <stdbool.h>
#include <stdlib.h>

#include "dirs.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/util.h"
#include "ovsdb-idl-provider.h"
#include "smap.h"
#include "util.h"

struct expectation {
    const struct ovsdb_idl_table_class *table;
    struct uuid uuid; // of an inserted row: the provisional one
};

static struct expectation *expected;
static size_t n_expected, allocated;

void vsctl_verdict_reset(void)
{
    free(expected);
    expected = NULL;
    n_expected = allocated = 0;
}

void vsctl_verdict_expect(const struct ovsdb_idl_row *row)
{
    if (n_expected >= allocated) {
        expected = x2nrealloc(expected, &allocated, sizeof *expected);
    }
    expected[n_expected++] = (struct expectation){.table = row->table->class_, .uuid = row->uuid};
}

// Whether the switch refused the row. If so, sets its name and the reason, NULL if none is given.
static bool row_is_refused(const struct ovsdb_idl_row *row, const char **name, const char **reason)
{
    if (row->table->class_ == &ovsrec_table_interface) {
        const struct ovsrec_interface *interface = CONTAINER_OF(row, struct ovsrec_interface, header_);
        *name = interface->name;
        *reason = interface->error;
        return !interface->ofport || *interface->ofport == -1;
    }
    if (row->table->class_ == &sluicerec_table_logical_port) {
        const struct sluicerec_logical_port *port = CONTAINER_OF(row, struct sluicerec_logical_port, header_);
        *name = port->name;
        *reason = smap_get(&port->status, "error");
    } else {
        const struct sluicerec_logical_network *network = CONTAINER_OF(row, struct sluicerec_logical_network, header_);
        *name = network->name;
        *reason = smap_get(&network->status, "error");
    }
    return *reason;
}

int vsctl_verdict_report(struct ovsdb_idl *idl, const struct ovsdb_idl_txn *txn)
{
    int status = EXIT_SUCCESS;
    for (size_t i = 0; i < n_expected; i++) {
        const struct uuid *inserted = ovsdb_idl_txn_get_insert_uuid(txn, &expected[i].uuid);
        const struct uuid *uuid = inserted ? inserted : &expected[i].uuid;
        const struct ovsdb_idl_row *row = ovsdb_idl_get_row_for_uuid(idl, expected[i].table, uuid);
        const char *name, *reason;
        if (row && row_is_refused(row, &name, &reason)) {
            bool has_reason = reason && reason[0];
            ovs_error(0, "Error detected while setting up '%s'%s%s.  See sluice-vswitchd log for details.", name,
                      has_reason ? ": " : "", has_reason ? reason : "");
            status = VSCTL_EXIT_REFUSED;
        }
    }
    if (status) {
        ovs_error(0, "The default log directory is \"%s\".", ovs_logdir());
    }
    return status;
}
