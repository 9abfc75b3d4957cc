// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "dataplane/snapshot.h"

struct next_hops;
struct tunnel_hop;
struct underlay;

/* The attachments of kind ATTACHMENT_TUNNEL, wherever they come from: no two have the same type, remote, local, VNI and
 * UDP port. Control thread. */
struct tunnel_attachment {
    struct hmap_node node;
    struct attachment spec; /* as published, with its id; holds the policy's references */
    struct tunnel_hop *hop;
    bool dirty; /* not in a snapshot yet */
};

struct tunnel_attachments;

/* 'underlay' and 'hops' outlive it. */
struct tunnel_attachments *tunnel_attachments_create(const struct underlay *underlay, struct next_hops *hops);
void tunnel_attachments_destroy(struct tunnel_attachments *attachments);

/* Whether a tunnel could be added now: 0, -EEXIST or -EADDRINUSE as below, with '*error'. */
int tunnel_attachments_admit(const struct tunnel_attachments *attachments, const struct tunnel_config *config,
                             char **error);
/* Adds one. 'spec' says everything but id, kind and next hop; the policy's references are taken over, also on failure.
 * 0 with '*out'; -EEXIST when there is such a tunnel; -EADDRINUSE when the UDP port belongs to the other encapsulation;
 * -ENOSPC when ids are used up. '*error' is a sentence without the tunnel's name. */
int tunnel_attachments_add(struct tunnel_attachments *attachments, const struct attachment *spec,
                           struct tunnel_attachment **out, char **error);
/* True when it is the tunnel that 'config' describes, whatever its other options. */
bool tunnel_attachment_is(const struct tunnel_attachment *attachment, const struct tunnel_config *config);
/* True when 'spec' is the same tunnel in the same place: then it can be changed, else it has to be removed and added,
 * so that what was learnt behind it is not taken for what is behind the new one. */
bool tunnel_attachment_may_become(const struct tunnel_attachment *attachment, const struct attachment *spec);
/* The policy's references are taken over. */
void tunnel_attachments_change(struct tunnel_attachments *attachments, struct tunnel_attachment *attachment,
                               const struct attachment *spec);
void tunnel_attachments_remove(struct tunnel_attachments *attachments, struct tunnel_attachment *attachment);

bool tunnel_attachments_is_dirty(const struct tunnel_attachments *attachments);
/* Puts what changed into 'snapshot'. 0 or -ENOMEM (call again). */
int tunnel_attachments_publish(struct tunnel_attachments *attachments, struct snapshot *snapshot);

/* Entries of the decap table, allocated with malloc(); '*n' of them. */
struct decap_entry *tunnel_attachments_decap_entries(const struct tunnel_attachments *attachments, size_t *n);
