// SPDX-License-Identifier: Apache-2.0
#include "control/acl_ports.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/shash.h>
#include <smap.h>
#include <util.h>
#include <vswitch-idl.h>

#include "acl/conntrack.h"
#include "control/policies.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/vlan.h"

bool acl_ports_data_plane(const struct vswitch *vswitch)
{
    return vswitch_has_data_plane(vswitch) && dataplane_current() != NULL;
}

static const char *logical_of(const struct vswitch *vswitch, const struct interface *interface)
{
    const struct ovsrec_interface *row =
        interface->has_row ? ovsrec_interface_get_for_uuid(vswitch->db.loop.idl, &interface->uuid) : NULL;
    const char *id = row != NULL ? smap_get(&row->external_ids, "iface-id") : NULL;

    return policies_port_of_interface(vswitch->applied.policies, id, interface->settings->name);
}

static struct acl_port port_of(const struct vswitch *vswitch, const struct interface *interface)
{
    struct acl_port port = {.interface = interface, .logical = logical_of(vswitch, interface)};
    uint16_t vlan;

    if (interface->attachment != 0 && acl_ports_data_plane(vswitch))
        port.attachment = snapshot_attachment(dataplane_current(), interface->attachment);
    if (port.attachment != NULL && vlan_ingress(&port.attachment->vlan, 0, &vlan))
        port.zone = zone_of(port.attachment->bridge, vlan);
    return port;
}

static void ignore_rule(void *aux, const struct effective_rule *rule)
{
}

bool acl_ports_find(const struct vswitch *vswitch, const char *name, struct acl_port *port)
{
    const struct interface *interface = applied_find_interface(&vswitch->applied, name);

    if (interface != NULL) {
        *port = port_of(vswitch, interface);
        return true;
    }
    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        const char *logical = logical_of(vswitch, interface);

        if (logical != NULL && strcmp(logical, name) == 0) {
            *port = port_of(vswitch, interface);
            return true;
        }
    }
    *port = (struct acl_port){.logical = name};
    return policies_visit_port(vswitch->applied.policies, name, 0, RULE_INGRESS, ignore_rule, NULL);
}

void acl_ports_visit(const struct vswitch *vswitch, void (*visit)(void *aux, const struct acl_port *port), void *aux)
{
    struct shash names = SHASH_INITIALIZER(&names);
    const struct interface *interface;
    const struct shash_node **sorted;

    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        shash_add(&names, interface->settings->name, interface);
    }
    sorted = shash_sort(&names);
    for (size_t i = 0; i < shash_count(&names); i++) {
        struct acl_port port = port_of(vswitch, sorted[i]->data);

        if (port.logical != NULL)
            visit(aux, &port);
    }
    free(sorted);
    shash_destroy(&names);
}

/* As conntrack.h says what 0 means. */
struct acl_limits acl_ports_limits(const struct attachment *attachment)
{
    const struct session_limits *limits = &attachment->policy.limits;
    uint32_t share = conntrack_capacity(dataplane_conntrack()) / 8;

    return (struct acl_limits){.max = limits->max != 0 ? limits->max : MAX(share, 1024),
                               .half_open = limits->half_open != 0 ? MIN(limits->half_open, CT_HALF_OPEN_MAX)
                                                                   : CT_HALF_OPEN_DEFAULT};
}
