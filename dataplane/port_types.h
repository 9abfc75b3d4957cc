// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

#include "dataplane/core/port.h"

/* The port types there are, by Interface.type. Any thread. */

/* The implementation of a type, or NULL when there is none. */
const struct port_ops *port_ops_find(const char *type);

/* The i-th type in alphabetical order, or NULL beyond the last. */
const struct port_ops *port_ops_at(size_t i);
