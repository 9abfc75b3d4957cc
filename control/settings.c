// SPDX-License-Identifier: Apache-2.0
#include "control/settings.h"

#include <stdlib.h>
#include <string.h>

#include <dirs.h>
#include <openvswitch/vlog.h>
#include <util.h>

#include "dataplane/dataplane.h"

VLOG_DEFINE_THIS_MODULE(settings);

static char *socket_dir;
static bool no_tso;

void port_settings_set_socket_dir(const char *dir)
{
    if (socket_dir != NULL)
        return;
    if (dir != NULL && strstr(dir, "..") != NULL) {
        VLOG_ERR("other_config:vhost-sock-dir %s is invalid: it must stay below %s", dir, ovs_rundir());
        dir = NULL;
    }
    socket_dir = dir != NULL && dir[0] != '\0' ? xasprintf("%s/%s", ovs_rundir(), dir) : xstrdup(ovs_rundir());
}

void port_settings_set_tso(bool enable)
{
    no_tso = !enable;
}

struct port_settings *port_settings_create(const char *name, const char *type, const struct smap *options)
{
    struct port_settings *settings = xzalloc(sizeof *settings);

    settings->name = xstrdup(name);
    settings->type = xstrdup(type);
    if (options != NULL)
        smap_clone(&settings->options, options);
    else
        smap_init(&settings->options);
    return settings;
}

struct port_settings *port_settings_clone(const struct port_settings *settings)
{
    struct port_settings *clone = port_settings_create(settings->name, settings->type, &settings->options);

    clone->mtu = settings->mtu;
    clone->has_mac = settings->has_mac;
    clone->mac = settings->mac;
    return clone;
}

void port_settings_destroy(struct port_settings *settings)
{
    if (settings == NULL)
        return;
    smap_destroy(&settings->options);
    free(settings->type);
    free(settings->name);
    free(settings);
}

bool port_settings_equal(const struct port_settings *a, const struct port_settings *b)
{
    return strcmp(a->type, b->type) == 0 && a->mtu == b->mtu && a->has_mac == b->has_mac &&
           (!a->has_mac || mac_addr_equal(&a->mac, &b->mac)) && smap_equal(&a->options, &b->options);
}

const char *port_settings_device(const struct port_settings *settings)
{
    const char *devargs = smap_get(&settings->options, "dpdk-devargs");

    return devargs != NULL ? devargs : smap_get(&settings->options, "vhost-server-path");
}

void port_config_init(struct port_config *config, const struct port_settings *settings)
{
    struct port_option *options = xcalloc(smap_count(&settings->options) + 1, sizeof *options);
    const struct smap_node *node;
    size_t n = 0;

    SMAP_FOR_EACH (node, &settings->options)
        options[n++] = (struct port_option){node->key, node->value};
    *config = (struct port_config){
        .name = settings->name,
        .type = settings->type,
        .options = options,
        .n_options = n,
        .mtu = settings->mtu,
        .has_mac = settings->has_mac,
        .mac = settings->mac,
        .vhost_socket_dir = socket_dir != NULL ? socket_dir : ovs_rundir(),
        .n_workers = (unsigned int)MAX(dataplane_worker_count(), 1),
        .no_tso = no_tso,
    };
}

void port_config_fini(struct port_config *config)
{
    free((void *)config->options);
    config->options = NULL;
}
