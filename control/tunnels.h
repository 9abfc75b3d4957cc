// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/snapshot.h"

struct ovsdb_idl;
struct policies;
struct smap;

/* Every tunnel of the switch: tunnel ports (Interface type vxlan or geneve) and the VTEPs of Logical_Network rows, each
 * an attachment of kind ATTACHMENT_TUNNEL; and what they need of the underlay: endpoint addresses, next hops, the decap
 * table, all followed from the kernel by netlink. Control thread. */
struct tunnels;

struct tunnels *tunnels_create(char **error); /* opens netlink */
void tunnels_destroy(struct tunnels *tunnels);

/* Checks the options of a tunnel Interface as ovs-vswitchd does (texts of the OVSDB contract 1.6). 0 with '*config' and
 * '*carries' set (false: remote_ip=flow or key=flow, the port exists but sends and takes nothing by itself), or -EINVAL
 * with '*error'; warnings about unknown keys go to the log. */
int tunnel_config_from_options(const char *name, const char *type, const struct smap *options,
                               struct tunnel_config *config, bool *carries, char **error);

/* Internal ports whose addresses may be tunnel endpoints. */
void tunnels_add_internal_port(struct tunnels *tunnels, const char *name, uint16_t bridge, uint16_t vlan);
void tunnels_remove_internal_port(struct tunnels *tunnels, const char *name);

/* Tunnel ports. 'port' is the index of the counters-only port. -EEXIST when another tunnel has the same type, remote,
 * local and key ("could not add network device %s to ofproto (File exists)"). Adding an existing name replaces it. */
struct tunnel_port {
    const char *name;
    uint16_t bridge;
    uint16_t port;
    uint32_t ofport;
    struct vlan_config vlan;
    struct tunnel_config config;
    bool carries;
    bool has_policy; /* a Logical_Port row names the tunnel port (rare, but allowed) */
    uint64_t policy_version;
    struct port_policy policy; /* taken over */
    uint32_t account;          /* that sessions are charged to, 0: none */
};
int tunnels_set_port(struct tunnels *tunnels, const struct tunnel_port *port, char **error);
/* Whether a new tunnel port could be set now: 0, or the error that tunnels_set_port() would have. */
int tunnels_admit_port(const struct tunnels *tunnels, const char *name, const struct tunnel_config *config,
                       char **error);
/* The port's options are 'config' from now on: gives up the tunnel of old ones that differ, which another port may want,
 * until the port is set. */
void tunnels_change_port(struct tunnels *tunnels, const char *name, const struct tunnel_config *config, bool carries);
void tunnels_remove_port(struct tunnels *tunnels, const char *name);
/* Interface that the tunnel leaves by (Interface.status:tunnel_egress_iface), or NULL, and whether it has carrier. */
const char *tunnels_egress_iface(const struct tunnels *tunnels, const char *name, bool *carrier);

/* Logical_Network rows. Returns true when something changed. 'bridge_index' answers 0 for a bridge that does not
 * exist (yet). */
bool tunnels_update_networks(struct tunnels *tunnels, struct ovsdb_idl *sluice_idl,
                             uint16_t (*bridge_index)(void *aux, const char *name), void *aux);
/* Writes Logical_Network.status (error) where it differs, into the open transaction. */
void tunnels_write_status(struct tunnels *tunnels, const struct policies *policies, struct ovsdb_idl *sluice_idl);

/* Follows the kernel. run: true when next hops or endpoints changed. */
bool tunnels_run(struct tunnels *tunnels);
void tunnels_wait(struct tunnels *tunnels); /* poll_fd_wait() and timers */

/* Puts attachments, next hops, counters-only ports of networks and the decap table into 'snapshot', only what changed
 * since the last call. Attachment ids and port indexes come from control/ids.h. 0 or -ENOMEM. */
int tunnels_publish(struct tunnels *tunnels, struct snapshot *snapshot);

/* A line per tunnel, neighbour and route for tnl/ports/show, tnl/neigh/show and ovs/route/show. 'out' is a struct ds. */
struct ds;
void tunnels_format_ports(const struct tunnels *tunnels, struct ds *out);
void tunnels_format_neighbours(const struct tunnels *tunnels, struct ds *out);
void tunnels_format_routes(const struct tunnels *tunnels, struct ds *out);
