// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/drop.h"
#include "overlay/tunnel.h"

struct rte_mbuf;

/* Which encapsulated packets are for us, and which attachment each (endpoint, network) pair is. Immutable, part of the
 * snapshot; built by the control side. */
struct decap_table;

struct decap_entry {
    enum tunnel_type type;
    uint32_t remote; /* network order */
    uint32_t local;  /* network order; 0: any of our endpoint addresses */
    uint32_t vni;
    uint16_t dst_port;   /* host order */
    uint32_t attachment; /* what the inner frame's ingress attachment becomes */
};

/* One of the switch's own endpoint addresses: an IPv4 address of an internal port. */
struct decap_endpoint {
    uint32_t addr;       /* network order */
    uint16_t bridge;     /* the underlay bridge whose internal port holds it */
    uint16_t vlan;       /* VLAN it is reachable on, 0: untagged */
    struct mac_addr mac; /* of that internal port */
};

/* Control or builder thread. Copies. NULL when out of memory. Of two entries with the same (type, remote, local, vni,
 * dst_port) the first wins; a dst_port belongs to the type of the first entry that names it. */
struct decap_table *decap_table_create(const struct decap_endpoint *endpoints, size_t n_endpoints,
                                       const struct decap_entry *entries, size_t n_entries);
void decap_table_destroy(struct decap_table *table);
bool decap_table_is_empty(const struct decap_table *table);

enum decap_verdict {
    DECAP_PASS,     /* not an encapsulated packet for us: an ordinary frame of the underlay bridge */
    DECAP_STRIPPED, /* outer headers are gone, '*attachment' is the ingress of the inner frame */
    DECAP_DROP,     /* for us, but wrong: '*reason' says how */
};

/* Stage, per packet that came in on a port of underlay bridge 'bridge', whose untagged frames belong to VLAN
 * 'untagged_vlan' (0: none). Checks outer Ethernet destination, VLAN, IPv4
 * header and checksum, UDP length and checksum (when not zero), VXLAN flags (RFC 7348 5) or GENEVE version, options,
 * critical bit and protocol type (RFC 8926 3.4: Ethernet only), known endpoint, known VNI, and that an inner Ethernet
 * header remains. Fragments of tunnel packets are dropped (TUNNEL_HEADER). Packets to a tunnel UDP port of ours are
 * never passed on.
 *
 * Outer headers and the inner Ethernet header must lie in the first segment. ECN is merged as RFC 6040 4.2 says: CE
 * outside marks the inner packet when that is ECN-capable and drops it (TUNNEL_ECN) when it is not. What a device said
 * about the outer checksums (RTE_MBUF_F_RX_*_GOOD) is believed, and forgotten with the outer headers; one that the
 * sender left undone (core/offload.h) needs no doing any more, and what he left undone inside stays so. A packet with
 * DECAP_DROP may be partly stripped. */
enum decap_verdict decap_packet(const struct decap_table *table, uint16_t bridge, uint16_t untagged_vlan,
                                struct rte_mbuf *packet, uint32_t *attachment, enum drop_reason *reason);
