// SPDX-License-Identifier: Apache-2.0
#include "control/tunnels.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>

#include <openvswitch/dynamic-string.h>
#include <sset.h>
#include <util.h>

#include "control/networks.h"
#include "control/next_hops.h"
#include "control/tunnel_attachments.h"
#include "control/tunnels_private.h"
#include "overlay/underlay.h"

static const char *v4_format(uint32_t addr, char text[INET_ADDRSTRLEN])
{
    struct in_addr v4 = {.s_addr = addr};

    return inet_ntop(AF_INET, &v4, text, INET_ADDRSTRLEN);
}

static const char *state_name(enum next_hop_state state)
{
    switch (state) {
    case NEXT_HOP_READY:
        return "ready";
    case NEXT_HOP_NO_ROUTE:
        return "no route";
    case NEXT_HOP_NO_NEIGHBOUR:
        return "no neighbour";
    }
    return "";
}

static void format_tunnel(struct ds *out, const char *name, const struct tunnel_attachment *attachment)
{
    const struct tunnel_config *config = &attachment->spec.tunnel;
    char local[INET_ADDRSTRLEN];
    char remote[INET_ADDRSTRLEN];

    ds_put_format(out, "%s: %s %s->%s key=%u dst_port=%u attachment=%u (%s)\n", name,
                  config->type == TUNNEL_GENEVE ? "geneve" : "vxlan", v4_format(attachment->hop->hop.local, local),
                  v4_format(config->remote, remote), config->vni, config->dst_port, attachment->spec.id,
                  state_name(attachment->hop->hop.state));
}

static void format_network(void *out, const struct network *network)
{
    for (size_t i = 0; i < network->n_remotes; i++) {
        if (network->remotes[i].attachment != NULL)
            format_tunnel(out, network->name, network->remotes[i].attachment);
    }
}

void tunnels_format_ports(const struct tunnels *tunnels, struct ds *out)
{
    const struct shash_node **nodes = shash_sort(&tunnels->ports);

    for (size_t i = 0; i < shash_count(&tunnels->ports); i++) {
        const struct named_tunnel *port = nodes[i]->data;

        if (port->attachment != NULL)
            format_tunnel(out, port->name, port->attachment);
        else
            ds_put_format(out, "%s: %s flow\n", port->name, port->config.type == TUNNEL_GENEVE ? "geneve" : "vxlan");
    }
    free(nodes);
    networks_for_each(tunnels->networks, format_network, out);
}

static void print_sorted(const struct sset *lines, struct ds *out)
{
    const char **sorted = sset_sort(lines);

    for (size_t i = 0; i < sset_count(lines); i++)
        ds_put_format(out, "%s\n", sorted[i]);
    free(sorted);
}

/* Many hops may lead through one neighbour: equal lines are one. */
static void add_neighbour(void *lines, const struct tunnel_hop *hop)
{
    char addr[INET_ADDRSTRLEN];
    char mac[MAC_TEXT_LEN];
    char iface[IF_NAMESIZE];

    if (hop->ifindex <= 0)
        return;
    if (if_indextoname((unsigned int)hop->ifindex, iface) == NULL)
        ovs_strlcpy(iface, "?", sizeof iface);
    sset_add_and_free(
        lines,
        xasprintf("%-16s %-18s %s", v4_format(hop->neighbour, addr),
                  hop->hop.state == NEXT_HOP_READY ? mac_addr_format(&hop->hop.dst_mac, mac) : "(unknown)", iface));
}

void tunnels_format_neighbours(const struct tunnels *tunnels, struct ds *out)
{
    struct sset lines = SSET_INITIALIZER(&lines);

    ds_put_format(out, "%-16s %-18s %s\n", "IP", "MAC", "Bridge");
    next_hops_for_each(tunnels->hops, add_neighbour, &lines);

    print_sorted(&lines, out);
    sset_destroy(&lines);
}

static void add_route(void *lines, const struct underlay_route *route)
{
    struct ds line = DS_EMPTY_INITIALIZER;
    char text[INET_ADDRSTRLEN];
    char iface[IF_NAMESIZE];

    ds_put_format(&line, "Cached: %s/%u dev %s", v4_format(route->prefix, text), route->len,
                  if_indextoname((unsigned int)route->ifindex, iface) != NULL ? iface : "?");
    if (route->gateway != 0)
        ds_put_format(&line, " GW %s", v4_format(route->gateway, text));
    if (route->source != 0)
        ds_put_format(&line, " SRC %s", v4_format(route->source, text));
    if (route->metric != 0)
        ds_put_format(&line, " metric %u", route->metric);
    sset_add_and_free(lines, ds_steal_cstr(&line));
}

void tunnels_format_routes(const struct tunnels *tunnels, struct ds *out)
{
    struct sset lines = SSET_INITIALIZER(&lines);

    ds_put_cstr(out, "Route Table:\n");
    underlay_for_each_route(tunnels->underlay, add_route, &lines);
    print_sorted(&lines, out);
    sset_destroy(&lines);
}
