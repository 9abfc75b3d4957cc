// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <openvswitch/util.h>
#include <smap.h>

#include "control/policies_private.h"
#include "control/schema/sluice-idl.h"
#include "control/text_list.h"

/* What Logical_Port.status ought to say. */
static void compose(const struct logical_port *port, struct smap *status)
{
    if (port->interface != NULL) {
        smap_add(status, "interface", port->interface);
        smap_add_format(status, "rules", "%zu", port->n_rules);
    }
    if (port->error != NULL)
        smap_add(status, "error", port->error);
    if (port->warning != NULL)
        smap_add(status, "warning", port->warning);
}

static void write_one(struct logical_port *port, const struct sluicerec_logical_port *row)
{
    struct smap status = SMAP_INITIALIZER(&status);

    /* A database may serve many hosts: what the host of the port says about it is not ours to take away. */
    if (port->interface == NULL && !port->status_written && smap_get(&row->status, "interface") != NULL)
        return;
    port->status_written = port->interface != NULL;
    compose(port, &status);
    if (!smap_equal(&status, &row->status))
        sluicerec_logical_port_set_status(row, &status);
    smap_destroy(&status);
}

static void write_all(struct policies *policies, const struct ovsdb_idl *idl, policies_bound *bound, void *aux)
{
    const struct sluicerec_logical_port *row;

    SLUICEREC_LOGICAL_PORT_FOR_EACH(row, idl)
    {
        struct logical_port *port = policies_port(policies, &row->header_.uuid);

        if (port == NULL)
            continue;
        text_assign(&port->interface, bound(aux, row->name));
        write_one(port, row);
    }
    policies->work.bindings_changed = false;
}

void policies_write_status(struct policies *policies, struct ovsdb_idl *idl, policies_bound *bound, void *aux)
{
    struct ovs_list *node;

    if (bound != NULL)
        write_all(policies, idl, bound, aux);
    while ((node = policy_work_next(&policies->work.statuses)) != NULL) {
        struct logical_port *port = CONTAINER_OF(node, struct logical_port, status);
        const struct sluicerec_logical_port *row =
            bound == NULL ? sluicerec_logical_port_get_for_uuid(idl, &port->row) : NULL;

        if (row != NULL)
            write_one(port, row);
    }
}

bool policies_has_new_ports(const struct policies *policies)
{
    return policies->work.bindings_changed;
}
