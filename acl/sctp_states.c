// SPDX-License-Identifier: Apache-2.0
#include "acl/sctp_states.h"

#include "dataplane/core/packet.h"

#define N_SCTP_STATES (SESSION_ABORTED + 1)

/* How to read it: next_states[state before][direction of the packet][its class] is the state after. The cell with the
 * state of its own row lets the packet pass and changes nothing; a cell left out means that the packet does not fit and
 * is dropped. An INIT in an association under way is a restart or a lie: it passes, and the answers settle it (RFC 9260
 * 5.2.2). One cell a line: */
/* clang-format off */
static const uint8_t next_states[N_SCTP_STATES][2][SCTP_N_CLASSES] = {
    /* Only an INIT opens; see CT_PICK_UP (conntrack.h) for associations already under way. */
    [SESSION_NONE] = {
        [CT_ORIGINAL] = {[SCTP_INIT] = SESSION_COOKIE_WAIT},
    },

    [SESSION_COOKIE_WAIT] = {
        [CT_ORIGINAL] = {
            [SCTP_INIT] = SESSION_COOKIE_WAIT, /* retransmission */
            [SCTP_INIT_ACK] = SESSION_COOKIE_WAIT, /* both sides began, 5.2.1 */
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_COOKIE_ECHO] = SESSION_COOKIE_ECHOED,
        },
        [CT_REPLY] = {
            [SCTP_INIT] = SESSION_COOKIE_WAIT,
            [SCTP_INIT_ACK] = SESSION_COOKIE_WAIT,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_COOKIE_ECHO] = SESSION_COOKIE_ECHOED,
        },
    },

    /* Data may follow the COOKIE ECHO and overtake the COOKIE ACK; it does not establish. */
    [SESSION_COOKIE_ECHOED] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_COOKIE_ECHOED,
            [SCTP_INIT] = SESSION_COOKIE_ECHOED,
            [SCTP_INIT_ACK] = SESSION_COOKIE_ECHOED,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_COOKIE_ECHO] = SESSION_COOKIE_ECHOED,
            [SCTP_COOKIE_ACK] = SESSION_ESTABLISHED,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_COOKIE_ECHOED,
            [SCTP_INIT] = SESSION_COOKIE_ECHOED,
            [SCTP_INIT_ACK] = SESSION_COOKIE_ECHOED,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_COOKIE_ECHO] = SESSION_COOKIE_ECHOED,
            [SCTP_COOKIE_ACK] = SESSION_ESTABLISHED,
        },
    },

    [SESSION_ESTABLISHED] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_ESTABLISHED,
            [SCTP_INIT] = SESSION_ESTABLISHED,
            [SCTP_INIT_ACK] = SESSION_ESTABLISHED,
            [SCTP_ABORT] = SESSION_ABORTED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_SENT,
            [SCTP_SHUTDOWN_ACK] = SESSION_ESTABLISHED,
            [SCTP_COOKIE_ECHO] = SESSION_ESTABLISHED,
            [SCTP_COOKIE_ACK] = SESSION_ESTABLISHED,
            [SCTP_SHUTDOWN_COMPLETE] = SESSION_ESTABLISHED,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_ESTABLISHED,
            [SCTP_INIT] = SESSION_ESTABLISHED,
            [SCTP_INIT_ACK] = SESSION_ESTABLISHED,
            [SCTP_ABORT] = SESSION_ABORTED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_RECD,
            [SCTP_SHUTDOWN_ACK] = SESSION_ESTABLISHED,
            [SCTP_COOKIE_ECHO] = SESSION_ESTABLISHED,
            [SCTP_COOKIE_ACK] = SESSION_ESTABLISHED,
            [SCTP_SHUTDOWN_COMPLETE] = SESSION_ESTABLISHED,
        },
    },

    /* The other side may still have data to send (9.2). */
    [SESSION_SHUTDOWN_SENT] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_SHUTDOWN_SENT,
            [SCTP_INIT] = SESSION_SHUTDOWN_SENT,
            [SCTP_INIT_ACK] = SESSION_SHUTDOWN_SENT,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_SENT,
            [SCTP_SHUTDOWN_ACK] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_SHUTDOWN_SENT,
            [SCTP_COOKIE_ACK] = SESSION_SHUTDOWN_SENT,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_SHUTDOWN_SENT,
            [SCTP_INIT] = SESSION_SHUTDOWN_SENT,
            [SCTP_INIT_ACK] = SESSION_SHUTDOWN_SENT,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_SENT, /* both at once */
            [SCTP_SHUTDOWN_ACK] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_SHUTDOWN_SENT,
            [SCTP_COOKIE_ACK] = SESSION_SHUTDOWN_SENT,
        },
    },

    [SESSION_SHUTDOWN_RECD] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_SHUTDOWN_RECD,
            [SCTP_INIT] = SESSION_SHUTDOWN_RECD,
            [SCTP_INIT_ACK] = SESSION_SHUTDOWN_RECD,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_RECD,
            [SCTP_SHUTDOWN_ACK] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_SHUTDOWN_RECD,
            [SCTP_COOKIE_ACK] = SESSION_SHUTDOWN_RECD,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_SHUTDOWN_RECD,
            [SCTP_INIT] = SESSION_SHUTDOWN_RECD,
            [SCTP_INIT_ACK] = SESSION_SHUTDOWN_RECD,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_RECD,
            [SCTP_SHUTDOWN_ACK] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_SHUTDOWN_RECD,
            [SCTP_COOKIE_ACK] = SESSION_SHUTDOWN_RECD,
        },
    },

    /* An INIT is answered with the SHUTDOWN ACK once more (9.2). */
    [SESSION_SHUTDOWN_ACK_SENT] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_INIT] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_SHUTDOWN_ACK] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_SHUTDOWN_COMPLETE] = SESSION_CLOSED,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_INIT] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_SHUTDOWN_ACK] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_SHUTDOWN_ACK_SENT,
            [SCTP_SHUTDOWN_COMPLETE] = SESSION_CLOSED,
        },
    },

    /* An INIT ACK shows that an ABORT during the handshake was not believed. */
    [SESSION_CLOSED] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_CLOSED,
            [SCTP_INIT] = SESSION_REOPEN,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN_ACK] = SESSION_CLOSED,
            [SCTP_COOKIE_ECHO] = SESSION_COOKIE_ECHOED,
            [SCTP_SHUTDOWN_COMPLETE] = SESSION_CLOSED,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_CLOSED,
            [SCTP_INIT] = SESSION_REOPEN,
            [SCTP_INIT_ACK] = SESSION_COOKIE_WAIT,
            [SCTP_ABORT] = SESSION_CLOSED,
            [SCTP_SHUTDOWN_ACK] = SESSION_CLOSED,
            [SCTP_COOKIE_ACK] = SESSION_ESTABLISHED,
            [SCTP_SHUTDOWN_COMPLETE] = SESSION_CLOSED,
        },
    },

    [SESSION_ABORTED] = {
        [CT_ORIGINAL] = {
            [SCTP_PLAIN] = SESSION_ESTABLISHED,
            [SCTP_INIT] = SESSION_ABORTED,
            [SCTP_ABORT] = SESSION_ABORTED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_SENT,
            [SCTP_COOKIE_ECHO] = SESSION_COOKIE_ECHOED,
        },
        [CT_REPLY] = {
            [SCTP_PLAIN] = SESSION_ESTABLISHED,
            [SCTP_INIT] = SESSION_ABORTED,
            [SCTP_INIT_ACK] = SESSION_ABORTED,
            [SCTP_ABORT] = SESSION_ABORTED,
            [SCTP_SHUTDOWN] = SESSION_SHUTDOWN_RECD,
            [SCTP_COOKIE_ACK] = SESSION_ESTABLISHED,
        },
    },
};

/* RFC 9260 3.2: chunk types. */
static const uint8_t classes[] = {
    [1] = SCTP_INIT,           [2] = SCTP_INIT_ACK,     [6] = SCTP_ABORT,       [7] = SCTP_SHUTDOWN,
    [8] = SCTP_SHUTDOWN_ACK,   [10] = SCTP_COOKIE_ECHO, [11] = SCTP_COOKIE_ACK, [14] = SCTP_SHUTDOWN_COMPLETE,
};
/* clang-format on */

enum sctp_class sctp_class_of(uint8_t flags)
{
    uint8_t type = flags & (uint8_t)~PACKET_SCTP_CHUNK;

    if (flags == PACKET_SCTP_PLAIN)
        return SCTP_PLAIN;
    if ((flags & PACKET_SCTP_CHUNK) == 0 || type >= sizeof classes || classes[type] == SCTP_PLAIN)
        return SCTP_IMPOSSIBLE;
    return classes[type];
}

enum session_state sctp_next_state(enum session_state state, enum ct_direction direction, enum sctp_class class)
{
    return next_states[state][direction][class];
}
