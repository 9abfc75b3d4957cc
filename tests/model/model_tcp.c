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
        return urg ? MODEL_NONSENSE : MODEL_RST;
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
        return reply ? MODEL_FITS : MODEL_DOES_NOT_FIT;
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

enum model_track model_tcp_track(enum session_state *state, enum model_segment segment, enum model_direction direction)
{
    bool reply = direction == MODEL_REPLY;

    if (segment == MODEL_NONSENSE)
        return MODEL_DOES_NOT_FIT;
    if (segment == MODEL_RST)
        return to(state, SESSION_CLOSE);
    switch (*state) {
    case SESSION_SYN_SENT:
    case SESSION_SYN_SENT2:
    case SESSION_SYN_RECV:
        return track_opening(state, segment, reply);
    case SESSION_ESTABLISHED:
        return segment == MODEL_FIN ? to(state, SESSION_FIN_WAIT) : MODEL_FITS;
    default:
        return track_closing(state, segment, reply);
    }
}
