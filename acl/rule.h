// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* One security group rule, compiled from its row: "allow this". */

enum rule_direction { RULE_INGRESS, RULE_EGRESS }; /* as the guest sees it */
enum rule_family { RULE_ANY_FAMILY = 0, RULE_IPV4 = 4, RULE_IPV6 = 6 };
enum rule_remote { RULE_REMOTE_ANY, RULE_REMOTE_PREFIX, RULE_REMOTE_SET };

#define RULE_PROTOCOL_ANY (-1)
#define RULE_ICMP_ANY     (-1)

struct rule {
    uint32_t id; /* names the rule in verdicts and counters; 1.. (0 is "no rule") */
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
};

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
    enum rule_family family; /* of the packet: RULE_IPV4 or RULE_IPV6 */
    uint8_t protocol;
    bool has_ports;    /* false for later fragments and protocols without ports */
    uint16_t dst_port; /* host order */
    int16_t icmp_type; /* 0..255, RULE_ICMP_ANY for later fragments: matches no rule that names a type */
    uint8_t icmp_code;
};
