// SPDX-License-Identifier: Apache-2.0
#include "control/tunnel_attachments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <util.h>

#include "control/ids.h"
#include "control/next_hops.h"
#include "dataplane/core/err.h"

/* How many tunnels use a UDP port: it can mean one encapsulation only. */
struct udp_port {
    uint16_t port;
    enum tunnel_type type;
    unsigned int users;
};

struct tunnel_attachments {
    const struct underlay *underlay;
    struct next_hops *hops;
    struct hmap by_tunnel;
    struct udp_port *udp_ports;
    size_t n_udp_ports;
    size_t allocated_udp_ports;
    uint32_t *removed; /* ids to take out of snapshots and to give back */
    size_t n_removed;
    size_t allocated_removed;
    bool dirty;
};

struct tunnel_attachments *tunnel_attachments_create(const struct underlay *underlay, struct next_hops *hops)
{
    struct tunnel_attachments *attachments = xzalloc(sizeof *attachments);

    attachments->underlay = underlay;
    attachments->hops = hops;
    hmap_init(&attachments->by_tunnel);
    return attachments;
}

static struct udp_port *find_udp_port(const struct tunnel_attachments *attachments, uint16_t port)
{
    for (size_t i = 0; i < attachments->n_udp_ports; i++) {
        if (attachments->udp_ports[i].port == port)
            return &attachments->udp_ports[i];
    }
    return NULL;
}

static void use_udp_port(struct tunnel_attachments *attachments, const struct tunnel_config *config)
{
    struct udp_port *port = find_udp_port(attachments, config->dst_port);

    if (port == NULL) {
        if (attachments->n_udp_ports == attachments->allocated_udp_ports)
            attachments->udp_ports =
                x2nrealloc(attachments->udp_ports, &attachments->allocated_udp_ports, sizeof *attachments->udp_ports);
        port = &attachments->udp_ports[attachments->n_udp_ports++];
        *port = (struct udp_port){.port = config->dst_port, .type = config->type};
    }
    port->users++;
}

static void leave_udp_port(struct tunnel_attachments *attachments, const struct tunnel_config *config)
{
    struct udp_port *port = find_udp_port(attachments, config->dst_port);

    if (--port->users == 0)
        *port = attachments->udp_ports[--attachments->n_udp_ports];
}

static uint32_t tunnel_hash(const struct tunnel_config *config)
{
    return hash_3words(config->remote, config->local, config->vni << 1 | (config->type == TUNNEL_GENEVE));
}

static bool same_tunnel(const struct tunnel_config *a, const struct tunnel_config *b)
{
    return a->type == b->type && a->remote == b->remote && a->local == b->local && a->vni == b->vni &&
           a->dst_port == b->dst_port;
}

int tunnel_attachments_admit(const struct tunnel_attachments *attachments, const struct tunnel_config *config,
                             char **error)
{
    const struct udp_port *port = find_udp_port(attachments, config->dst_port);
    const struct tunnel_attachment *other;

    HMAP_FOR_EACH_WITH_HASH (other, node, tunnel_hash(config), &attachments->by_tunnel) {
        if (same_tunnel(&other->spec.tunnel, config)) {
            err_set(error, "there is a tunnel to the same address with the same key");
            return -EEXIST;
        }
    }
    if (port != NULL && port->type != config->type) {
        err_set(error, "UDP port %u is in use by %s tunnels", config->dst_port,
                port->type == TUNNEL_GENEVE ? "geneve" : "vxlan");
        return -EADDRINUSE;
    }
    return 0;
}

int tunnel_attachments_add(struct tunnel_attachments *attachments, const struct attachment *spec,
                           struct tunnel_attachment **out, char **error)
{
    struct port_policy policy = spec->policy;
    struct tunnel_attachment *attachment;
    struct tunnel_hop *hop;
    uint32_t id;
    int result = tunnel_attachments_admit(attachments, &spec->tunnel, error);

    if (result != 0)
        goto refused;
    result = -ENOSPC;
    id = ids_take(attachment_ids());
    if (id == 0) {
        err_set(error, "too many attachments");
        goto refused;
    }
    hop = next_hops_take(attachments->hops, attachments->underlay, spec->tunnel.remote, spec->tunnel.local);
    if (hop == NULL) {
        err_set(error, "too many tunnel endpoints");
        goto no_hop;
    }

    attachment = xzalloc(sizeof *attachment);
    attachment->spec = *spec;
    attachment->spec.id = id;
    attachment->spec.kind = ATTACHMENT_TUNNEL;
    attachment->spec.next_hop = hop->index;
    attachment->hop = hop;
    attachment->dirty = true;
    attachments->dirty = true;
    hmap_insert(&attachments->by_tunnel, &attachment->node, tunnel_hash(&spec->tunnel));
    use_udp_port(attachments, &spec->tunnel);
    *out = attachment;
    return 0;

no_hop:
    ids_give(attachment_ids(), id);
refused:
    port_policy_unref(&policy);
    return result;
}

bool tunnel_attachment_is(const struct tunnel_attachment *attachment, const struct tunnel_config *config)
{
    return same_tunnel(&attachment->spec.tunnel, config);
}

bool tunnel_attachment_may_become(const struct tunnel_attachment *attachment, const struct attachment *spec)
{
    return same_tunnel(&attachment->spec.tunnel, &spec->tunnel) && attachment->spec.bridge == spec->bridge &&
           attachment->spec.port == spec->port;
}

static bool vlan_equal(const struct vlan_config *a, const struct vlan_config *b)
{
    return a->mode == b->mode && a->tag == b->tag && a->all_trunks == b->all_trunks && a->blocked == b->blocked &&
           memcmp(a->trunks, b->trunks, sizeof a->trunks) == 0;
}

static bool tunnel_equal(const struct tunnel_config *a, const struct tunnel_config *b)
{
    return same_tunnel(a, b) && a->ttl == b->ttl && a->ttl_inherit == b->ttl_inherit && a->tos == b->tos &&
           a->tos_inherit == b->tos_inherit && a->csum == b->csum && a->df == b->df;
}

/* But for the policy. */
static bool spec_equal(const struct attachment *a, const struct attachment *b)
{
    return a->port == b->port && a->bridge == b->bridge && a->ofport == b->ofport && a->mtu == b->mtu &&
           a->disabled == b->disabled && a->network_bound == b->network_bound && a->no_learning == b->no_learning &&
           a->has_policy == b->has_policy && vlan_equal(&a->vlan, &b->vlan) && tunnel_equal(&a->tunnel, &b->tunnel);
}

void tunnel_attachments_change(struct tunnel_attachments *attachments, struct tunnel_attachment *attachment,
                               const struct attachment *spec)
{
    struct attachment *now = &attachment->spec;
    struct attachment before = *now;

    /* With a policy it always counts as changed: the members of a set that it names may be what is different. */
    if (!spec->has_policy && spec_equal(now, spec))
        return;
    *now = *spec;
    now->id = before.id;
    now->kind = ATTACHMENT_TUNNEL;
    now->next_hop = before.next_hop;
    port_policy_unref(&before.policy);
    attachment->dirty = true;
    attachments->dirty = true;
}

void tunnel_attachments_remove(struct tunnel_attachments *attachments, struct tunnel_attachment *attachment)
{
    if (attachments->n_removed == attachments->allocated_removed)
        attachments->removed =
            x2nrealloc(attachments->removed, &attachments->allocated_removed, sizeof *attachments->removed);
    attachments->removed[attachments->n_removed++] = attachment->spec.id;
    leave_udp_port(attachments, &attachment->spec.tunnel);
    next_hops_give(attachments->hops, attachment->hop);
    port_policy_unref(&attachment->spec.policy);
    hmap_remove(&attachments->by_tunnel, &attachment->node);
    free(attachment);
}

void tunnel_attachments_destroy(struct tunnel_attachments *attachments)
{
    struct tunnel_attachment *attachment;

    if (attachments == NULL)
        return;
    HMAP_FOR_EACH_SAFE (attachment, node, &attachments->by_tunnel) {
        tunnel_attachments_remove(attachments, attachment);
    }
    for (size_t i = 0; i < attachments->n_removed; i++)
        ids_give(attachment_ids(), attachments->removed[i]);
    hmap_destroy(&attachments->by_tunnel);
    free(attachments->udp_ports);
    free(attachments->removed);
    free(attachments);
}

bool tunnel_attachments_is_dirty(const struct tunnel_attachments *attachments)
{
    return attachments->dirty || attachments->n_removed > 0;
}

/* A copy for a snapshot to own. */
static struct attachment *clone(const struct attachment *spec)
{
    struct attachment *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return NULL;
    *copy = *spec;
    port_policy_ref(&copy->policy);
    return copy;
}

int tunnel_attachments_publish(struct tunnel_attachments *attachments, struct snapshot *snapshot)
{
    struct tunnel_attachment *attachment;

    while (attachments->n_removed > 0) {
        uint32_t id = attachments->removed[attachments->n_removed - 1];
        int error = snapshot_set_attachment(snapshot, id, NULL);

        if (error != 0)
            return error;
        ids_give(attachment_ids(), id);
        attachments->n_removed--;
    }
    if (!attachments->dirty)
        return 0;
    HMAP_FOR_EACH (attachment, node, &attachments->by_tunnel) {
        if (!attachment->dirty)
            continue;
        struct attachment *copy = clone(&attachment->spec);
        int error = copy != NULL ? snapshot_set_attachment(snapshot, copy->id, copy) : -ENOMEM;

        if (error != 0)
            return error;
        attachment->dirty = false;
    }
    attachments->dirty = false;
    return 0;
}

struct decap_entry *tunnel_attachments_decap_entries(const struct tunnel_attachments *attachments, size_t *n)
{
    size_t most = hmap_count(&attachments->by_tunnel);
    struct decap_entry *entries = xmalloc((most + 1) * sizeof *entries);
    const struct tunnel_attachment *attachment;

    *n = 0;
    HMAP_FOR_EACH (attachment, node, &attachments->by_tunnel) {
        const struct tunnel_config *config = &attachment->spec.tunnel;

        entries[(*n)++] = (struct decap_entry){
            .type = config->type,
            .remote = config->remote,
            .local = config->local,
            .vni = config->vni,
            .dst_port = config->dst_port,
            .attachment = attachment->spec.id,
        };
    }
    return entries;
}
