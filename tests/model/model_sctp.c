// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_sctp.h"

/* RFC 9260 3.2. Whatever else there is says nothing of the association. */
enum chunk {
    INIT = 1,
    INIT_ACK = 2,
    ABORT = 6,
    SHUTDOWN = 7,
    SHUTDOWN_ACK = 8,
    COOKIE_ECHO = 10,
    COOKIE_ACK = 11,
    SHUTDOWN_COMPLETE = 14
};

static bool is_plain(uint8_t chunk)
{
    return chunk != INIT && chunk != INIT_ACK && chunk != ABORT && chunk != SHUTDOWN && chunk != SHUTDOWN_ACK &&
           chunk != COOKIE_ECHO && chunk != COOKIE_ACK && chunk != SHUTDOWN_COMPLETE;
}

enum model_start model_sctp_start(uint8_t chunk)
{
    return chunk == INIT ? MODEL_STARTS : is_plain(chunk) ? MODEL_PICKS_UP : MODEL_STARTS_NOTHING;
}

static enum model_track to(enum session_state *state, enum session_state next)
{
    *state = next;
    return MODEL_FITS;
}

static enum model_track track_opening(enum session_state *state, uint8_t chunk)
{
    bool echoed = *state == SESSION_COOKIE_ECHOED;

    if (chunk == ABORT)
        return to(state, SESSION_CLOSED);
    if (chunk == COOKIE_ECHO)
        return to(state, SESSION_COOKIE_ECHOED);
    if (chunk == COOKIE_ACK && echoed)
        return to(state, SESSION_ESTABLISHED);
    return chunk == INIT || chunk == INIT_ACK || (echoed && is_plain(chunk)) ? MODEL_FITS : MODEL_DOES_NOT_FIT;
}

static enum model_track track_shutdown(enum session_state *state, uint8_t chunk)
{
    bool acked = *state == SESSION_SHUTDOWN_ACK_SENT;

    switch (chunk) {
    case ABORT:
        return to(state, SESSION_CLOSED);
    case SHUTDOWN_ACK:
        return to(state, SESSION_SHUTDOWN_ACK_SENT);
    case SHUTDOWN_COMPLETE:
        return acked ? to(state, SESSION_CLOSED) : MODEL_DOES_NOT_FIT;
    case INIT_ACK:
    case COOKIE_ACK:
        return acked ? MODEL_DOES_NOT_FIT : MODEL_FITS;
    default:
        return MODEL_FITS;
    }
}

static enum model_track track_closed(enum session_state *state, uint8_t chunk, bool reply)
{
    switch (chunk) {
    case INIT:
        return MODEL_OPENS_ANEW;
    case INIT_ACK: /* the ABORT of the handshake was not believed */
        return reply ? to(state, SESSION_COOKIE_WAIT) : MODEL_DOES_NOT_FIT;
    case COOKIE_ECHO:
        return reply ? MODEL_DOES_NOT_FIT : to(state, SESSION_COOKIE_ECHOED);
    case COOKIE_ACK:
        return reply ? to(state, SESSION_ESTABLISHED) : MODEL_DOES_NOT_FIT;
    case SHUTDOWN:
        return MODEL_DOES_NOT_FIT;
    default:
        return MODEL_FITS;
    }
}

/* Said to be aborted, which may be a lie. */
static enum model_track track_aborted(enum session_state *state, uint8_t chunk, bool reply)
{
    switch (chunk) {
    case INIT:
    case ABORT:
        return MODEL_FITS;
    case INIT_ACK:
        return reply ? MODEL_FITS : MODEL_DOES_NOT_FIT;
    case SHUTDOWN:
        return to(state, reply ? SESSION_SHUTDOWN_RECD : SESSION_SHUTDOWN_SENT);
    case COOKIE_ECHO:
        return reply ? MODEL_DOES_NOT_FIT : to(state, SESSION_COOKIE_ECHOED);
    case COOKIE_ACK:
        return reply ? to(state, SESSION_ESTABLISHED) : MODEL_DOES_NOT_FIT;
    default:
        return is_plain(chunk) ? to(state, SESSION_ESTABLISHED) : MODEL_DOES_NOT_FIT;
    }
}

enum model_track model_sctp_track(enum session_state *state, uint8_t chunk, enum model_direction direction)
{
    bool reply = direction == MODEL_REPLY;

    switch (*state) {
    case SESSION_COOKIE_WAIT:
    case SESSION_COOKIE_ECHOED:
        return track_opening(state, chunk);
    case SESSION_ESTABLISHED:
        if (chunk == ABORT)
            return to(state, SESSION_ABORTED);
        if (chunk == SHUTDOWN)
            return to(state, reply ? SESSION_SHUTDOWN_RECD : SESSION_SHUTDOWN_SENT);
        return MODEL_FITS;
    case SESSION_CLOSED:
        return track_closed(state, chunk, reply);
    case SESSION_ABORTED:
        return track_aborted(state, chunk, reply);
    default:
        return track_shutdown(state, chunk);
    }
}
