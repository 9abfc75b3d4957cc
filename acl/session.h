// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* What names a connection in one zone (a zone is a logical network: tenants may use the same addresses). */
struct ct_tuple {
    struct inet_addr src;
    struct inet_addr dst;
    uint32_t zone;
    uint16_t src_port; /* network order; ICMP echo: the identifier, in both */
    uint16_t dst_port;
    uint8_t protocol;
    uint8_t icmp_type; /* of an ICMP query or its answer: a request never passes for the reply to another one; else 0 */
    uint8_t pad[6];    /* zero: tuples are compared and hashed as bytes */
};
_Static_assert(sizeof(struct ct_tuple) == 48, "no hidden padding in a tuple");

/* The answer of policy for a session, both sides in its original direction. */
struct session_verdict {
    uint32_t sequence;     /* of the snapshot it was made under */
    uint32_t egress_rule;  /* rule that let it out of the sender, 0: none asked */
    uint32_t ingress_rule; /* rule that let it into the receiver, 0: none asked */
    bool allowed;          /* false: cut; packets of both directions are dropped until it expires or is allowed again */
};

enum session_state {
    SESSION_NONE,
    /* TCP (RFC 9293 3.3.2 seen from the middle; names as nf_conntrack shows them). */
    SESSION_SYN_SENT,
    SESSION_SYN_SENT2, /* simultaneous open */
    SESSION_SYN_RECV,
    SESSION_ESTABLISHED,
    SESSION_FIN_WAIT,
    SESSION_CLOSE_WAIT,
    SESSION_LAST_ACK,
    SESSION_TIME_WAIT,
    SESSION_CLOSE,
    /* UDP and everything without states of its own. */
    SESSION_ONE_WAY,
    SESSION_TWO_WAY,
    SESSION_N_STATES
};
const char *session_state_name(enum session_state state);

/* Seconds a session may stay silent in a state, by protocol class, as Linux has them. Never below
 * SESSION_CACHE_IDLE + 2, so that no flow cache entry outlives the session it names. */
#define SESSION_CACHE_IDLE 6
uint32_t session_timeout(uint8_t protocol, enum session_state state);

/* A living session as dumps show it. */
struct session_copy {
    uint32_t id;
    struct ct_tuple original;
    struct ct_tuple reply;
    enum session_state state;
    uint32_t expires; /* tick */
    uint32_t source;
    uint32_t destination;
    struct session_verdict verdict;
};
