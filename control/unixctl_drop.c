// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/shash.h>
#include <unixctl.h>

#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/core/port.h"

static void put_port(struct ds *out, const struct interface *interface)
{
    struct port_counters sum;

    port_counters_sum(interface->port, &sum);
    for (int reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++) {
        if (sum.drops[reason] == 0)
            continue;
        ds_put_format(out, "%-16s  %-22s  %12" PRIu64 "  %s\n", interface->settings->name,
                      drop_reason_name((enum drop_reason)reason), sum.drops[reason],
                      drop_reason_help((enum drop_reason)reason));
    }
}

static void drop_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct shash names = SHASH_INITIALIZER(&names);
    const struct shash_node **sorted;
    struct interface *interface;
    struct ds out = DS_EMPTY_INITIALIZER;

    if (argc > 1 && applied_find_interface(&vswitch->applied, argv[1]) == NULL) {
        unixctl_command_reply_error(conn, "no such port");
        return;
    }
    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        if (interface->state == INTERFACE_OPEN && (argc == 1 || strcmp(interface->settings->name, argv[1]) == 0))
            shash_add(&names, interface->settings->name, interface);
    }
    sorted = shash_sort(&names);
    ds_put_format(&out, "%-16s  %-22s  %12s  %s\n", "port", "reason", "packets", "meaning");
    for (size_t i = 0; i < shash_count(&names); i++)
        put_port(&out, sorted[i]->data);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
    free(sorted);
    shash_destroy(&names);
}

const struct unixctl_command unixctl_drop_commands[] = {
    {"drop/show", "[port]", 0, 1, drop_show},
    {NULL, NULL, 0, 0, NULL},
};
