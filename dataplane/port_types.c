// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port_types.h"

#include <string.h>

#include "dataplane/ethdev_port.h"
#include "dataplane/netdev_port.h"
#include "dataplane/tap_port.h"
#include "vhost/vhost_port.h"

static const struct port_ops *const types[] = {
    &ethdev_ops, &vhost_server_ops, &vhost_client_ops, &internal_ops, &system_ops, &tap_ops,
};
#define N_TYPES (sizeof types / sizeof types[0])

const struct port_ops *port_ops_find(const char *type)
{
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strcmp(types[i]->type, type) == 0)
            return types[i];
    }
    return NULL;
}

const struct port_ops *port_ops_at(size_t i)
{
    return i < N_TYPES ? types[i] : NULL;
}
