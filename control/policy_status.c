// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <smap.h>

#include "control/logical_ports.h"
#include "control/schema/sluice-idl.h"

/* What Logical_Port.status ought to say. */
static void compose(const struct logical_port *port, const char *interface, struct smap *status)
{
    if (interface != NULL) {
        smap_add(status, "interface", interface);
        smap_add_format(status, "rules", "%zu", port->n_rules);
    }
    if (port->error != NULL)
        smap_add(status, "error", port->error);
    if (port->warning != NULL)
        smap_add(status, "warning", port->warning);
}

void policies_write_status(struct policies *policies, struct ovsdb_idl *idl,
                           const char *(*bound)(void *aux, const char *logical_port), void *aux)
{
    const struct sluicerec_logical_port *row;

    SLUICEREC_LOGICAL_PORT_FOR_EACH(row, idl)
    {
        struct logical_port *port = policies_port(policies, &row->header_.uuid);

        if (port == NULL)
            continue;
        const char *interface = bound(aux, row->name);

        /* A database may serve many hosts: what the host of the port says about it is not ours to take away. */
        if (interface == NULL && !port->status_written && smap_get(&row->status, "interface") != NULL)
            continue;
        port->status_written = interface != NULL;

        struct smap status = SMAP_INITIALIZER(&status);

        compose(port, interface, &status);
        if (!smap_equal(&status, &row->status))
            sluicerec_logical_port_set_status(row, &status);
        smap_destroy(&status);
    }
}
