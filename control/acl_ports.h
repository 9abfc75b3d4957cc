// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct attachment;
struct interface;
struct vswitch;

/* Ports as the acl/ commands are asked about them, by the name of an interface or of a Logical_Port. Borrows all it points
 * at, until the next turn of the main loop. Control thread. */
struct acl_port {
    const char *logical;                 /* name of its Logical_Port; NULL: no row names it */
    const struct interface *interface;   /* NULL: none is bound to it here */
    const struct attachment *attachment; /* NULL: not in the data plane */
    uint32_t zone;                       /* of its untagged packets, 0: it has none */
};

/* False when nothing here has that name. */
bool acl_ports_find(const struct vswitch *vswitch, const char *name, struct acl_port *port);

/* All interfaces that a Logical_Port names, by name. */
void acl_ports_visit(const struct vswitch *vswitch, void (*visit)(void *aux, const struct acl_port *port), void *aux);

/* True when there is a data plane to ask. */
bool acl_ports_data_plane(const struct vswitch *vswitch);

/* The limits in force for what is charged to a port. */
struct acl_limits {
    uint32_t max;
    uint32_t half_open;
};
struct acl_limits acl_ports_limits(const struct attachment *attachment);
