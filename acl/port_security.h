// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

#include "dataplane/core/drop.h"
#include "dataplane/core/inet.h"
#include "dataplane/core/packet.h"

/* Anti-spoofing: which addresses the guest behind a port may send from. Immutable, reference counted. */
struct port_security;

/* One entry of Logical_Port.addresses, "MAC [IP[/len] ...]": the addresses that may be used with that MAC. With no IP
 * at all, any IP may be (Neutron's and OVN's meaning). An IPv6 pair also allows the MAC's EUI-64 link-local address
 * (RFC 4291 2.5.1 appendix A), without which ND cannot work. */
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

/* Worker. May the guest behind the port send this? Checks MAC, IPv4 and IPv6 source, ARP sender (RFC 826, probes of
 * RFC 5227 with sender 0.0.0.0), ND target and link-layer options (RFC 4861; DAD from :: as RFC 4862 5.4), and refuses
 * DHCP server traffic, router advertisements, redirects and RARP. DHCP clients and hosts without an address yet may
 * use 0.0.0.0 and :: where their protocols say so. DROP_NONE when it may. */
enum drop_reason port_security_check(const struct port_security *security, const struct packet *packet);
