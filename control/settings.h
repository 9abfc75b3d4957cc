// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <smap.h>

#include "dataplane/core/port.h"

/* What an Interface row asks of its port: a copy that outlives the row. */
struct port_settings {
    char *name;
    char *type;
    struct smap options;
    uint16_t mtu; /* 0: the device's own */
    bool has_mac;
    struct mac_addr mac;
};

struct port_settings *port_settings_create(const char *name, const char *type, const struct smap *options);
struct port_settings *port_settings_clone(const struct port_settings *settings);
void port_settings_destroy(struct port_settings *settings); /* NULL allowed */
bool port_settings_equal(const struct port_settings *a, const struct port_settings *b);
/* What the port opens that no second port may: the PCI address or device arguments, or the socket path. NULL: nothing
 * but its name. */
const char *port_settings_device(const struct port_settings *settings);

/* The settings in the form port_ops take. Borrows from 'settings'; port_config_fini() frees the array of options. */
void port_config_init(struct port_config *config, const struct port_settings *settings);
void port_config_fini(struct port_config *config);

/* other_config:vhost-sock-dir, below the run directory: where dpdkvhostuser sockets are made. The first call counts. */
void port_settings_set_socket_dir(const char *dir);

/* other_config:userspace-tso-enable: whether ports offer TCP segmentation to their far side. Before any port is opened. */
void port_settings_set_tso(bool enable);
