// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

#include "dataplane/core/drop.h"
#include "dataplane/core/inet.h"
#include "dataplane/core/packet.h"

/* Anti-spoofing: which addresses the guest behind a port may send from. Immutable, reference counted. */
struct port_security;

/* One entry of Logical_Port.addresses, "MAC [IP[/len] ...]": the addresses that may be used with that MAC.
 *
 *   - No IP at all: any IP may be used (Neutron's and OVN's meaning).
 *   - Any IP: only those listed, of both families. With IPv4 addresses alone the MAC may not use IPv6, and the other
 *     way round.
 *   - An IPv6 address also allows the MAC's EUI-64 link-local address (RFC 4291 2.5.1 appendix A), without which ND
 *     cannot work.
 *   - "IP/len" whose host part is zero is the whole prefix; with a host part it is that one address, as in OVN:
 *     "10.0.0.5/24" does not open the subnet.
 *   - Entries with the same MAC add up. */
#define PORT_SECURITY_IPS_MAX 64
struct port_security_pair {
    struct mac_addr mac;
    size_t n_ips;
    struct inet_prefix ips[PORT_SECURITY_IPS_MAX];
};

/* Parses one entry. 0, or -EINVAL with '*error' naming the word that is wrong. */
int port_security_pair_parse(const char *text, struct port_security_pair *pair, char **error);

/* Control thread. Copies 'pairs'. With n == 0 nothing may be sent. NULL when out of memory. */
struct port_security *port_security_create(const struct port_security_pair *pairs, size_t n);
struct port_security *port_security_ref(struct port_security *security);
void port_security_unref(struct port_security *security); /* NULL allowed */

/* Worker. May the guest behind the port send this? DROP_NONE when it may. What is refused:
 *
 *   - a source MAC that no entry has, and IPv4 and IPv6 sources that its entries do not list; multicast, broadcast,
 *     loopback and IPv4-mapped sources always;
 *   - ARP (RFC 826) whose sender hardware address is not the Ethernet source, or whose sender address is not listed;
 *     probes (RFC 5227, sender 0.0.0.0) for an address that is not the sender's own;
 *   - ND (RFC 4861, 4862) that speaks for another: advertised target, DAD target, link-layer options; malformed,
 *     routed (hop limit not 255), fragmented or with extension headers (RFC 6980);
 *   - what only servers and routers send: DHCP and DHCPv6 from the server's port or to the client's, router
 *     advertisements, redirects (ICMP and ICMPv6), RARP;
 *   - IP, ARP and RARP hidden from these checks behind a second, priority-only tag or in SNAP (CVE-2021-27853). Other
 *     L2 protocols and tags of a VLAN of the guest's own are checked by MAC alone.
 *
 * A MAC of a virtual router (RFC 5798 7.3) that is among the entries may send VRRP advertisements to their group from any
 * address of the port, with whatever MAC it is listed, and be named by ARP from another of the port's MACs, for its own
 * addresses.
 *
 * Without an address yet a guest may send DHCP requests from 0.0.0.0, and DAD, router solicitations and MLD reports
 * (RFC 3590) from ::. Fragments are checked by source like everything else. */
enum drop_reason port_security_check(const struct port_security *security, const struct packet *packet);
