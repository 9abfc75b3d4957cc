// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/addr_set.h"
#include "acl/port_security.h"
#include "acl/rule.h"
#include "dataplane/core/packet.h"

struct policy_chain;

/* A compiled rule list for one direction: immutable, shared by all that have the same rules, reference counted. The
 * first rule that matches, in the order they were given, is the answer. */
struct policy;

/* What a match says. Lives as long as the policy. */
struct policy_rule {
    uint32_t id;
    uint8_t action;    /* enum rule_action */
    uint8_t on_change; /* enum rule_on_change */
    bool log;
};

/* Control or builder thread. Copies the rules (all of one direction), first in order of precedence. NULL when out of
 * memory. n == 0: matches nothing. */
struct policy *policy_compile(const struct rule *rules, size_t n);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL allowed */

/* Worker, first packet of a flow. The first rule that matches the query, or NULL: none does. */
const struct policy_rule *policy_match(const struct policy *policy, const struct addr_sets *sets,
                                       const struct rule_query *query);

size_t policy_rule_count(const struct policy *policy);
/* True when some rule looks at RULE_IF_OF_PACKET. */
bool policy_looks_at_packet(const struct policy *policy);
/* True when some rule is RULE_ALLOW. */
bool policy_keeps_state(const struct policy *policy);

/* What Logical_Port.conntrack says. */
struct session_limits {
    uint32_t max;       /* sessions charged to the port at once; 0: the default */
    uint32_t half_open; /* of those, TCP handshakes not finished; the oldest makes way for the next; 0: the default */
    uint16_t timeouts;  /* number of a set of timeouts (conntrack_set_timeouts()); 0: the default ones */
    bool pick_up;       /* TCP connections may be picked up in mid-stream */
};

/* Everything that policy says about one port: part of the snapshot, immutable. */
struct port_policy {
    struct port_security *security; /* NULL: any address may be used */
    struct policy_chain *ingress;   /* NULL: nothing polices that direction */
    struct policy_chain *egress;
    /* The same with the rows in audit mode enforced, too: what they would deny is counted and passes. NULL: no such row. */
    struct policy_chain *ingress_audit;
    struct policy_chain *egress_audit;
    struct session_limits limits;
    bool disabled; /* Logical_Port.enabled=false: nothing passes */
    bool broken;   /* policy could not be built: fails closed */
};

/* True when sessions are kept for the port. */
static inline bool port_policy_polices(const struct port_policy *policy)
{
    return policy->ingress != NULL || policy->egress != NULL || policy->ingress_audit != NULL ||
           policy->egress_audit != NULL;
}

/* More references to / the end of everything that 'policy' points at. */
void port_policy_ref(const struct port_policy *policy);
void port_policy_unref(const struct port_policy *policy);

/* Traffic that groups never decide about, because a guest cannot live without it: ARP, ND, router solicitation, MLD,
 * DHCP client requests (egress) and DHCP replies (ingress). Port security has its say first. */
bool policy_is_exempt(const struct packet *packet, enum rule_direction direction);
