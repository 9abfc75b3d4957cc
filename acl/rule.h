// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* One security group rule ("allow this") or ACL, compiled from its row. */

enum rule_direction { RULE_INGRESS, RULE_EGRESS }; /* as the guest sees it */
enum rule_family { RULE_ANY_FAMILY = 0, RULE_IPV4 = 4, RULE_IPV6 = 6 };
enum rule_remote { RULE_REMOTE_ANY, RULE_REMOTE_PREFIX, RULE_REMOTE_SET };

/* What a rule that matches says. Security group rules allow; the rest is for ACLs. */
enum rule_action {
    RULE_ALLOW,           /* and keep a session: replies and related errors pass */
    RULE_ALLOW_STATELESS, /* this packet only: replies are asked about themselves */
    RULE_DENY,
    RULE_REJECT, /* deny, and tell the sender (TCP RST, ICMP unreachable) */
    RULE_PASS,   /* no opinion: the next tier is asked */
};

/* What becomes of the connections that a rule let in when it is taken away. */
enum rule_on_change { RULE_REEVALUATE, RULE_KEEP, RULE_FLUSH };

#define RULE_PROTOCOL_ANY (-1)
#define RULE_ICMP_ANY     (-1)

/* The conditions that only ACLs have; a bit in 'conditions' for each that is given. */
#define RULE_IF_LOCAL     0x01u /* 'local': this side's own address: destination of ingress, source of egress */
#define RULE_IF_SRC_PORT  0x02u
#define RULE_IF_SRC_MAC   0x04u
#define RULE_IF_DST_MAC   0x08u
#define RULE_IF_ETHERTYPE 0x10u /* frames that are neither IPv4 nor IPv6; 'family' is RULE_ANY_FAMILY */
#define RULE_IF_VLAN      0x20u
#define RULE_IF_TCP_FLAGS 0x40u
#define RULE_IF_DSCP      0x80u
/* These are not in the flow key, so an answer that hangs on them without a session holds for one packet only. */
#define RULE_IF_OF_PACKET (RULE_IF_TCP_FLAGS | RULE_IF_DSCP)

struct rule {
    uint32_t id; /* names the rule in verdicts and counters; 1..RULE_ID_MAX (0 is "no rule") */
    enum rule_action action;
    enum rule_on_change on_change;
    bool log; /* verdicts by this rule are logged */
    enum rule_direction direction;
    enum rule_family family;
    int16_t protocol;  /* 0..255 or RULE_PROTOCOL_ANY */
    uint16_t port_min; /* destination port, host order; 0..65535 when any. TCP, UDP, SCTP, UDP-Lite only */
    uint16_t port_max;
    int16_t icmp_type; /* 0..255 or RULE_ICMP_ANY */
    int16_t icmp_code;
    enum rule_remote remote;
    struct inet_prefix prefix; /* RULE_REMOTE_PREFIX: source of ingress, destination of egress */
    uint32_t set;              /* RULE_REMOTE_SET: index into struct addr_sets */

    uint32_t conditions; /* RULE_IF_*; 0: none of those below counts */
    struct inet_prefix local;
    uint16_t src_port_min; /* host order; no later fragment matches */
    uint16_t src_port_max;
    struct mac_addr src_mac;
    struct mac_addr dst_mac;
    uint16_t ethertype; /* host order */
    uint16_t vlan;      /* id of the VLAN that the packet is in on its bridge; 0: none */
    uint8_t tcp_flags;  /* packet flags & tcp_mask == tcp_flags; no later fragment matches */
    uint8_t tcp_mask;
    uint8_t dscp; /* 0..63 */
};

/* Ids are handed out by control from 1 to here; counters are arrays over them. */
#define RULE_ID_MAX ((1u << 20) - 1)

/* The columns of a Security_Group_Rule row as text and numbers; NULL or negative: not given. */
struct rule_columns {
    const char *direction; /* "ingress", "egress" */
    const char *ethertype; /* "IPv4", "IPv6" (any case), NULL: both */
    const char *protocol;  /* name or number; "icmp" with IPv6 means ICMPv6, as Neutron has it */
    int64_t port_min, port_max;
    bool has_port_min, has_port_max;
    int64_t icmp_type, icmp_code;
    bool has_icmp_type, has_icmp_code;
    const char *remote_cidr;
    bool has_set; /* remote_group or remote_addresses is given ... */
    uint32_t set; /* ... and resolved to this set */
};

/* Turns a row into '*rule' (id left 0). 0, or -EINVAL with '*error' naming the column and what would be right:
 * unknown protocol, ports backwards or out of range, ports with a protocol that has none, ICMP type out of range,
 * code without type, CIDR that does not parse or is of the other family, two remotes.
 *
 * Without ethertype the family is that of remote_cidr. Failing that, "icmp" means IPv4 and "icmpv6" IPv6, because a
 * rule has one protocol number; everything else means both. */
int rule_from_columns(const struct rule_columns *columns, struct rule *rule, char **error);

/* Protocol number of a name ("tcp", "ipv6-icmp") or of a number in text, -EINVAL when neither; "any" and "" are
 * RULE_PROTOCOL_ANY by '*any'. */
int rule_protocol_parse(const char *text, enum rule_family family, bool *any);

/* What a rule is asked about: one packet (or session) seen from one port. */
struct rule_query {
    struct inet_addr remote; /* the other side's address */
    enum rule_family family; /* of the packet: RULE_IPV4 or RULE_IPV6; RULE_ANY_FAMILY: neither */
    uint8_t protocol;
    bool has_ports;    /* false for later fragments and protocols without ports */
    uint16_t dst_port; /* host order */
    int16_t icmp_type; /* 0..255, RULE_ICMP_ANY for later fragments: matches no rule that names a type */
    uint8_t icmp_code;

    /* What only ACLs look at. */
    struct inet_addr local; /* this side's own address in the packet */
    uint16_t src_port;      /* host order, with has_ports */
    struct mac_addr src_mac;
    struct mac_addr dst_mac;
    uint16_t ethertype; /* host order */
    uint16_t vlan;      /* id of the VLAN that it is in on its bridge */
    uint8_t tcp_flags;
    uint8_t dscp;
};
