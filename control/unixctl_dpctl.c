// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/shash.h>
#include <smap.h>
#include <unixctl.h>

#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"

/* " (type: key=value, ...)" as ovs-vswitchd puts it after a port's name. */
static void put_type(struct ds *out, const struct interface *interface)
{
    const struct smap_node **nodes = smap_sort(&interface->settings->options);
    size_t n = smap_count(&interface->settings->options);

    ds_put_format(out, "(%s", interface->settings->type);
    for (size_t i = 0; i < n; i++)
        ds_put_format(out, "%s%s=%s", i == 0 ? ": " : ", ", nodes[i]->key, nodes[i]->value);
    ds_put_char(out, ')');
    free(nodes);
}

static void put_totals(struct ds *out)
{
    struct dataplane_totals totals;

    dataplane_totals(&totals);
    ds_put_format(out, "  lookups: hit:%" PRIu64 " missed:%" PRIu64 " lost:%" PRIu64 "\n", totals.hits, totals.misses,
                  totals.lost);
    ds_put_format(out, "  flows: %" PRIu64 "\n", totals.flows);
}

/* Interfaces that have a port, in the order of their names. */
static const struct shash_node **sort_interfaces(const struct vswitch *vswitch, struct shash *names)
{
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        if (interface->state == INTERFACE_OPEN)
            shash_add(names, interface->settings->name, interface);
    }
    return shash_sort(names);
}

static void dpctl_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct shash names = SHASH_INITIALIZER(&names);
    const struct shash_node **sorted = sort_interfaces(vswitch, &names);
    struct ds out = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&out, "netdev@ovs-netdev:\n");
    put_totals(&out);
    for (size_t i = 0; i < shash_count(&names); i++) {
        const struct interface *interface = sorted[i]->data;

        ds_put_format(&out, "  port %u: %s ", interface->port->index, interface->settings->name);
        put_type(&out, interface);
        ds_put_char(&out, '\n');
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
    free(sorted);
    shash_destroy(&names);
}

static void dpif_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    struct vswitch *vswitch = vswitch_;
    struct shash names = SHASH_INITIALIZER(&names);
    const struct shash_node **sorted = sort_interfaces(vswitch, &names);
    const struct applied_bridge *bridge;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct dataplane_totals totals;

    dataplane_totals(&totals);
    ds_put_format(&out, "netdev@ovs-netdev: hit:%" PRIu64 " missed:%" PRIu64 "\n", totals.hits, totals.misses);
    HMAP_FOR_EACH (bridge, node, &vswitch->applied.bridges) {
        ds_put_format(&out, "  %s:\n", bridge->name);
        for (size_t i = 0; i < shash_count(&names); i++) {
            const struct interface *interface = sorted[i]->data;

            if (interface->bridge != bridge)
                continue;
            ds_put_format(&out, "    %s %" PRId64 "/%u: ", interface->settings->name, interface->ofport,
                          interface->port->index);
            put_type(&out, interface);
            ds_put_char(&out, '\n');
        }
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
    free(sorted);
    shash_destroy(&names);
}

struct flow_dump {
    struct ds out;
    unsigned int worker; /* of the last heading; UINT_MAX: none yet */
};

static void put_flow(void *dump_, const struct flow_copy *flow)
{
    struct flow_dump *dump = dump_;
    const struct attachment *source = snapshot_attachment(dataplane_current(), flow->key.attachment);
    const struct port *port = source != NULL ? snapshot_port(dataplane_current(), source->port) : NULL;
    char key[FLOW_KEY_TEXT_LEN];

    if (flow->worker != dump->worker)
        ds_put_format(&dump->out, "flow-dump from worker %u:\n", flow->worker);
    dump->worker = flow->worker;
    ds_put_format(&dump->out, "%s, packets:%" PRIu64 ", bytes:%" PRIu64,
                  flow_key_format(&flow->key, port != NULL ? port->name : "?", key), flow->packets, flow->bytes);
    if (flow->packets > 0)
        ds_put_format(&dump->out, ", used:%" PRIu32 ".000s", flow->idle);
    else
        ds_put_cstr(&dump->out, ", used:never");
    ds_put_format(&dump->out, ", actions:%s\n", flow->action);
}

static void dump_flows(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct flow_dump dump = {DS_EMPTY_INITIALIZER, UINT32_MAX};

    if (vswitch_has_data_plane(vswitch))
        dataplane_dump_flows(put_flow, &dump);
    unixctl_command_reply(conn, ds_cstr(&dump.out));
    ds_destroy(&dump.out);
}

const struct unixctl_command unixctl_dpctl_commands[] = {
    {"dpctl/show", "[-s] [dp...]", 0, 16, dpctl_show},
    {"dpif/show", "", 0, 0, dpif_show},
    {"dpctl/dump-flows", "[-m] [dp]", 0, 16, dump_flows},
    {NULL, NULL, 0, 0, NULL},
};
