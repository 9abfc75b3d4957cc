// SPDX-License-Identifier: Apache-2.0
#include <openvswitch/dynamic-string.h>
#include <unixctl.h>

#include "control/tunnels.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"

static void show(struct unixctl_conn *conn, const struct vswitch *vswitch,
                 void (*format)(const struct tunnels *tunnels, struct ds *out))
{
    struct ds out = DS_EMPTY_INITIALIZER;

    if (vswitch->applied.tunnels != NULL)
        format(vswitch->applied.tunnels, &out);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void show_ports(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    show(conn, vswitch, tunnels_format_ports);
}

static void show_neighbours(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    show(conn, vswitch, tunnels_format_neighbours);
}

static void show_routes(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    show(conn, vswitch, tunnels_format_routes);
}

const struct unixctl_command unixctl_tunnel_commands[] = {
    {"tnl/ports/show", "[-v]", 0, 1, show_ports},
    {"tnl/neigh/show", "", 0, 0, show_neighbours},
    {"tnl/arp/show", "", 0, 0, show_neighbours},
    {"ovs/route/show", "", 0, 0, show_routes},
    {NULL, NULL, 0, 0, NULL},
};
