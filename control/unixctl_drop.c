// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/shash.h>
#include <unixctl.h>

#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"

static void put_port(struct ds *out, const struct port *port)
{
    struct port_counters sum;

    port_counters_sum(port, &sum);
    for (int reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++) {
        if (sum.drops[reason] == 0)
            continue;
        ds_put_format(out, "%-16s  %-22s  %12" PRIu64 "  %s\n", port->name, drop_reason_name((enum drop_reason)reason),
                      sum.drops[reason], drop_reason_help((enum drop_reason)reason));
    }
}

/* Every port that packets are counted for, those of Logical_Networks included, or the one called 'name'. */
static void collect_ports(const char *name, struct shash *ports)
{
    const struct snapshot *snapshot = dataplane_current();

    for (unsigned int i = 1; snapshot != NULL && i < PORTS_MAX; i++) {
        struct port *port = snapshot_port(snapshot, (uint16_t)i);

        if (port != NULL && (name == NULL || strcmp(port->name, name) == 0))
            shash_add(ports, port->name, port);
    }
}

static void drop_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    const char *name = argc > 1 ? argv[1] : NULL;
    struct shash ports = SHASH_INITIALIZER(&ports);
    const struct shash_node **sorted;
    struct ds out = DS_EMPTY_INITIALIZER;

    if (vswitch_has_data_plane(vswitch))
        collect_ports(name, &ports);
    if (name != NULL && shash_is_empty(&ports)) {
        unixctl_command_reply_error(conn, "no such port");
        return;
    }
    sorted = shash_sort(&ports);
    ds_put_format(&out, "%-16s  %-22s  %12s  %s\n", "port", "reason", "packets", "meaning");
    for (size_t i = 0; i < shash_count(&ports); i++)
        put_port(&out, sorted[i]->data);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
    free(sorted);
    shash_destroy(&ports);
}

const struct unixctl_command unixctl_drop_commands[] = {
    {"drop/show", "[port]", 0, 1, drop_show},
    {NULL, NULL, 0, 0, NULL},
};
