// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openvswitch/shash.h>

#include "control/endpoints.h"
#include "control/tunnels.h"

struct netlink;
struct networks;
struct next_hops;
struct tunnel_attachments;
struct underlay;

/* What tunnels.c and tunnels_format.c share. */

struct named_tunnel {
    char *name;
    struct tunnel_config config;
    struct tunnel_attachment *attachment; /* NULL: it carries nothing */
};

struct tunnels {
    struct netlink *netlink;
    struct underlay *underlay;
    struct next_hops *hops;
    struct tunnel_attachments *attachments;
    struct endpoints endpoints;
    struct networks *networks;
    struct shash ports;          /* struct named_tunnel, by name */
    bool endpoints_changed;      /* since the decap table was built */
    bool networks_stale;         /* to be decided again: endpoints changed, or a tunnel port is gone */
    long long ask_at;            /* when next_hops_ask() is due, milliseconds */
    const struct ovsdb_idl *idl; /* that 'idl_seqno' is of */
    unsigned int idl_seqno;      /* of the Logical_Network rows last looked at */
};
