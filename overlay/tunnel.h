// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* A tunnel: one remote endpoint and one network identifier, over IPv4. Comes from a tunnel port (Interface.options) or
 * from one VTEP of a Logical_Network. */

enum tunnel_type { TUNNEL_VXLAN, TUNNEL_GENEVE };

#define TUNNEL_VNI_MAX     0xffffffu
#define TUNNEL_PORT_VXLAN  4789 /* RFC 7348 5 */
#define TUNNEL_PORT_GENEVE 6081 /* RFC 8926 3.3 */
#define TUNNEL_TTL_DEFAULT 64

struct tunnel_config {
    enum tunnel_type type;
    uint32_t remote;   /* network order */
    uint32_t local;    /* network order; 0: whatever the route's source address is */
    uint32_t vni;      /* 0..TUNNEL_VNI_MAX; sent, and the only one taken */
    uint16_t dst_port; /* host order */
    uint8_t ttl;
    bool ttl_inherit;
    uint8_t tos;
    bool tos_inherit; /* inner DSCP goes out; ECN always follows RFC 6040 3.2 compatibility: copied on encap */
    bool csum;        /* outer UDP checksum */
    bool df;          /* don't fragment */
};

/* How the underlay reaches a tunnel's remote endpoint, as the control side last resolved it. */
enum next_hop_state { NEXT_HOP_READY, NEXT_HOP_NO_ROUTE, NEXT_HOP_NO_NEIGHBOUR };

struct next_hop {
    enum next_hop_state state;
    uint32_t remote;         /* the endpoint; network order */
    uint32_t local;          /* source address of the outer header; network order */
    uint16_t bridge;         /* index of the underlay bridge, which forwards the outer frame by its FDB */
    uint16_t vlan;           /* VLAN of the internal port that holds 'local', 0: none */
    struct mac_addr src_mac; /* of that internal port */
    struct mac_addr dst_mac; /* of the endpoint or the gateway */
    uint32_t changed;        /* snapshot sequence of the last change */
};
