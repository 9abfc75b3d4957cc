// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "acl/rule.h"
#include "dataplane/snapshot.h"

/* One side of a connection, the sender's or the receiver's, and what policy says on it:
 *
 *      network's tiers ──open──► port's tiers ──open──► its groups ──open──► allowed, with a session
 *
 * Only attachments with a policy of their own are asked. */
struct side {
    const struct attachment *attachment; /* NULL: unknown or gone, not asked */
    const struct zone_policy *zone;      /* NULL: the network has no ACLs */
    enum rule_direction direction;       /* RULE_EGRESS: the sender's side */
};

struct side_answer {
    enum rule_action action; /* never RULE_PASS; RULE_ALLOW with rule 0: nothing decided */
    enum rule_on_change on_change;
    uint32_t rule;
    uint32_t audit_rule;   /* allowed, but this one in audit mode would have refused it; 0: none */
    bool by_default;       /* refused because no rule of the groups allows it */
    bool audit_by_default; /* likewise of 'audit_rule' */
    bool keeps_state;      /* the port has rules that open sessions */
    bool log;              /* 'rule' asks to be logged */
    bool audit_log;        /* 'audit_rule' does */
    bool of_packet;        /* other packets of the same flow may be answered differently (RULE_IF_OF_PACKET) */
};

/* Worker. Is there anything to ask? */
bool side_is_policed(const struct side *side);

/* Worker, first packet of a flow. What policy answers; not for a side that is not policed. */
void side_ask(const struct side *side, const struct addr_sets *sets, const struct rule_query *query,
              struct side_answer *answer);

static inline bool side_answer_allows(const struct side_answer *answer)
{
    return answer->action == RULE_ALLOW || answer->action == RULE_ALLOW_STATELESS;
}
