// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/addr_directory.h"
#include "acl/conntrack.h"
#include "acl/policy_chain.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/fdb.h"
#include "dataplane/pipeline.h"
#include "dataplane/snapshot_private.h"
#include "dataplane/zone_policies.h"
#include "tests/unit/dataplane/packet_spec.h"

/* A switch without threads: one snapshot, made by the public setters, and one pipeline that packets are put to.
 *
 * Guest 'n' has MAC 02:00:00:00:00:n and the addresses 10.0.0.n and fd00::n; unless a test says otherwise it sits on
 * attachment n, port n, of bridge 1. */
struct world {
    struct snapshot *snapshot;
    struct snapshot *edit;
    struct conntrack *ct;
    struct pipeline pipeline;
    struct resolution resolution;
    const struct port_ops *ops;
    struct port *closed[64];
    unsigned int n_closed;
};

static const struct port_ops world_no_ops = {.type = "test"};

static inline void world_start(struct world *w)
{
    struct conntrack_config config = {.capacity = 1024, .n_workers = 2};

    memset(w, 0, sizeof *w);
    assert_int_equal(qsbr_init(), 0);
    w->ct = conntrack_create(&config);
    w->snapshot = snapshot_copy(NULL);
    w->pipeline = (struct pipeline){.conntrack = w->ct, .now = 100};
    w->ops = &world_no_ops;
    assert_non_null(w->ct);
    assert_non_null(w->snapshot);
}

/* The snapshot in the making; world_publish() ends it. */
static inline struct snapshot *world_edit(struct world *w)
{
    if (w->edit == NULL)
        w->edit = snapshot_copy(w->snapshot);
    assert_non_null(w->edit);
    return w->edit;
}

/* Nobody reads but the test itself, so what is replaced goes at once. */
static inline void world_publish(struct world *w)
{
    struct snapshot *former = w->snapshot;

    assert_int_equal(snapshot_finish(world_edit(w)), 0);
    w->snapshot = w->edit;
    w->edit = NULL;
    for (uint32_t i = 0; i < w->snapshot->n_retired; i++) {
        struct port *port = retired_free(&w->snapshot->retired[i]);

        if (port != NULL)
            w->closed[w->n_closed++] = port;
    }
    w->snapshot->n_retired = 0;
    snapshot_free(former);
    for (; w->n_closed > 0; w->n_closed--)
        port_destroy(w->closed[w->n_closed - 1]);
}

static inline void world_stop(struct world *w)
{
    struct snapshot *s = world_edit(w);

    for (uint32_t id = 1; id < s->n_attachments; id++)
        snapshot_set_attachment(s, id, NULL);
    for (uint16_t i = 1; i < BRIDGES_MAX; i++)
        snapshot_set_bridge(s, i, NULL);
    for (uint32_t i = 0; i < s->sets.n; i++)
        snapshot_set_address_set(s, i, NULL);
    snapshot_set_decap_table(s, NULL);
    for (uint16_t i = 1; i < PORTS_MAX; i++) {
        if (s->ports[i] != NULL)
            snapshot_set_port(s, i, NULL);
        if (s->n_retired > 0 && i % 32 == 0)
            world_publish(w), s = world_edit(w);
    }
    world_publish(w);
    for (uint32_t i = 0; i < w->snapshot->n_zone_policies; i++)
        zone_policy_destroy(w->snapshot->zone_policies[i]);
    addr_directory_destroy(w->snapshot->sets.directory);
    snapshot_free(w->snapshot);
    conntrack_destroy(w->ct);
}

static inline void world_bridge(struct world *w, uint16_t index, bool secure)
{
    struct bridge *bridge = calloc(1, sizeof *bridge);
    const struct bridge *old = snapshot_bridge(world_edit(w), index);

    bridge->secure = secure;
    bridge->fdb = old ? old->fdb : fdb_create();
    assert_int_equal(snapshot_set_bridge(world_edit(w), index, bridge), 0);
}

/* Sets an attachment made from 'like'; kind, bridge, port and VLAN mode have the defaults of a guest. */
static inline void world_attach(struct world *w, uint32_t id, struct attachment like)
{
    struct attachment *a = malloc(sizeof *a);
    char name[16];

    *a = like;
    a->port = a->port ? a->port : (uint16_t)id;
    a->bridge = a->bridge ? a->bridge : 1;
    if (a->vlan.mode == VLAN_TRUNK && a->vlan.tag == 0)
        a->vlan.all_trunks = true;
    snprintf(name, sizeof name, "p%u", a->port);
    if (snapshot_port(world_edit(w), a->port) == NULL)
        snapshot_set_port(world_edit(w), a->port,
                          port_create(name, a->port, a->kind == ATTACHMENT_TUNNEL ? NULL : w->ops));
    assert_int_equal(snapshot_set_attachment(world_edit(w), id, a), 0);
}

/* Bridge 1 with 'n' plain guests. */
static inline void world_guests(struct world *w, uint32_t n)
{
    world_bridge(w, 1, false);
    for (uint32_t id = 1; id <= n; id++)
        world_attach(w, id, (struct attachment){0});
    world_publish(w);
}

/* A chain of the groups' rules alone. */
static inline struct policy_chain *world_chain(const struct rule *rules, size_t n)
{
    struct policy_rule refusal = {.action = RULE_DENY};
    struct policy *groups = policy_compile(rules, n);
    struct policy_chain *chain = policy_chain_create(NULL, 0, groups, &refusal);

    assert_non_null(chain);
    policy_unref(groups);
    return chain;
}

/* The policy of a guest: all egress, and ingress by 'n' rules. */
static inline struct port_policy world_policy(const struct rule *ingress, size_t n)
{
    struct rule all = {.id = 99, .direction = RULE_EGRESS, .protocol = RULE_PROTOCOL_ANY, .port_max = 65535};

    all.icmp_type = all.icmp_code = RULE_ICMP_ANY;
    return (struct port_policy){.ingress = world_chain(ingress, n), .egress = world_chain(&all, 1)};
}

static inline struct rule world_rule(uint32_t id, int16_t protocol, uint16_t port)
{
    return (struct rule){.id = id,
                         .direction = RULE_INGRESS,
                         .protocol = protocol,
                         .port_min = port,
                         .port_max = port ? port : 65535,
                         .icmp_type = RULE_ICMP_ANY,
                         .icmp_code = RULE_ICMP_ANY};
}

/* Guest 'id' behind a security group that lets in 'protocol' to 'port' (0: any); protocol 0: nothing. */
static inline void world_police(struct world *w, uint32_t id, int16_t protocol, uint16_t port)
{
    struct rule rule = world_rule(id, protocol, port);

    world_attach(w, id, (struct attachment){.has_policy = true, .policy = world_policy(&rule, protocol != 0)});
}

/* Puts a frame to the pipeline; the answer is in w->resolution, its drop reason is returned. */
static inline enum drop_reason world_resolve(struct world *w, uint32_t from, const struct frame *frame)
{
    struct packet packet;

    assert_int_equal(packet_parse(frame->bytes, frame->len, frame->len, &packet), DROP_NONE);
    pipeline_resolve(&w->pipeline, w->snapshot, &packet, from, &w->resolution);
    return w->resolution.drop;
}

static inline enum drop_reason world_send(struct world *w, uint32_t from, struct packet_spec spec)
{
    struct frame frame = spec_frame(&spec);

    return world_resolve(w, from, &frame);
}

#define SYN 0x02
#define ACK 0x10
#define FIN 0x01
#define RST 0x04
static inline enum drop_reason world_tcp(struct world *w, unsigned int src, unsigned int dst, uint16_t src_port,
                                         uint16_t dst_port, uint8_t flags)
{
    return world_send(w, src,
                      (struct packet_spec){src, dst, NULL, IPPROTO_TCP, false, src_port, dst_port, flags, 0, 0, 0});
}

static inline enum drop_reason world_udp(struct world *w, unsigned int src, unsigned int dst, uint16_t src_port,
                                         uint16_t dst_port)
{
    return world_send(w, src, (struct packet_spec){src, dst, NULL, IPPROTO_UDP, false, src_port, dst_port, 0, 0, 0, 0});
}

/* Every guest has been heard from (an L2 frame that no policy looks at is not needed: the FDB is told directly). */
static inline void world_learn(struct world *w, uint32_t n)
{
    for (uint32_t id = 1; id <= n; id++) {
        struct mac_addr mac = {{2, 0, 0, 0, 0, (uint8_t)id}};

        fdb_learn(w->snapshot->bridges[1]->fdb, 0, &mac, id, w->pipeline.now);
    }
}

static inline bool world_goes_to(const struct world *w, uint32_t id)
{
    for (uint32_t i = 0; i < w->resolution.n_outputs; i++) {
        if (w->resolution.outputs[i].attachment == id)
            return true;
    }
    return false;
}

static inline bool world_goes_only_to(const struct world *w, uint32_t id)
{
    return w->resolution.drop == DROP_NONE && w->resolution.n_outputs == 1 && world_goes_to(w, id);
}
