// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/port.h"

/* Kernel taps that the switch makes: a network device of the host whose other end is a port.
 *
 * "internal" makes a tap with the port's name (a persistent one without a user is taken over), which lives as long as
 * the port. "tap" is the same where no device of that name exists, and what "system" is where one does: libvirt makes
 * the tap itself and adds it by name. */
extern const struct port_ops internal_ops;
extern const struct port_ops tap_ops;
