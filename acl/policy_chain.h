// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy.h"

/* What one side of a connection is asked: ACL tiers one after the other, then the security groups.
 *
 *      tier 0 ──no match, or pass──► tier 1 ──► ... ──► groups ──no match──► denied by 'default_rule'
 *        │                                               │
 *        └► allow, allow-stateless, deny, reject         └► allow, allow-stateless
 *
 * Immutable, shared by ports with the same groups and ACLs, reference counted. */
struct policy_chain;

#define POLICY_TIERS_MAX 8 /* ACL.tier is 0..7 */

/* Control or builder thread. Takes references of its own to the 'n' tiers (at most POLICY_TIERS_MAX, lowest first) and to
 * 'groups' (NULL: the port is in no group: what no tier decides is open). 'default_rule' names the denial of what no
 * group allows (0: nameless). NULL when out of memory. */
struct policy_chain *policy_chain_create(struct policy *const *tiers, size_t n, struct policy *groups,
                                         const struct policy_rule *default_rule);
struct policy_chain *policy_chain_ref(struct policy_chain *chain);
void policy_chain_unref(struct policy_chain *chain); /* NULL allowed */

/* Worker, first packet of a flow. The rule that decides, or NULL: the chain leaves it open (the next one is asked; after
 * the last it is allowed, with a session). Never a RULE_PASS. 'chain' NULL: leaves everything open. */
const struct policy_rule *policy_chain_decide(const struct policy_chain *chain, const struct addr_sets *sets,
                                              const struct rule_query *query);

/* True when some rule looks at RULE_IF_OF_PACKET; NULL: false. */
bool policy_chain_looks_at_packet(const struct policy_chain *chain);
/* True when some rule is RULE_ALLOW; NULL: false. */
bool policy_chain_keeps_state(const struct policy_chain *chain);

/* Steps for people: the policies in order (tiers, then the groups' or NULL). Any thread. */
size_t policy_chain_tier_count(const struct policy_chain *chain);
const struct policy *policy_chain_tier(const struct policy_chain *chain, size_t i);
const struct policy *policy_chain_groups(const struct policy_chain *chain);
const struct policy_rule *policy_chain_default(const struct policy_chain *chain);
