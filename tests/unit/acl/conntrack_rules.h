// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acl/sctp_states.h"
#include "tests/unit/acl/conntrack_fixture.h"

/* What TCP and SCTP packets do to their sessions, written out once more as sentences for the model to go by. */

static inline bool is_half_open(enum session_state state)
{
    return state == SESSION_SYN_SENT || state == SESSION_SYN_SENT2 || state == SESSION_SYN_RECV;
}

static inline bool is_closing(enum session_state state)
{
    return state == SESSION_FIN_WAIT || state == SESSION_CLOSE_WAIT || state == SESSION_LAST_ACK;
}

static inline bool is_over(enum session_state state)
{
    return state == SESSION_TIME_WAIT || state == SESSION_CLOSE;
}

static inline bool is_reset(enum session_state state)
{
    return state == SESSION_RESET_ORIGINAL || state == SESSION_RESET_REPLY;
}

/* Is it the segment's own side that is said to have reset the connection? */
static inline bool is_own_reset(enum session_state state, bool reply)
{
    return state == (reply ? SESSION_RESET_REPLY : SESSION_RESET_ORIGINAL);
}

static inline enum session_state after_syn(enum session_state state, bool reply)
{
    if (is_over(state) || (is_reset(state) && !is_own_reset(state, reply)))
        return SESSION_REOPEN;
    if (state == SESSION_SYN_SENT && reply)
        return SESSION_SYN_SENT2;
    return is_closing(state) && reply ? SESSION_NONE : state;
}

static inline enum session_state after_syn_ack(enum session_state state, bool reply)
{
    if (state == SESSION_RESET_REPLY)
        return reply ? SESSION_ESTABLISHED : SESSION_REOPEN;
    if (state == SESSION_SYN_SENT2 ||
        (reply && (state == SESSION_SYN_SENT || state == SESSION_CLOSE || state == SESSION_RESET_ORIGINAL)))
        return SESSION_SYN_RECV;
    return reply || state == SESSION_SYN_RECV || state == SESSION_ESTABLISHED ? state : SESSION_NONE;
}

static inline enum session_state after_ack(enum session_state state, bool reply)
{
    if (state == SESSION_SYN_SENT || state == SESSION_SYN_SENT2)
        return reply ? state : SESSION_NONE;
    if (state == SESSION_SYN_RECV)
        return reply ? state : SESSION_ESTABLISHED;
    if (is_own_reset(state, reply))
        return SESSION_ESTABLISHED;
    if (state == SESSION_FIN_WAIT)
        return SESSION_CLOSE_WAIT;
    return state == SESSION_LAST_ACK ? SESSION_TIME_WAIT : state;
}

static inline enum session_state after_fin(enum session_state state, bool reply)
{
    if (state == SESSION_SYN_SENT || state == SESSION_SYN_SENT2)
        return SESSION_NONE;
    if (state == SESSION_SYN_RECV || state == SESSION_ESTABLISHED || is_own_reset(state, reply))
        return SESSION_FIN_WAIT;
    return is_closing(state) ? SESSION_LAST_ACK : state;
}

static inline enum session_state after_rst(enum session_state state, bool reply, bool ack)
{
    if (state == SESSION_SYN_SENT && reply)
        return ack ? SESSION_CLOSE : SESSION_NONE;
    if (is_half_open(state) || is_own_reset(state, reply))
        return state;
    if (state == SESSION_ESTABLISHED || state == SESSION_FIN_WAIT || state == SESSION_CLOSE_WAIT)
        return reply ? SESSION_RESET_REPLY : SESSION_RESET_ORIGINAL;
    return SESSION_CLOSE;
}

/* Of the flags that the test makes, 0 alone is impossible. */
static inline enum session_state after_segment(enum session_state state, bool reply, uint8_t flags)
{
    if (flags == 0)
        return SESSION_NONE;
    if (flags & RST)
        return after_rst(state, reply, flags & ACK);
    if (flags & SYN)
        return flags & ACK ? after_syn_ack(state, reply) : after_syn(state, reply);
    return flags & TCP_FLAG_FIN ? after_fin(state, reply) : after_ack(state, reply);
}

static inline enum session_state after_chunk_in_handshake(enum session_state state, enum sctp_class class)
{
    bool echoed = state == SESSION_COOKIE_ECHOED;

    switch (class) {
    case SCTP_INIT:
    case SCTP_INIT_ACK:
        return state;
    case SCTP_ABORT:
        return SESSION_CLOSED;
    case SCTP_COOKIE_ECHO:
        return SESSION_COOKIE_ECHOED;
    case SCTP_COOKIE_ACK:
        return echoed ? SESSION_ESTABLISHED : SESSION_NONE;
    case SCTP_PLAIN:
        return echoed ? state : SESSION_NONE;
    default:
        return SESSION_NONE;
    }
}

static inline enum session_state after_chunk_in_shutdown(enum session_state state, enum sctp_class class)
{
    bool acked = state == SESSION_SHUTDOWN_ACK_SENT;

    if (class == SCTP_ABORT)
        return SESSION_CLOSED;
    if (class == SCTP_SHUTDOWN_COMPLETE)
        return acked ? SESSION_CLOSED : SESSION_NONE;
    if (class == SCTP_SHUTDOWN_ACK)
        return SESSION_SHUTDOWN_ACK_SENT;
    return acked && (class == SCTP_INIT_ACK || class == SCTP_COOKIE_ACK) ? SESSION_NONE : state;
}

/* CLOSED and ABORTED: what shows that the end was none, or a new beginning. */
static inline enum session_state after_chunk_at_end(enum session_state state, bool reply, enum sctp_class class)
{
    bool aborted = state == SESSION_ABORTED;

    switch (class) {
    case SCTP_INIT:
        return aborted ? state : SESSION_REOPEN;
    case SCTP_PLAIN:
        return aborted ? SESSION_ESTABLISHED : state;
    case SCTP_ABORT:
        return state;
    case SCTP_INIT_ACK:
        return !reply ? SESSION_NONE : aborted ? state : SESSION_COOKIE_WAIT;
    case SCTP_COOKIE_ECHO:
        return reply ? SESSION_NONE : SESSION_COOKIE_ECHOED;
    case SCTP_COOKIE_ACK:
        return reply ? SESSION_ESTABLISHED : SESSION_NONE;
    case SCTP_SHUTDOWN:
        return !aborted ? SESSION_NONE : reply ? SESSION_SHUTDOWN_RECD : SESSION_SHUTDOWN_SENT;
    default:
        return aborted ? SESSION_NONE : state;
    }
}

static inline enum session_state after_chunk(enum session_state state, bool reply, enum sctp_class class)
{
    switch (state) {
    case SESSION_COOKIE_WAIT:
    case SESSION_COOKIE_ECHOED:
        return after_chunk_in_handshake(state, class);
    case SESSION_ESTABLISHED:
        if (class == SCTP_SHUTDOWN)
            return reply ? SESSION_SHUTDOWN_RECD : SESSION_SHUTDOWN_SENT;
        return class == SCTP_ABORT ? SESSION_ABORTED : state;
    case SESSION_CLOSED:
    case SESSION_ABORTED:
        return after_chunk_at_end(state, reply, class);
    default:
        return after_chunk_in_shutdown(state, class);
    }
}
