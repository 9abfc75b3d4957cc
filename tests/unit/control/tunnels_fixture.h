// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openvswitch/vlog.h>

#include "control/endpoints.h"
#include "control/netlink.h"
#include "control/networks.h"
#include "control/next_hops.h"
#include "control/tunnel_attachments.h"
#include "dataplane/snapshot.h"
#include "overlay/underlay.h"

/* A host with one underlay device (ifindex 7, 10.0.0.1/24 on bridge 9) and what a snapshot would have of its tunnels. */

#define SEEN_MAX 256

static struct host {
    struct underlay *underlay;
    struct next_hops *hops;
    struct tunnel_attachments *attachments;
    struct endpoints endpoints;
    struct attachment *attached[SEEN_MAX]; /* by id */
    struct port *ports[SEEN_MAX];          /* by index */
    struct next_hop next_hops[SEEN_MAX];
    bool has_next_hop[SEEN_MAX];
    unsigned int n_hops_set;
    unsigned int n_asked; /* calls of netlink_resolve_neighbour() */
    uint32_t asked_last;
} host;

/* Stand for the data plane's and for the kernel. */
int snapshot_set_attachment(struct snapshot *snapshot, uint32_t id, struct attachment *attachment)
{
    assert_in_range(id, 1, SEEN_MAX - 1);
    free(host.attached[id]);
    host.attached[id] = attachment;
    return 0;
}

int snapshot_set_port(struct snapshot *snapshot, uint16_t index, struct port *port)
{
    assert_in_range(index, 1, SEEN_MAX - 1);
    port_destroy(host.ports[index]);
    host.ports[index] = port;
    return 0;
}

int snapshot_set_next_hop(struct snapshot *snapshot, uint32_t index, const struct next_hop *hop)
{
    assert_in_range(index, 1, SEEN_MAX - 1);
    host.has_next_hop[index] = hop != NULL;
    if (hop != NULL)
        host.next_hops[index] = *hop;
    host.n_hops_set++;
    return 0;
}

int netlink_resolve_neighbour(struct netlink *netlink, int ifindex, uint32_t addr)
{
    assert_int_equal(ifindex, 7);
    host.n_asked++;
    host.asked_last = addr;
    return 0;
}

static const struct mac_addr own_mac = {{2, 0, 0, 0, 0, 9}};
static const struct mac_addr far_mac = {{2, 0, 0, 0, 0, 2}};

static int host_create(void **state)
{
    struct underlay_link link = {.ifindex = 7, .bridge = 9, .vlan = 0, .mac = own_mac, .up = true};
    struct underlay_route route = {.prefix = inet_addr("10.0.0.0"), .len = 24, .ifindex = 7};

    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    memset(&host, 0, sizeof host);
    host.underlay = underlay_create();
    underlay_set_link(host.underlay, &link);
    underlay_add_address(host.underlay, 7, inet_addr("10.0.0.1"), 24);
    underlay_add_route(host.underlay, &route);
    host.hops = next_hops_create();
    host.attachments = tunnel_attachments_create(host.underlay, host.hops);
    endpoints_update(&host.endpoints, host.underlay);
    return 0;
}

static int host_destroy(void **state)
{
    tunnel_attachments_destroy(host.attachments);
    next_hops_destroy(host.hops);
    endpoints_clear(&host.endpoints);
    underlay_destroy(host.underlay);
    for (size_t i = 0; i < SEEN_MAX; i++) {
        free(host.attached[i]);
        port_destroy(host.ports[i]);
    }
    return 0;
}

static inline void publish_tunnels(void)
{
    assert_int_equal(next_hops_publish(host.hops, NULL), 0);
    assert_int_equal(tunnel_attachments_publish(host.attachments, NULL), 0);
    assert_int_equal(next_hops_publish_removed(host.hops, NULL), 0);
}

static inline size_t count_attached(void)
{
    size_t n = 0;

    for (size_t i = 0; i < SEEN_MAX; i++)
        n += host.attached[i] != NULL;
    return n;
}

/* The only attachment to 'remote' with 'vni', or NULL. */
static inline const struct attachment *attached_to(const char *remote, uint32_t vni)
{
    const struct attachment *found = NULL;

    for (size_t i = 0; i < SEEN_MAX; i++) {
        const struct attachment *attachment = host.attached[i];

        if (attachment == NULL || attachment->tunnel.remote != inet_addr(remote) || attachment->tunnel.vni != vni)
            continue;
        assert_null(found);
        found = attachment;
    }
    return found;
}

static inline struct attachment tunnel_to(enum tunnel_type type, const char *remote, uint32_t vni, uint16_t dst_port)
{
    return (struct attachment){
        .bridge = 1,
        .port = 200,
        .tunnel = {.type = type, .remote = inet_addr(remote), .vni = vni, .dst_port = dst_port, .ttl = 64},
    };
}
