// SPDX-License-Identifier: Apache-2.0
#include "acl/tcp_states.h"

#define N_TCP_STATES (SESSION_RESET_REPLY + 1)

/* How to read it: next_states[state before][direction of the segment][its class] is the state after. The cell with
 * the state of its own row lets the segment pass and changes nothing; a cell left out means that the segment does not
 * fit and is dropped.
 *
 * Sequence numbers are not followed, so the closing states count segments of both sides: FIN_WAIT one FIN seen,
 * CLOSE_WAIT it was answered, LAST_ACK the second FIN seen, TIME_WAIT it was answered. Data of a half-closed
 * connection flows in CLOSE_WAIT. A SYN in a synchronised state may be a stray duplicate: it passes, because the
 * receiver's answer to it is what resolves the matter (RFC 9293 3.10.7.4). One cell a line: */
/* clang-format off */
static const uint8_t next_states[N_TCP_STATES][2][TCP_N_CLASSES] = {
    /* Only a SYN opens; see CT_PICK_UP (conntrack.h) for connections already under way. */
    [SESSION_NONE] = {
        [CT_ORIGINAL] = {[TCP_SYN] = SESSION_SYN_SENT},
    },

    [SESSION_SYN_SENT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_SYN_SENT, /* retransmission */
            [TCP_RST] = SESSION_SYN_SENT, /* answer to a half-open connection's ACK, RFC 9293 figure 9 */
            [TCP_RST_ACK] = SESSION_SYN_SENT,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_SYN_SENT2, /* simultaneous open, RFC 9293 figure 7 */
            [TCP_SYN_ACK] = SESSION_SYN_RECV,
            [TCP_ACK] = SESSION_SYN_SENT, /* half-open discovery, RFC 9293 3.5.1 */
            [TCP_RST_ACK] = SESSION_CLOSE, /* refused; without ACK it is none, RFC 9293 3.10.7.3 */
        },
    },

    [SESSION_SYN_SENT2] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_SYN_SENT2,
            [TCP_SYN_ACK] = SESSION_SYN_RECV,
            [TCP_RST] = SESSION_SYN_SENT2,
            [TCP_RST_ACK] = SESSION_SYN_SENT2,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_SYN_SENT2,
            [TCP_SYN_ACK] = SESSION_SYN_RECV,
            [TCP_ACK] = SESSION_SYN_SENT2,
            [TCP_RST] = SESSION_SYN_SENT2,
            [TCP_RST_ACK] = SESSION_SYN_SENT2,
        },
    },

    [SESSION_SYN_RECV] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_SYN_RECV,
            [TCP_SYN_ACK] = SESSION_SYN_RECV, /* the other half of a simultaneous open */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_SYN_RECV,
            [TCP_RST_ACK] = SESSION_SYN_RECV,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_SYN_RECV,
            [TCP_SYN_ACK] = SESSION_SYN_RECV, /* retransmission */
            [TCP_ACK] = SESSION_SYN_RECV,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_SYN_RECV,
            [TCP_RST_ACK] = SESSION_SYN_RECV,
        },
    },

    [SESSION_ESTABLISHED] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_ESTABLISHED,
            [TCP_SYN_ACK] = SESSION_ESTABLISHED, /* resent, simultaneous open */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_RESET_ORIGINAL,
            [TCP_RST_ACK] = SESSION_RESET_ORIGINAL,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_ESTABLISHED,
            [TCP_SYN_ACK] = SESSION_ESTABLISHED, /* resent: the handshake's ACK was lost */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_RESET_REPLY,
            [TCP_RST_ACK] = SESSION_RESET_REPLY,
        },
    },

    [SESSION_FIN_WAIT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_FIN_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_RESET_ORIGINAL,
            [TCP_RST_ACK] = SESSION_RESET_ORIGINAL,
        },
        [CT_REPLY] = {
            [TCP_SYN_ACK] = SESSION_FIN_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_RESET_REPLY,
            [TCP_RST_ACK] = SESSION_RESET_REPLY,
        },
    },

    [SESSION_CLOSE_WAIT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_CLOSE_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_RESET_ORIGINAL,
            [TCP_RST_ACK] = SESSION_RESET_ORIGINAL,
        },
        [CT_REPLY] = {
            [TCP_SYN_ACK] = SESSION_CLOSE_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_RESET_REPLY,
            [TCP_RST_ACK] = SESSION_RESET_REPLY,
        },
    },

    [SESSION_LAST_ACK] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_LAST_ACK,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN_ACK] = SESSION_LAST_ACK,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
    },

    /* RFC 9293 3.10.7.4: a SYN in TIME-WAIT may open anew, from either side; so may one after both sides are done. */
    [SESSION_TIME_WAIT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_REOPEN,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_TIME_WAIT,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_REOPEN,
            [TCP_SYN_ACK] = SESSION_TIME_WAIT,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_TIME_WAIT,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
    },

    [SESSION_CLOSE] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_REOPEN,
            [TCP_ACK] = SESSION_CLOSE,
            [TCP_FIN] = SESSION_CLOSE,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_REOPEN,
            [TCP_SYN_ACK] = SESSION_SYN_RECV, /* it was not refused after all */
            [TCP_ACK] = SESSION_CLOSE,
            [TCP_FIN] = SESSION_CLOSE,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
    },

    /* See the header. What the other side sends was on its way, or shows nothing; its SYN is its own affair. */
    [SESSION_RESET_ORIGINAL] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_RESET_ORIGINAL,
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_RESET_ORIGINAL,
            [TCP_RST_ACK] = SESSION_RESET_ORIGINAL,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_REOPEN,
            [TCP_SYN_ACK] = SESSION_SYN_RECV, /* a new connection */
            [TCP_ACK] = SESSION_RESET_ORIGINAL,
            [TCP_FIN] = SESSION_RESET_ORIGINAL,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
    },

    /* A connection that the replying side opens must ask policy: the SYN+ACK that shows it to be new is sent again. */
    [SESSION_RESET_REPLY] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_REOPEN,
            [TCP_SYN_ACK] = SESSION_REOPEN,
            [TCP_ACK] = SESSION_RESET_REPLY,
            [TCP_FIN] = SESSION_RESET_REPLY,
            [TCP_RST] = SESSION_CLOSE,
            [TCP_RST_ACK] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_RESET_REPLY,
            [TCP_SYN_ACK] = SESSION_ESTABLISHED, /* resent: the handshake's ACK was lost */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_RESET_REPLY,
            [TCP_RST_ACK] = SESSION_RESET_REPLY,
        },
    },
};
/* clang-format on */

enum tcp_class tcp_class_of(uint8_t tcp_flags)
{
    /* PSH and the ECN bits (RFC 3168) go with anything; URG is looked at where it makes no sense. */
    switch (tcp_flags & (TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST | TCP_FLAG_ACK | TCP_FLAG_URG)) {
    case TCP_FLAG_SYN:
    case TCP_FLAG_SYN | TCP_FLAG_URG:
        return TCP_SYN;
    case TCP_FLAG_SYN | TCP_FLAG_ACK:
        return TCP_SYN_ACK;
    case TCP_FLAG_ACK:
    case TCP_FLAG_ACK | TCP_FLAG_URG:
        return TCP_ACK;
    case TCP_FLAG_FIN | TCP_FLAG_ACK:
    case TCP_FLAG_FIN | TCP_FLAG_ACK | TCP_FLAG_URG:
        return TCP_FIN;
    case TCP_FLAG_RST:
        return TCP_RST;
    case TCP_FLAG_RST | TCP_FLAG_ACK:
        return TCP_RST_ACK;
    default:
        return TCP_IMPOSSIBLE;
    }
}

enum session_state tcp_next_state(enum session_state state, enum ct_direction direction, enum tcp_class class)
{
    return next_states[state][direction][class];
}
