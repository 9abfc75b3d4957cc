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
    uint32_t egress_rule;  /* rule that let it out of the sender, or refused it; 0: none decided */
    uint32_t ingress_rule; /* rule that let it into the receiver, or refused it; 0: none decided */
    uint32_t audit_rule;   /* rule in audit mode that would have refused it; 0: none */
    uint8_t flags;         /* VERDICT_* */
    bool allowed;          /* false: cut; packets of both directions are dropped until it expires or is allowed again */
};

#define VERDICT_EGRESS_STATELESS  0x01u /* that side keeps no state: replies to it are asked about themselves */
#define VERDICT_INGRESS_STATELESS 0x02u
#define VERDICT_EGRESS_KEEP       0x04u /* RULE_KEEP: goes on when the rule is gone */
#define VERDICT_INGRESS_KEEP      0x08u
#define VERDICT_EGRESS_FLUSH      0x10u /* RULE_FLUSH: ends when the rule is gone */
#define VERDICT_INGRESS_FLUSH     0x20u
#define VERDICT_REJECT            0x40u /* cut by a rule that rejects */

/* What a rule may have looked at in the first packet of a session, and the tuple does not say. */
struct session_traits {
    struct mac_addr src_mac; /* as in the original direction */
    struct mac_addr dst_mac;
    uint8_t tcp_flags;
    uint8_t dscp;
    uint8_t icmp_code;
    uint8_t pad;
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
    SESSION_RESET_ORIGINAL, /* that side is said to have reset it; shown as CLOSE */
    SESSION_RESET_REPLY,
    /* SCTP (RFC 9260 4; names as nf_conntrack shows them), with ESTABLISHED. */
    SESSION_COOKIE_WAIT,
    SESSION_COOKIE_ECHOED,
    SESSION_SHUTDOWN_SENT,
    SESSION_SHUTDOWN_RECD,
    SESSION_SHUTDOWN_ACK_SENT,
    SESSION_CLOSED,
    SESSION_ABORTED, /* said to be; shown as CLOSED */
    /* UDP and everything without states of its own. */
    SESSION_ONE_WAY,
    SESSION_TWO_WAY,
    SESSION_N_STATES
};
const char *session_state_name(enum session_state state);

/* Not a state: the packet opens a new connection between the same ports, and the old session must make way. */
#define SESSION_REOPEN SESSION_N_STATES

/* Seconds a session may stay silent in a state, by protocol class, as Linux has them. Never below
 * SESSION_CACHE_IDLE + 2, so that no flow cache entry outlives the session it names. */
#define SESSION_CACHE_IDLE  6
#define SESSION_TIMEOUT_MIN (SESSION_CACHE_IDLE + 2)
uint32_t session_timeout(uint8_t protocol, enum session_state state);

/* Times of one's own, as Logical_Port.conntrack has them: one for each state of each class of protocols; 0: the default.
 * Keys are named like Linux's, "tcp_established", "udp_stream", "icmp" ... */
enum timeout_class { TIMEOUT_GENERIC, TIMEOUT_TCP, TIMEOUT_UDP, TIMEOUT_ICMP, TIMEOUT_SCTP, TIMEOUT_N_CLASSES };
struct session_timeouts {
    uint32_t seconds[TIMEOUT_N_CLASSES][SESSION_N_STATES];
};
/* Sets what 'key' names; 'seconds' is raised to the shortest time allowed. 0, or -EINVAL for an unknown key. */
int session_timeouts_set(struct session_timeouts *set, const char *key, uint32_t seconds);
/* The class that a protocol's times are in. */
enum timeout_class session_timeout_class(uint8_t protocol);

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
