// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/rule.h"
#include "tests/model/model_packet.h"

/* Policy as it is written down (docs/policy-model.md): lists of rows, asked one after the other. */

#define MODEL_ACLS   6u
#define MODEL_GROUPS 4u
#define MODEL_RULES  4u
#define MODEL_SETS   3u

struct model_acl {
    struct rule rule;
    unsigned int tier;
    unsigned int priority;
    bool audit;
    uint32_t uuid; /* the last thing that decides about precedence */
};

struct model_acls {
    size_t n;
    struct model_acl rows[MODEL_ACLS];
};

struct model_group {
    bool stateful;
    bool audit;
    enum rule_on_change on_change;
    uint32_t default_rule; /* the id of "GROUP/default" */
    size_t n;
    struct rule rules[MODEL_RULES];
};

/* What a Logical_Port row says; without one nothing polices the guest. */
struct model_port {
    bool has_row;
    bool disabled;
    bool broken;      /* its policy cannot be built */
    bool security;    /* sends only from its addresses */
    bool security_v4; /* ... which are: IPv4 */
    bool security_v6;
    struct model_acls acls;
    uint32_t groups; /* bit n: group n; in the order of their names */
    bool pick_up;
    uint32_t max; /* 0: no limit that matters */
    uint32_t half_open;
    bool short_times; /* timeouts of its own */
};

struct model_policies {
    struct model_port ports[MODEL_GUESTS + 1];
    struct model_acls networks[2]; /* 0: untagged, 1: MODEL_VLAN */
    struct model_group groups[MODEL_GROUPS];
    uint32_t sets[MODEL_SETS]; /* bit n: the addresses of guest n */
};

/* Has the guest sessions in that network? */
bool model_is_policed(const struct model_policies *policies, uint32_t guest, uint16_t vlan);

struct model_answer {
    bool decided; /* false: left open */
    enum rule_action action;
    uint32_t rule;
    enum rule_on_change on_change;
    bool by_default;     /* refused because no rule of its groups allows it */
    uint32_t audit_rule; /* allowed, but this one would have refused it */
};

/* What policy answers about the packet on the side of 'guest', as its sender (RULE_EGRESS) or receiver. */
struct model_answer model_ask(const struct model_policies *policies, uint32_t guest, enum rule_direction direction,
                              const struct model_packet *packet);

static inline bool model_answer_allows(const struct model_answer *answer)
{
    return !answer->decided || answer->action == RULE_ALLOW || answer->action == RULE_ALLOW_STATELESS;
}

/* Traffic that neither ACLs nor groups are asked about on that side. ARP is not among it: ACLs may name it. */
bool model_is_exempt(const struct model_packet *packet, enum rule_direction direction);

/* Precedence within a tier: negative when 'a' comes before 'b'. */
int model_acl_compare(const struct model_acl *a, const struct model_acl *b);
