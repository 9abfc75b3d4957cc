// SPDX-License-Identifier: Apache-2.0
#include "control/tunnels.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/poll-loop.h>
#include <ovsdb-idl.h>
#include <timeval.h>
#include <util.h>

#include "control/netlink.h"
#include "control/network_rows.h"
#include "control/networks.h"
#include "control/next_hops.h"
#include "control/tunnel_attachments.h"
#include "control/tunnels_private.h"
#include "dataplane/core/err.h"
#include "overlay/underlay.h"

struct tunnels *tunnels_create(char **error)
{
    struct tunnels *tunnels = xzalloc(sizeof *tunnels);
    int result = netlink_create(&tunnels->netlink);

    if (result != 0) {
        err_set(error, "cannot follow the kernel's routes and neighbours: %s", ovs_strerror(-result));
        goto no_netlink;
    }
    tunnels->underlay = underlay_create();
    if (tunnels->underlay == NULL) {
        err_set(error, "not enough memory for the underlay's routes");
        goto no_underlay;
    }
    tunnels->hops = next_hops_create();
    tunnels->attachments = tunnel_attachments_create(tunnels->underlay, tunnels->hops);
    tunnels->endpoints = ENDPOINTS_NONE;
    tunnels->networks = networks_create(tunnels->attachments, &tunnels->endpoints);
    shash_init(&tunnels->ports);
    return tunnels;

no_underlay:
    netlink_destroy(tunnels->netlink);
no_netlink:
    free(tunnels);
    return NULL;
}

static void drop_attachment(struct tunnels *tunnels, struct named_tunnel *port)
{
    if (port->attachment == NULL)
        return;
    tunnel_attachments_remove(tunnels->attachments, port->attachment);
    port->attachment = NULL;
    tunnels->networks_stale = true;
}

void tunnels_remove_port(struct tunnels *tunnels, const char *name)
{
    struct named_tunnel *port = shash_find_and_delete(&tunnels->ports, name);

    if (port == NULL)
        return;
    drop_attachment(tunnels, port);
    free(port->name);
    free(port);
}

void tunnels_destroy(struct tunnels *tunnels)
{
    struct shash_node *node;

    if (tunnels == NULL)
        return;
    SHASH_FOR_EACH_SAFE (node, &tunnels->ports) {
        tunnels_remove_port(tunnels, ((struct named_tunnel *)node->data)->name);
    }
    shash_destroy(&tunnels->ports);
    networks_destroy(tunnels->networks);
    tunnel_attachments_destroy(tunnels->attachments);
    next_hops_destroy(tunnels->hops);
    endpoints_clear(&tunnels->endpoints);
    underlay_destroy(tunnels->underlay);
    netlink_destroy(tunnels->netlink);
    free(tunnels);
}

void tunnels_add_internal_port(struct tunnels *tunnels, const char *name, uint16_t bridge, uint16_t vlan)
{
    netlink_watch_link(tunnels->netlink, name, bridge, vlan);
}

void tunnels_remove_internal_port(struct tunnels *tunnels, const char *name)
{
    netlink_unwatch_link(tunnels->netlink, name);
}

static struct named_tunnel *port_of_name(struct tunnels *tunnels, const char *name)
{
    struct named_tunnel *port = shash_find_data(&tunnels->ports, name);

    if (port == NULL) {
        port = xzalloc(sizeof *port);
        port->name = xstrdup(name);
        shash_add(&tunnels->ports, name, port);
    }
    return port;
}

static struct attachment spec_of_port(const struct tunnel_port *port)
{
    return (struct attachment){
        .kind = ATTACHMENT_TUNNEL,
        .port = port->port,
        .bridge = port->bridge,
        .ofport = port->ofport,
        .vlan = port->vlan,
        .has_policy = port->has_policy,
        .policy = port->policy,
        .account = port->account,
        .tunnel = port->config,
    };
}

static void set_refusal(char **error, const char *name, int result, const char *why)
{
    if (result == -EEXIST)
        err_set(error, "could not add network device %s to ofproto (File exists)", name);
    else
        err_set(error, "%s: %s", name, why != NULL ? why : ovs_strerror(-result));
}

int tunnels_admit_port(const struct tunnels *tunnels, const char *name, const struct tunnel_config *config,
                       char **error)
{
    char *why = NULL;
    int result = tunnel_attachments_admit(tunnels->attachments, config, &why);

    if (result != 0)
        set_refusal(error, name, result, why);
    free(why);
    return result;
}

void tunnels_change_port(struct tunnels *tunnels, const char *name, const struct tunnel_config *config, bool carries)
{
    struct named_tunnel *port = shash_find_data(&tunnels->ports, name);

    if (port != NULL && port->attachment != NULL && !(carries && tunnel_attachment_is(port->attachment, config)))
        drop_attachment(tunnels, port);
}

int tunnels_set_port(struct tunnels *tunnels, const struct tunnel_port *wanted, char **error)
{
    struct named_tunnel *port = port_of_name(tunnels, wanted->name);
    struct attachment spec = spec_of_port(wanted);
    char *why = NULL;

    port->config = wanted->config;
    if (!wanted->carries) {
        drop_attachment(tunnels, port);
        port_policy_unref(&wanted->policy);
        return 0;
    }
    if (port->attachment != NULL && tunnel_attachment_may_become(port->attachment, &spec)) {
        tunnel_attachments_change(tunnels->attachments, port->attachment, &spec);
        return 0;
    }
    drop_attachment(tunnels, port);

    int result = tunnel_attachments_add(tunnels->attachments, &spec, &port->attachment, &why);

    if (result != 0) {
        set_refusal(error, wanted->name, result, why);
        tunnels_remove_port(tunnels, wanted->name);
    }
    free(why);
    tunnels->ask_at = 0;
    return result;
}

const char *tunnels_egress_iface(const struct tunnels *tunnels, const char *name, bool *carrier)
{
    static char iface[IF_NAMESIZE];
    const struct named_tunnel *port = shash_find_data(&tunnels->ports, name);
    const struct tunnel_hop *hop = port != NULL && port->attachment != NULL ? port->attachment->hop : NULL;

    /* The underlay knows routes over links with carrier only. */
    *carrier = hop != NULL && hop->hop.state != NEXT_HOP_NO_ROUTE;
    return *carrier && hop->ifindex > 0 ? if_indextoname((unsigned int)hop->ifindex, iface) : NULL;
}

static bool is_dirty(const struct tunnels *tunnels)
{
    return tunnels->endpoints_changed || tunnels->networks_stale || next_hops_is_dirty(tunnels->hops) ||
           tunnel_attachments_is_dirty(tunnels->attachments) || networks_is_dirty(tunnels->networks);
}

bool tunnels_update_networks(struct tunnels *tunnels, struct ovsdb_idl *sluice_idl,
                             uint16_t (*bridge_index)(void *aux, const char *name), void *aux)
{
    unsigned int seqno = ovsdb_idl_get_seqno(sluice_idl);

    if (tunnels->idl == sluice_idl && tunnels->idl_seqno == seqno) {
        networks_update_bridges(tunnels->networks, bridge_index, aux);
    } else {
        size_t n;
        struct network_row *rows = network_rows_read(sluice_idl, &n);

        networks_apply(tunnels->networks, rows, n, bridge_index, aux);
        free(rows);
        tunnels->idl = sluice_idl;
        tunnels->idl_seqno = seqno;
    }
    tunnels->ask_at = 0;
    return is_dirty(tunnels);
}

void tunnels_write_status(struct tunnels *tunnels, const struct policies *policies, struct ovsdb_idl *sluice_idl)
{
    network_rows_write_status(tunnels->networks, policies, sluice_idl);
}

bool tunnels_run(struct tunnels *tunnels)
{
    long long now = time_msec();

    if (netlink_run(tunnels->netlink, tunnels->underlay)) {
        if (next_hops_resolve(tunnels->hops, tunnels->underlay))
            tunnels->ask_at = 0;
        if (endpoints_update(&tunnels->endpoints, tunnels->underlay)) {
            tunnels->endpoints_changed = true;
            tunnels->networks_stale = true;
        }
    }
    if (now >= tunnels->ask_at)
        tunnels->ask_at = next_hops_ask(tunnels->hops, tunnels->netlink, now);
    return is_dirty(tunnels);
}

void tunnels_wait(struct tunnels *tunnels)
{
    poll_fd_wait(netlink_fd(tunnels->netlink), POLLIN);
    if (tunnels->ask_at != LLONG_MAX)
        poll_timer_wait_until(tunnels->ask_at);
}

static int publish_decap_table(struct tunnels *tunnels, struct snapshot *snapshot)
{
    size_t n;
    struct decap_entry *entries = tunnel_attachments_decap_entries(tunnels->attachments, &n);
    struct decap_table *table = decap_table_create(tunnels->endpoints.list, tunnels->endpoints.n, entries, n);

    free(entries);
    if (table == NULL)
        return -ENOMEM;
    return snapshot_set_decap_table(snapshot, table);
}

int tunnels_publish(struct tunnels *tunnels, struct snapshot *snapshot)
{
    bool decap_changed;
    int error;

    if (tunnels->networks_stale) {
        tunnels->networks_stale = false;
        networks_decide(tunnels->networks);
        tunnels->ask_at = 0;
    }

    /* What others name comes before them, and goes after them. The decap table comes first of all, because only here
     * it is known that one is wanted. */
    decap_changed = tunnels->endpoints_changed || tunnel_attachments_is_dirty(tunnels->attachments);
    error = decap_changed ? publish_decap_table(tunnels, snapshot) : 0;
    if (error == 0) {
        tunnels->endpoints_changed = false;
        error = next_hops_publish(tunnels->hops, snapshot);
    }
    if (error == 0)
        error = networks_publish(tunnels->networks, snapshot);
    if (error == 0)
        error = tunnel_attachments_publish(tunnels->attachments, snapshot);
    if (error == 0)
        error = next_hops_publish_removed(tunnels->hops, snapshot);
    if (error == 0)
        error = networks_publish_removed(tunnels->networks, snapshot);
    return error;
}
