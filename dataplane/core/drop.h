// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* Why a packet was dropped. Every drop in the switch has one of these names; there is no drop without one.
 * The name is what operators see (drop/show, Interface.statistics); the text explains it in one line. */
#define DROP_REASONS(X)                                                                                             \
    X(NONE, "none", "not dropped")                                                                                  \
    /* Frame and headers (parser). */                                                                               \
    X(TRUNCATED, "truncated", "frame shorter than its Ethernet or VLAN header")                                     \
    X(BAD_SOURCE_MAC, "bad_source_mac", "source MAC is multicast or zero")                                          \
    X(IP_HEADER, "ip_header", "IP header malformed or longer than the packet")                                      \
    X(L4_HEADER, "l4_header", "TCP, UDP, SCTP or ICMP header longer than the packet")                               \
    X(ARP_HEADER, "arp_header", "ARP packet malformed")                                                             \
    X(IPV6_EXTENSION, "ipv6_extension", "IPv6 extension headers too many, too long or malformed")                   \
    /* Bridge. */                                                                                                   \
    X(VLAN_INGRESS, "vlan_ingress", "VLAN not carried by the ingress port")                                         \
    X(VLAN_EGRESS, "vlan_egress", "VLAN not carried by the egress port")                                            \
    X(RESERVED_MAC, "reserved_mac", "link-local destination that bridges do not forward")                           \
    X(SAME_PORT, "same_port", "destination is behind the port the packet came from")                                \
    X(NO_DESTINATION, "no_destination", "flooded, but no other port takes part")                                    \
    X(BRIDGE_SECURE, "bridge_secure", "bridge is fail_mode=secure and the port has no Logical_Port row")            \
    X(PORT_DISABLED, "port_disabled", "port is administratively down or its Logical_Port is not enabled")           \
    X(PORT_GONE, "port_gone", "port was removed while the packet was on its way")                                   \
    X(MTU_EXCEEDED, "mtu_exceeded", "packet longer than the egress port's MTU")                                     \
    /* Port security. */                                                                                            \
    X(SPOOFED_MAC, "spoofed_mac", "source MAC is not one of the port's addresses")                                  \
    X(SPOOFED_IPV4, "spoofed_ipv4", "IPv4 source is not one of the port's addresses")                               \
    X(SPOOFED_IPV6, "spoofed_ipv6", "IPv6 source is not one of the port's addresses")                               \
    X(SPOOFED_ARP, "spoofed_arp", "ARP sender is not one of the port's addresses")                                  \
    X(SPOOFED_ND, "spoofed_nd", "neighbour discovery for an address that is not one of the port's")                 \
    X(GUEST_DHCP_SERVER, "guest_dhcp_server", "DHCP server traffic from a guest")                                   \
    X(GUEST_ROUTER, "guest_router", "router advertisement or redirect from a guest")                                \
    X(GUEST_RARP, "guest_rarp", "RARP from a guest")                                                                \
    /* Policy and sessions. */                                                                                      \
    X(POLICY_EGRESS, "policy_egress", "an ACL or the security groups refuse it on the sender's side")               \
    X(POLICY_INGRESS, "policy_ingress", "an ACL or the security groups refuse it on the receiver's side")           \
    X(POLICY_CUT, "policy_cut", "connection cut because the rule that allowed it is gone")                          \
    X(POLICY_BROKEN, "policy_broken", "the port's policy cannot be built, so it is closed")                         \
    X(CT_INVALID, "ct_invalid", "packet belongs to no connection and cannot start one")                             \
    X(CT_TABLE_FULL, "ct_table_full", "session table full")                                                         \
    X(CT_QUOTA, "ct_quota", "the port has as many sessions as it may")                                              \
    X(CT_FRAGMENT, "ct_fragment", "fragment whose first fragment did not pass, or not in time")                     \
    /* Overlay. */                                                                                                  \
    X(TUNNEL_HEADER, "tunnel_header", "VXLAN or GENEVE header malformed or lengths disagree")                       \
    X(TUNNEL_CHECKSUM, "tunnel_checksum", "outer IP or UDP checksum wrong")                                         \
    X(TUNNEL_UNKNOWN_VTEP, "tunnel_unknown_vtep", "encapsulated packet from an address that is no tunnel endpoint") \
    X(TUNNEL_UNKNOWN_VNI, "tunnel_unknown_vni", "encapsulated packet of a network that is not here")                \
    X(TUNNEL_OPTION, "tunnel_option", "GENEVE packet with an unknown critical option or a control packet")          \
    X(TUNNEL_ECN, "tunnel_ecn", "congestion marked outside a packet that cannot carry the mark (RFC 6040)")         \
    X(TUNNEL_NO_ROUTE, "tunnel_no_route", "no route to the remote tunnel endpoint")                                 \
    X(TUNNEL_NO_NEIGHBOUR, "tunnel_no_neighbour", "link address of the tunnel's next hop not resolved yet")         \
    X(TUNNEL_NO_UNDERLAY, "tunnel_no_underlay", "no port leads to the tunnel's next hop")                           \
    X(TUNNEL_LOOP, "tunnel_loop", "tunnel inside a tunnel")                                                         \
    /* Ports. */                                                                                                    \
    X(TX_QUEUE_FULL, "tx_queue_full", "egress queue full")                                                          \
    X(TX_LINK_DOWN, "tx_link_down", "egress port has no link (guest not connected)")                                \
    X(RX_UNSUPPORTED, "rx_unsupported", "ingress offload state that is malformed or unknown")                       \
    X(RX_DESCRIPTOR, "rx_descriptor", "guest handed over ring entries that cannot be followed")                     \
    X(NO_BUFFER, "no_buffer", "out of packet buffers")                                                              \
    X(INTERNAL, "internal", "the switch ran out of something it needs for a new flow")

enum drop_reason {
#define DROP_ENUM(NAME, TEXT, HELP) DROP_##NAME,
    DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
        DROP_N_REASONS
};

/* The reason's name ("policy_ingress") and its explanation. Never NULL; "unknown" for a value out of range. */
const char *drop_reason_name(enum drop_reason reason);
const char *drop_reason_help(enum drop_reason reason);
