// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/addr_set.h"
#include "acl/port_security.h"
#include "acl/rule.h"
#include "dataplane/core/packet.h"

/* A compiled rule list for one direction: immutable, shared by all ports with the same set of groups, reference
 * counted. Allow rules without order; what no rule allows is denied. */
struct policy;

/* Control or builder thread. Copies the rules (all of one direction). NULL when out of memory. n == 0: denies all. */
struct policy *policy_compile(const struct rule *rules, size_t n);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL allowed */

/* Worker, first packet of a flow. The id of a rule that allows the query (the lowest id of those that match, so that
 * the answer is stable), or 0: none does. */
uint32_t policy_match(const struct policy *policy, const struct addr_sets *sets, const struct rule_query *query);

size_t policy_rule_count(const struct policy *policy);

/* Everything that policy says about one port: part of the snapshot, immutable. */
struct port_policy {
    struct port_security *security; /* NULL: any address may be used */
    struct policy *ingress;         /* NULL: the port is in no group, everything is allowed */
    struct policy *egress;          /* NULL as above */
    bool disabled;                  /* Logical_Port.enabled=false: nothing passes */
    bool broken;                    /* policy could not be built: fails closed */
    bool stateful;                  /* sessions are kept for it (it has a group) */
};

/* Traffic that groups never decide about, because a guest cannot live without it: ARP, ND, router solicitation, MLD,
 * DHCP client requests (egress) and DHCP replies (ingress). Port security has its say first. */
bool policy_is_exempt(const struct packet *packet, enum rule_direction direction);

/* The query for 'packet' seen from a port that sends (RULE_EGRESS) or receives (RULE_INGRESS) it. */
struct rule_query rule_query_from_packet(const struct packet *packet, enum rule_direction direction);
