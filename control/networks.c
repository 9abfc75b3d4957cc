// SPDX-License-Identifier: Apache-2.0
#include "control/networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/shash.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "control/endpoints.h"
#include "control/ids.h"
#include "control/network_places.h"
#include "control/tunnel_attachments.h"
#include "dataplane/snapshot.h"

VLOG_DEFINE_THIS_MODULE(networks);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

struct networks {
    struct hmap by_row;
    struct tunnel_attachments *attachments;
    const struct endpoints *endpoints;
    bool ports_dirty;        /* a port is not in a snapshot yet */
    uint16_t *removed_ports; /* to take out of snapshots and to give back */
    size_t n_removed_ports;
    size_t allocated_removed_ports;
};

struct networks *networks_create(struct tunnel_attachments *attachments, const struct endpoints *endpoints)
{
    struct networks *networks = xzalloc(sizeof *networks);

    hmap_init(&networks->by_row);
    networks->attachments = attachments;
    networks->endpoints = endpoints;
    return networks;
}

struct network *networks_find(const struct networks *networks, const struct uuid *row)
{
    struct network *network;

    HMAP_FOR_EACH_WITH_HASH (network, node, uuid_hash(row), &networks->by_row) {
        if (uuid_equals(&network->row, row))
            return network;
    }
    return NULL;
}

static void drop_remotes(struct networks *networks, struct network *network)
{
    for (size_t i = 0; i < network->n_remotes; i++) {
        if (network->remotes[i].attachment != NULL)
            tunnel_attachments_remove(networks->attachments, network->remotes[i].attachment);
    }
    free(network->remotes);
    network->remotes = NULL;
    network->n_remotes = 0;
}

static void drop_port(struct networks *networks, struct network *network)
{
    if (network->port == 0)
        return;
    if (!network->port_published) {
        ids_give(port_ids(), network->port);
    } else {
        if (networks->n_removed_ports == networks->allocated_removed_ports)
            networks->removed_ports = x2nrealloc(networks->removed_ports, &networks->allocated_removed_ports,
                                                 sizeof *networks->removed_ports);
        networks->removed_ports[networks->n_removed_ports++] = network->port;
    }
    network->port = 0;
    network->port_published = false;
}

static void network_free(struct networks *networks, struct network *network)
{
    drop_remotes(networks, network);
    drop_port(networks, network);
    hmap_remove(&networks->by_row, &network->node);
    text_list_clear(&network->vteps);
    free(network->name);
    free(network->encap);
    free(network->bridge);
    free(network->error);
    free(network->error_written);
    free(network);
}

void networks_destroy(struct networks *networks)
{
    struct network *network;

    if (networks == NULL)
        return;
    HMAP_FOR_EACH_SAFE (network, node, &networks->by_row) {
        network_free(networks, network);
    }
    for (size_t i = 0; i < networks->n_removed_ports; i++)
        ids_give(port_ids(), networks->removed_ports[i]);
    hmap_destroy(&networks->by_row);
    free(networks->removed_ports);
    free(networks);
}

/* What every attachment of the network has in common. */
static struct attachment common_spec(const struct network *network)
{
    enum tunnel_type type = network_tunnel_type(network);

    return (struct attachment){
        .kind = ATTACHMENT_TUNNEL,
        .port = network->port,
        .bridge = network->bridge_index,
        .mtu = (uint16_t)network->mtu,
        .network_bound = true,
        .no_learning = !network->learning,
        .vlan = {.mode = VLAN_ACCESS, .tag = (uint16_t)network->tag},
        .tunnel =
            {
                .type = type,
                .vni = (uint32_t)network->vni,
                .dst_port = type == TUNNEL_GENEVE ? TUNNEL_PORT_GENEVE : TUNNEL_PORT_VXLAN,
                .ttl = TUNNEL_TTL_DEFAULT,
                .df = true,
            },
    };
}

/* Those in force first, so that a new row never takes the place of one that works; then by name. */
static int network_order(const void *a_, const void *b_)
{
    const struct network *a = *(const struct network *const *)a_;
    const struct network *b = *(const struct network *const *)b_;

    if (a->in_force != b->in_force)
        return a->in_force ? -1 : 1;
    return strcmp(a->name, b->name);
}

static struct network **sorted(const struct networks *networks)
{
    struct network **list = xmalloc((hmap_count(&networks->by_row) + 1) * sizeof(struct network *));
    struct network *network;
    size_t n = 0;

    HMAP_FOR_EACH (network, node, &networks->by_row) {
        list[n++] = network;
    }
    qsort(list, n, sizeof(struct network *), network_order);
    return list;
}

static void note_error(struct network *network, char *error)
{
    if (network->error == NULL)
        network->error = error;
    else
        free(error);
}

static bool parse_vtep(const char *text, uint32_t *addr)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) != 1 || v4.s_addr == 0 || ntohl(v4.s_addr) >= 0xe0000000)
        return false;
    *addr = v4.s_addr;
    return true;
}

static int vtep_order(const void *a_, const void *b_)
{
    const struct vtep *a = a_;
    const struct vtep *b = b_;

    return a->remote < b->remote ? -1 : a->remote > b->remote;
}

/* The remote endpoints that the row names, sorted, each once, without our own: controllers give every host the same
 * list. */
static struct vtep *wanted_remotes(const struct networks *networks, struct network *network, size_t *n_wanted)
{
    struct vtep *wanted = xmalloc((network->vteps.n + 1) * sizeof *wanted);
    size_t n = 0;

    for (size_t i = 0; i < network->vteps.n; i++) {
        uint32_t addr;

        if (!parse_vtep(network->vteps.texts[i], &addr))
            note_error(network, xasprintf("VTEP '%s' is not the IPv4 address of a host", network->vteps.texts[i]));
        else if (!endpoints_contain(networks->endpoints, addr))
            wanted[n++] = (struct vtep){.remote = addr, .attachment = NULL};
    }
    qsort(wanted, n, sizeof *wanted, vtep_order);
    *n_wanted = 0;
    for (size_t i = 0; i < n; i++) {
        if (*n_wanted == 0 || wanted[*n_wanted - 1].remote != wanted[i].remote)
            wanted[(*n_wanted)++] = wanted[i];
    }
    return wanted;
}

/* Replaces the list of remotes: attachments that may stay are carried over, the others removed. New ones are added when
 * every network has removed its own, so that networks may swap VNIs. */
static void keep_remotes(struct networks *networks, struct network *network)
{
    struct attachment spec = common_spec(network);
    struct vtep *old = network->remotes;
    size_t n_old = network->n_remotes;
    size_t j = 0;

    network->remotes = wanted_remotes(networks, network, &network->n_remotes);
    for (size_t i = 0; i < n_old; i++) {
        while (j < network->n_remotes && network->remotes[j].remote < old[i].remote)
            j++;
        if (old[i].attachment == NULL)
            continue;
        spec.tunnel.remote = old[i].remote;
        if (j < network->n_remotes && network->remotes[j].remote == old[i].remote &&
            tunnel_attachment_may_become(old[i].attachment, &spec)) {
            network->remotes[j].attachment = old[i].attachment;
            tunnel_attachments_change(networks->attachments, old[i].attachment, &spec);
        } else {
            tunnel_attachments_remove(networks->attachments, old[i].attachment);
        }
    }
    free(old);
}

static void add_remotes(struct networks *networks, struct network *network)
{
    struct attachment spec = common_spec(network);

    for (size_t i = 0; i < network->n_remotes; i++) {
        struct vtep *vtep = &network->remotes[i];
        char *error = NULL;

        if (vtep->attachment != NULL)
            continue;
        spec.tunnel.remote = vtep->remote;
        if (tunnel_attachments_add(networks->attachments, &spec, &vtep->attachment, &error) != 0) {
            struct in_addr addr = {.s_addr = vtep->remote};
            char text[INET_ADDRSTRLEN];

            inet_ntop(AF_INET, &addr, text, sizeof text);
            note_error(network, xasprintf("VTEP %s: %s", text, error != NULL ? error : "not enough memory"));
        }
        free(error);
    }
}

/* A place on this host: everything but the attachments. */
static bool admit(struct networks *networks, struct network *network, struct shash *claims)
{
    note_error(network, network_find_fault(network));
    if (network->error != NULL || network->bridge == NULL)
        return false;
    note_error(network, network_claim_places(claims, network));
    if (network->error != NULL || network->bridge_index == 0 || !network->has_vni)
        return false;
    if (network->port == 0) {
        network->port = (uint16_t)ids_take(port_ids());
        networks->ports_dirty = true;
    }
    if (network->port == 0)
        note_error(network, xstrdup("too many ports"));
    return network->port != 0;
}

void networks_decide(struct networks *networks)
{
    size_t n = hmap_count(&networks->by_row);
    struct network **list = sorted(networks);
    struct shash claims = SHASH_INITIALIZER(&claims);

    for (size_t i = 0; i < n; i++) {
        struct network *network = list[i];
        char *before = network->error;

        network->error = NULL;
        network->in_force = admit(networks, network, &claims);
        if (network->in_force) {
            keep_remotes(networks, network);
        } else {
            drop_remotes(networks, network);
            drop_port(networks, network);
        }
        if (network->error != NULL && (before == NULL || strcmp(before, network->error) != 0))
            VLOG_WARN_RL(&bad_rows, "network %s: %s", network->name, network->error);
        free(before);
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i]->in_force)
            add_remotes(networks, list[i]);
    }
    shash_destroy(&claims);
    free(list);
}

static void take_over(struct networks *networks, const struct network_row *row, uint16_t bridge_index)
{
    struct network *network = networks_find(networks, &row->id);

    if (network == NULL) {
        network = xzalloc(sizeof *network);
        network->row = row->id;
        hmap_insert(&networks->by_row, &network->node, uuid_hash(&row->id));
    }
    network->seen = true;
    text_assign(&network->name, row->name);
    text_assign(&network->encap, row->encap);
    text_assign(&network->bridge, row->bridge);
    network->has_vni = row->has_vni;
    network->vni = row->vni;
    network->tag = row->tag;
    network->mtu = row->mtu;
    network->learning = row->learning;
    network->bridge_index = bridge_index;
    text_list_assign(&network->vteps, row->vteps, row->n_vteps);
}

void networks_apply(struct networks *networks, const struct network_row *rows, size_t n,
                    networks_bridge_index *bridge_index, void *aux)
{
    struct network *network;

    HMAP_FOR_EACH (network, node, &networks->by_row) {
        network->seen = false;
    }
    for (size_t i = 0; i < n; i++)
        take_over(networks, &rows[i], rows[i].bridge != NULL ? bridge_index(aux, rows[i].bridge) : 0);
    HMAP_FOR_EACH_SAFE (network, node, &networks->by_row) {
        if (!network->seen)
            network_free(networks, network);
    }
    networks_decide(networks);
}

bool networks_update_bridges(struct networks *networks, networks_bridge_index *bridge_index, void *aux)
{
    struct network *network;
    bool changed = false;

    HMAP_FOR_EACH (network, node, &networks->by_row) {
        uint16_t now = network->bridge != NULL ? bridge_index(aux, network->bridge) : 0;

        changed = changed || now != network->bridge_index;
        network->bridge_index = now;
    }
    if (changed)
        networks_decide(networks);
    return changed;
}

void networks_for_each(const struct networks *networks, void (*visit)(void *aux, const struct network *network),
                       void *aux)
{
    const struct network *network;

    HMAP_FOR_EACH (network, node, &networks->by_row) {
        visit(aux, network);
    }
}

bool networks_is_dirty(const struct networks *networks)
{
    return networks->ports_dirty || networks->n_removed_ports > 0;
}

int networks_publish(struct networks *networks, struct snapshot *snapshot)
{
    struct network *network;

    if (!networks->ports_dirty)
        return 0;
    HMAP_FOR_EACH (network, node, &networks->by_row) {
        if (network->port == 0 || network->port_published)
            continue;
        struct port *port = port_create(network->name, network->port, NULL);
        int error = port != NULL ? snapshot_set_port(snapshot, network->port, port) : -ENOMEM;

        if (error != 0)
            return error;
        network->port_published = true;
    }
    networks->ports_dirty = false;
    return 0;
}

int networks_publish_removed(struct networks *networks, struct snapshot *snapshot)
{
    while (networks->n_removed_ports > 0) {
        uint16_t port = networks->removed_ports[networks->n_removed_ports - 1];
        int error = snapshot_set_port(snapshot, port, NULL);

        if (error != 0)
            return error;
        ids_give(port_ids(), port);
        networks->n_removed_ports--;
    }
    return 0;
}
