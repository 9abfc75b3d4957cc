// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctl_context;

// A port to be added: "add-port" adds one with one interface, "add-bond" one with several.
struct port_request {
    const char *bridge;
    const char *name;
    char **interfaces; // names
    size_t n_interfaces;
    char **settings; // COLUMN[:KEY]=VALUE each
    size_t n_settings;
    bool may_exist; // fine if it is there already, with these interfaces
    bool fake_interface;
};

// Add the port. A fatal error if a name is taken or a setting cannot be applied.
void port_add(struct ctl_context *, const struct port_request *);

// The command being run as a user would type it, for messages. To be freed by the caller.
char *port_command_string(const struct ctl_context *);
