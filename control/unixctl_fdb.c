// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <openvswitch/dynamic-string.h>
#include <unixctl.h>

#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/fdb.h"

/* The bridge of that name; NULL after the connection was answered that there is none. */
static const struct applied_bridge *find_bridge(struct unixctl_conn *conn, const struct vswitch *vswitch,
                                                const char *name)
{
    const struct applied_bridge *bridge = applied_find_bridge(&vswitch->applied, name);

    if (bridge == NULL)
        unixctl_command_reply_error(conn, "no such bridge");
    return bridge;
}

/* How dumps name an attachment: by its ofport, LOCAL, or the endpoint behind a Logical_Network. */
static const char *format_port(uint32_t id, char buf[INET_TEXT_LEN])
{
    const struct attachment *attachment = snapshot_attachment(dataplane_current(), id);
    struct inet_addr remote;

    if (attachment == NULL)
        return "?";
    if (attachment->ofport == OFPORT_LOCAL)
        return "LOCAL";
    if (attachment->ofport == 0 && attachment->kind == ATTACHMENT_TUNNEL) {
        remote = inet_addr_from_v4(attachment->tunnel.remote);
        return inet_addr_format(&remote, buf);
    }
    snprintf(buf, INET_TEXT_LEN, "%" PRIu32, attachment->ofport);
    return buf;
}

static void fdb_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    const struct applied_bridge *bridge = find_bridge(conn, vswitch, argv[1]);
    struct ds out = DS_EMPTY_INITIALIZER;
    struct fdb_copy *entries = NULL;
    size_t n;

    if (bridge == NULL)
        return;
    n = fdb_dump(bridge->fdb, dataplane_now(), &entries);
    ds_put_cstr(&out, " port  VLAN  MAC                Age\n");
    for (size_t i = 0; i < n; i++) {
        char port[INET_TEXT_LEN], mac[MAC_TEXT_LEN];

        ds_put_format(&out, "%5s  %4u  %s  %3" PRIu32 "\n", format_port(entries[i].attachment, port), entries[i].vlan,
                      mac_addr_format(&entries[i].mac, mac), entries[i].age);
    }
    free(entries);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void fdb_flush_command(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    struct vswitch *vswitch = vswitch_;
    const struct applied_bridge *bridge;

    if (argc > 1) {
        bridge = find_bridge(conn, vswitch, argv[1]);
        if (bridge == NULL)
            return;
        fdb_flush(bridge->fdb, 0);
    } else {
        HMAP_FOR_EACH (bridge, node, &vswitch->applied.bridges)
            fdb_flush(bridge->fdb, 0);
    }
    if (!hmap_is_empty(&vswitch->applied.bridges))
        dataplane_revalidate();
    unixctl_command_reply(conn, "table successfully flushed");
}

static void fdb_stats_show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    const struct applied_bridge *bridge = find_bridge(conn, vswitch, argv[1]);
    struct ds out = DS_EMPTY_INITIALIZER;
    struct fdb_copy *entries = NULL;
    size_t n;

    if (bridge == NULL)
        return;
    n = fdb_dump(bridge->fdb, dataplane_now(), &entries);
    free(entries);
    ds_put_format(&out, "Statistics for bridge \"%s\":\n", bridge->name);
    ds_put_format(&out, "  Current/maximum MAC entries in the table: %zu/%" PRIu32 "\n", n, bridge->table_size);
    ds_put_format(&out, "  Total number of learned MAC entries     : %" PRIu32 "\n", fdb_additions(bridge->fdb));
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

const struct unixctl_command unixctl_fdb_commands[] = {
    {"fdb/show", "bridge", 1, 1, fdb_show},
    {"fdb/flush", "[bridge]", 0, 1, fdb_flush_command},
    {"fdb/stats-show", "bridge", 1, 1, fdb_stats_show},
    {NULL, NULL, 0, 0, NULL},
};
