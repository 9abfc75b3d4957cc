// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/admission.h"
#include "dataplane/side.h"
#include "dataplane/snapshot_private.h"

/* Shared by the files of admission. */

static inline struct side admission_side(const struct admission *a, const struct attachment *attachment,
                                         enum rule_direction direction)
{
    return (struct side){.attachment = attachment, .zone = a->zone_policy, .direction = direction};
}

static inline bool admission_polices(const struct admission *a, const struct attachment *attachment)
{
    struct side side = admission_side(a, attachment, RULE_EGRESS);

    return side_is_policed(&side);
}

/* Snapshot sequences wrap. */
static inline bool sequence_is_later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline enum drop_reason drop_of_side(enum rule_direction direction)
{
    return direction == RULE_EGRESS ? DROP_POLICY_EGRESS : DROP_POLICY_INGRESS;
}

/* The answer of both sides about one connection in its original direction. */
struct judgement {
    enum drop_reason drop; /* DROP_NONE: both allow */
    bool stateful;         /* some policed side keeps state */
    bool cut;              /* refused now, allowed before */
    bool of_packet;        /* side_answer's */
    struct side_answer egress;
    struct side_answer ingress;
    struct session_verdict verdict;
};

/* admission_judge.c. Asks the sides of a connection; those that are not policed are not asked. 'former': the session's
 * verdict until now, NULL: a new connection. */
struct judgement admission_judge(const struct admission *a, const struct ct_tuple *tuple,
                                 const struct session_traits *traits, const struct attachment *sender,
                                 const struct attachment *receiver, const struct session_verdict *former);
/* Asks one side about this very packet, which has no session on that side; counts and logs the answer. ARP that no ACL
 * decides about is allowed. */
struct side_answer admission_ask_packet(const struct admission *a, const struct side *side);
/* Takes the answer into the resolution, where '*rule' (one of resolution->rules) names the side's rule. DROP_NONE when it
 * allows. */
enum drop_reason admission_take_answer(struct admission *a, enum rule_direction direction,
                                       const struct side_answer *answer, uint32_t *rule);
/* Counts and logs what was decided. */
void admission_note(const struct admission *a, const struct judgement *judgement, const struct ct_tuple *tuple,
                    const struct attachment *sender, const struct attachment *receiver);
/* Puts the rules of a verdict into the resolution. */
void admission_name_rules(struct resolution *resolution, const struct session_verdict *verdict);

/* admission_sessions.c. A packet that may belong to a session, or open one. */
enum drop_reason admission_with_session(struct admission *a);
/* An ICMP or ICMPv6 error. */
enum drop_reason admission_related(struct admission *a);
/* admission.c. A packet that no session can be made of: each side by itself. */
enum drop_reason admission_stateless(struct admission *a);
