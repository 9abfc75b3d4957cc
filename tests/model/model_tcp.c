// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_tcp.h"

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define ACK 0x10u
#define URG 0x20u

enum model_segment model_segment_of(uint8_t tcp_flags)
{
    bool fin = tcp_flags & FIN, syn = tcp_flags & SYN, rst = tcp_flags & RST, ack = tcp_flags & ACK;
    bool urg = tcp_flags & URG;

    if (fin + syn + rst > 1)
        return MODEL_NONSENSE;
    if (syn && ack)
        return urg ? MODEL_NONSENSE : MODEL_SYN_ACK;
    if (syn)
        return MODEL_SYN;
    if (rst)
        return urg ? MODEL_NONSENSE : ack ? MODEL_RST_ACK : MODEL_RST;
    if (!ack)
        return MODEL_NONSENSE;
    return fin ? MODEL_FIN : MODEL_ACK;
}

static enum model_track to(enum session_state *state, enum session_state next)
{
    *state = next;
    return MODEL_FITS;
}

/* Before both sides have agreed. */
static enum model_track track_opening(enum session_state *state, enum model_segment segment, bool reply)
{
    switch (segment) {
    case MODEL_SYN:
        if (*state == SESSION_SYN_SENT && reply)
            return to(state, SESSION_SYN_SENT2); /* simultaneous open */
        return MODEL_FITS;                       /* sent once more */
    case MODEL_SYN_ACK:
        if (*state == SESSION_SYN_SENT && !reply)
            return MODEL_DOES_NOT_FIT; /* there is nothing yet that it could answer */
        return to(state, SESSION_SYN_RECV);
    case MODEL_ACK:
        if (*state == SESSION_SYN_RECV)
            return to(state, reply ? SESSION_SYN_RECV : SESSION_ESTABLISHED);
        return reply ? MODEL_FITS : MODEL_DOES_NOT_FIT; /* a half-open connection is found out */
    case MODEL_FIN:
        return *state == SESSION_SYN_RECV ? to(state, SESSION_FIN_WAIT) : MODEL_DOES_NOT_FIT;
    default:
        return MODEL_DOES_NOT_FIT;
    }
}

/* One FIN seen, answered, two seen, answered. */
static enum model_track track_closing(enum session_state *state, enum model_segment segment, bool reply)
{
    bool over = *state == SESSION_TIME_WAIT || *state == SESSION_CLOSE;

    switch (segment) {
    case MODEL_SYN:
        if (over)
            return MODEL_OPENS_ANEW;
        return reply ? MODEL_DOES_NOT_FIT : MODEL_FITS;
    case MODEL_SYN_ACK:
        if (!reply)
            return MODEL_DOES_NOT_FIT;
        return *state == SESSION_CLOSE ? to(state, SESSION_SYN_RECV) : MODEL_FITS; /* it was not refused after all */
    case MODEL_ACK:
        if (*state == SESSION_FIN_WAIT)
            return to(state, SESSION_CLOSE_WAIT);
        if (*state == SESSION_LAST_ACK)
            return to(state, SESSION_TIME_WAIT);
        return MODEL_FITS;
    case MODEL_FIN:
        return over ? MODEL_FITS : to(state, SESSION_LAST_ACK);
    default:
        return MODEL_DOES_NOT_FIT;
    }
}

/* A reset may be a lie, which only its receiver can tell: it is passed on, and ends what nobody has agreed to yet or both
 * sides have finished. Of a connection under way it is remembered whose it is. */
static enum model_track track_reset(enum session_state *state, enum model_segment segment, bool reply)
{
    switch (*state) {
    case SESSION_SYN_SENT:
        if (!reply)
            return MODEL_FITS;
        return segment == MODEL_RST_ACK ? to(state, SESSION_CLOSE) : MODEL_DOES_NOT_FIT; /* refused */
    case SESSION_SYN_SENT2:
    case SESSION_SYN_RECV:
        return MODEL_FITS;
    case SESSION_ESTABLISHED:
    case SESSION_FIN_WAIT:
    case SESSION_CLOSE_WAIT:
        return to(state, reply ? SESSION_RESET_REPLY : SESSION_RESET_ORIGINAL);
    case SESSION_RESET_ORIGINAL:
        return reply ? to(state, SESSION_CLOSE) : MODEL_FITS;
    case SESSION_RESET_REPLY:
        return reply ? MODEL_FITS : to(state, SESSION_CLOSE);
    default:
        return to(state, SESSION_CLOSE);
    }
}

/* One side is said to have reset the connection. What that side goes on to send shows that it was not so; what the other
 * one sends was on its way, or begins anew. */
static enum model_track track_after_reset(enum session_state *state, enum model_segment segment, bool reply)
{
    bool by_reply = *state == SESSION_RESET_REPLY;

    if (by_reply == reply) {
        switch (segment) {
        case MODEL_SYN:
            return MODEL_FITS;
        case MODEL_SYN_ACK:
            return by_reply ? to(state, SESSION_ESTABLISHED) : MODEL_DOES_NOT_FIT;
        case MODEL_ACK:
            return to(state, SESSION_ESTABLISHED);
        default:
            return to(state, SESSION_FIN_WAIT);
        }
    }
    if (segment == MODEL_SYN)
        return MODEL_OPENS_ANEW;
    if (segment == MODEL_SYN_ACK)
        return by_reply ? MODEL_OPENS_ANEW : to(state, SESSION_SYN_RECV);
    return MODEL_FITS;
}

enum model_track model_tcp_track(enum session_state *state, enum model_segment segment, enum model_direction direction)
{
    bool reply = direction == MODEL_REPLY;

    if (segment == MODEL_NONSENSE)
        return MODEL_DOES_NOT_FIT;
    if (segment == MODEL_RST || segment == MODEL_RST_ACK)
        return track_reset(state, segment, reply);
    switch (*state) {
    case SESSION_SYN_SENT:
    case SESSION_SYN_SENT2:
    case SESSION_SYN_RECV:
        return track_opening(state, segment, reply);
    case SESSION_ESTABLISHED:
        return segment == MODEL_FIN ? to(state, SESSION_FIN_WAIT) : MODEL_FITS;
    case SESSION_RESET_ORIGINAL:
    case SESSION_RESET_REPLY:
        return track_after_reset(state, segment, reply);
    default:
        return track_closing(state, segment, reply);
    }
}
