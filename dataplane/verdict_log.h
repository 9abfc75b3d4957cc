// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/rule.h"
#include "acl/session.h"

/* Verdicts by rules that ask to be logged, on their way from workers to the control thread: one ring for each worker.
 * What does not fit, or is more than a rule may log in a second, is not lost without a word: the next event of the rule
 * says how many were left out. */

enum verdict { VERDICT_ALLOW, VERDICT_DENY, VERDICT_REJECTED, VERDICT_CUT, VERDICT_WOULD_DENY };

struct verdict_event {
    uint32_t rule;
    uint32_t attachment; /* of the side that decided */
    enum verdict verdict;
    enum rule_direction side; /* as the guest there sees it */
    bool is_arp;              /* 'tuple' has no more than the addresses */
    struct ct_tuple tuple;    /* as the packet or, for connections, the original direction has it */
    uint32_t left_out;        /* set by the log: verdicts of the rule since its last event that are not logged */
};

/* Most events of one rule and worker in a second. */
#define VERDICT_LOG_RATE 10u

/* Worker. */
void verdict_log_post(unsigned int worker, const struct verdict_event *event, uint32_t now);
/* Control thread: the next event; false when there is none. */
bool verdict_log_take(struct verdict_event *event);
