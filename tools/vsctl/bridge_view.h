// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct ctl_context;
struct ovsrec_bridge;
struct ovsrec_interface;
struct ovsrec_port;

// How ovs-vsctl shows the database: a port with fake_bridge=true is a bridge of its own on one VLAN of its parent, and ports
// of the parent with that VLAN as tag belong to it. The views point into rows and are valid until the transaction changes
// them. Every search makes the transaction depend on what it has read, so that a concurrent change makes it run again.

struct bridge_view {
    const char *name;
    const struct ovsrec_bridge *row; // of a fake bridge: its parent
    const struct ovsrec_port *fake;  // the port that a fake bridge is, else NULL
    int vlan;                        // of a fake bridge, else 0
};

struct port_view {
    const struct ovsrec_port *row;
    struct bridge_view bridge;
};

struct interface_view {
    const struct ovsrec_interface *row;
    struct port_view port;
};

// For the prerequisites of a command that uses any of this.
void bridge_view_prerequisites(struct ctl_context *);

// Look up by name. Local ports and interfaces, those with the name of their bridge, are not found.
bool bridge_view_find(struct ctl_context *, const char *name, struct bridge_view *);
bool bridge_view_find_port(struct ctl_context *, const char *name, struct port_view *);
bool bridge_view_find_interface(struct ctl_context *, const char *name, struct interface_view *);

// Look up by name; a fatal error if there is none.
void bridge_view_get(struct ctl_context *, const char *name, struct bridge_view *);
void bridge_view_get_port(struct ctl_context *, const char *name, struct port_view *);
void bridge_view_get_interface(struct ctl_context *, const char *name, struct interface_view *);

// The fake bridge of this VLAN on a real bridge.
bool bridge_view_find_vlan(struct ctl_context *, const struct ovsrec_bridge *, int vlan, struct bridge_view *);

// The view of the bridge, real or fake, that a port of row belongs to.
void bridge_view_of_port(struct ctl_context *, const struct ovsrec_bridge *row, const struct ovsrec_port *,
                         struct bridge_view *);

bool bridge_view_equals(const struct bridge_view *, const struct bridge_view *);

// A fatal error, starting with "cannot create WHAT named NAME", if a bridge, port or interface has this name.
void bridge_view_check_conflicts(struct ctl_context *, const char *name, const char *what);

// Add a port to a bridge, and delete a port with its interfaces.
void bridge_view_insert_port(const struct ovsrec_bridge *, struct ovsrec_port *);
void bridge_view_delete_port(const struct port_view *);

// Delete a bridge with its ports; of a real one, its fake bridges as well.
void bridge_view_delete(struct ctl_context *, const struct bridge_view *);
