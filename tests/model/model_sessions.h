// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/rule.h"
#include "acl/session.h"
#include "tests/model/model_packet.h"

/* Sessions as a plain list that is looked through from its beginning. */

#define MODEL_SESSIONS 2048u

/* The answer of one side, as the session keeps it. */
struct model_side {
    bool asked;
    bool stateless;
    enum rule_on_change on_change;
    uint32_t rule;
};

struct model_session {
    bool alive;
    struct model_packet first; /* its first packet: the original direction */
    enum session_state state;
    uint32_t last_seen;
    uint64_t number;          /* in order of creation */
    uint64_t half_open_since; /* in the same order */
    uint32_t charged;         /* guest; 0: nobody */
    bool short_times;         /* timeouts of that guest's own */

    uint64_t judged; /* the version of policy that said what follows */
    bool allowed;
    bool reject; /* not allowed, by a rule that rejects */
    bool kept;   /* allowed because an old yes stays */
    struct model_side egress;
    struct model_side ingress;
    uint32_t audit_rule;
};

struct model_sessions {
    uint32_t n; /* places in use, dead ones among them */
    uint64_t n_opened;
    struct model_session list[MODEL_SESSIONS];
};

enum model_direction { MODEL_NONE, MODEL_ORIGINAL, MODEL_REPLY };

/* Can the packet belong to a session of its own? */
bool model_has_tuple(const struct model_packet *packet);
/* The session that the packet belongs to, NULL: none. */
struct model_session *model_sessions_find(struct model_sessions *sessions, const struct model_packet *packet,
                                          enum model_direction *direction);
/* The session whose packet an ICMP error quotes; '*direction' is that in which the error travels. */
struct model_session *model_sessions_find_quoted(struct model_sessions *sessions, const struct model_packet *error,
                                                 enum model_direction *direction);

/* What a first packet may do. */
enum model_start { MODEL_STARTS, MODEL_PICKS_UP, MODEL_STARTS_NOTHING };
enum model_start model_start_of(const struct model_packet *packet);

/* Makes room for one more; the caller fills in the verdict. */
struct model_session *model_sessions_open(struct model_sessions *sessions, const struct model_packet *packet,
                                          uint32_t now);

/* Shows a packet to its session. */
enum model_track { MODEL_FITS, MODEL_DOES_NOT_FIT, MODEL_OPENS_ANEW };
enum model_track model_sessions_track(struct model_session *session, const struct model_packet *packet,
                                      enum model_direction direction, uint32_t now);

/* The tick at which it ends unless another packet comes. */
uint32_t model_session_deadline(const struct model_session *session);
/* TCP whose handshake has not finished. */
bool model_session_is_half_open(const struct model_session *session);
uint32_t model_sessions_charged(const struct model_sessions *sessions, uint32_t guest, bool half_open);
