// SPDX-License-Identifier: Apache-2.0
#include "acl/tcp_states.h"

#define N_TCP_STATES (SESSION_CLOSE + 1)

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
    /* Only a SYN opens; connections already under way are not picked up. */
    [SESSION_NONE] = {
        [CT_ORIGINAL] = {[TCP_SYN] = SESSION_SYN_SENT},
    },

    [SESSION_SYN_SENT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_SYN_SENT, /* retransmission */
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_SYN_SENT2, /* simultaneous open, RFC 9293 figure 7 */
            [TCP_SYN_ACK] = SESSION_SYN_RECV,
            [TCP_ACK] = SESSION_SYN_SENT, /* half-open discovery, RFC 9293 3.5.1 */
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_SYN_SENT2] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_SYN_SENT2,
            [TCP_SYN_ACK] = SESSION_SYN_RECV,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_SYN_SENT2,
            [TCP_SYN_ACK] = SESSION_SYN_RECV,
            [TCP_ACK] = SESSION_SYN_SENT2,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_SYN_RECV] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_SYN_RECV,
            [TCP_SYN_ACK] = SESSION_SYN_RECV, /* the other half of a simultaneous open */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_SYN_RECV,
            [TCP_SYN_ACK] = SESSION_SYN_RECV, /* retransmission */
            [TCP_ACK] = SESSION_SYN_RECV,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_ESTABLISHED] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_ESTABLISHED,
            [TCP_SYN_ACK] = SESSION_ESTABLISHED, /* resent, simultaneous open */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = SESSION_ESTABLISHED,
            [TCP_SYN_ACK] = SESSION_ESTABLISHED, /* resent: the handshake's ACK was lost */
            [TCP_ACK] = SESSION_ESTABLISHED,
            [TCP_FIN] = SESSION_FIN_WAIT,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_FIN_WAIT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_FIN_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN_ACK] = SESSION_FIN_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_CLOSE_WAIT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_CLOSE_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN_ACK] = SESSION_CLOSE_WAIT,
            [TCP_ACK] = SESSION_CLOSE_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_LAST_ACK] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = SESSION_LAST_ACK,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN_ACK] = SESSION_LAST_ACK,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_LAST_ACK,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    /* RFC 9293 3.10.7.4: a SYN in TIME-WAIT may open anew, from either side; so may one after a reset. */
    [SESSION_TIME_WAIT] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = TCP_REOPEN,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_TIME_WAIT,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = TCP_REOPEN,
            [TCP_SYN_ACK] = SESSION_TIME_WAIT,
            [TCP_ACK] = SESSION_TIME_WAIT,
            [TCP_FIN] = SESSION_TIME_WAIT,
            [TCP_RST] = SESSION_CLOSE,
        },
    },

    [SESSION_CLOSE] = {
        [CT_ORIGINAL] = {
            [TCP_SYN] = TCP_REOPEN,
            [TCP_ACK] = SESSION_CLOSE,
            [TCP_FIN] = SESSION_CLOSE,
            [TCP_RST] = SESSION_CLOSE,
        },
        [CT_REPLY] = {
            [TCP_SYN] = TCP_REOPEN,
            [TCP_SYN_ACK] = SESSION_CLOSE,
            [TCP_ACK] = SESSION_CLOSE,
            [TCP_FIN] = SESSION_CLOSE,
            [TCP_RST] = SESSION_CLOSE,
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
    case TCP_FLAG_RST | TCP_FLAG_ACK:
        return TCP_RST;
    default:
        return TCP_IMPOSSIBLE;
    }
}

enum session_state tcp_next_state(enum session_state state, enum ct_direction direction, enum tcp_class class)
{
    return next_states[state][direction][class];
}
