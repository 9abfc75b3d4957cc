// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/drop.h"
#include "tests/model/model_fragments.h"
#include "tests/model/model_policy.h"
#include "tests/model/model_sessions.h"

/* The whole switch as docs/policy-model.md describes it, one packet after the other: no cache, no generations, nothing
 * compiled. It shares no decision with what it judges. */
struct model_switch {
    struct model_policies policies;
    uint64_t policy;                   /* grows with every change of 'policies' */
    uint64_t guests[MODEL_GUESTS + 1]; /* what it was when the policy of a guest changed last */
    uint64_t networks[2];              /* ... of a network */
    struct model_sessions sessions;
    struct model_fragments fragments;
    uint32_t now;
    bool dropped_cut; /* out: a half-open session that was cut has made way */
};

/* What should become of a packet. */
struct model_outcome {
    uint32_t receivers; /* bit n: guest n gets it */
    uint64_t reasons;   /* bit per enum drop_reason under which it may be counted as dropped; 0: it is not dropped */
    bool either;        /* it may just as well be dropped, or not: meaning does not say */
    bool reply;         /* its sender is told that it was refused */
    uint32_t released;  /* held fragments that go to the same receivers behind it */
    uint32_t perhaps;   /* further ones, held under another policy, which may have decided about them already */
};

struct model_outcome model_switch_send(struct model_switch *model, const struct model_packet *packet);

/* The sessions that one of these rules let in end: control says so when a rule with on_change=flush goes. */
void model_switch_flush(struct model_switch *model, const uint32_t *rules, size_t n);
