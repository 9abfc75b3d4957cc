// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "acl/conntrack.h"
#include "acl/session.h"

/* SCTP as seen from the middle (RFC 9260 4, 5 and 9; states and times as in Linux): what one packet does to the state of
 * its association.
 *
 * Verification tags are not followed, so an ABORT may be a lie that the receiver will not believe: as with TCP
 * (tcp_states.h), plain chunks of either side after it show that the association goes on. */

/* What a packet is, by its first chunk that says something of the association's state (packet_parse()). */
enum sctp_class {
    SCTP_PLAIN, /* DATA, SACK, HEARTBEAT and all the rest */
    SCTP_INIT,
    SCTP_INIT_ACK,
    SCTP_ABORT,
    SCTP_SHUTDOWN,
    SCTP_SHUTDOWN_ACK,
    SCTP_COOKIE_ECHO,
    SCTP_COOKIE_ACK,
    SCTP_SHUTDOWN_COMPLETE,
    SCTP_N_CLASSES,
    SCTP_IMPOSSIBLE = SCTP_N_CLASSES /* no chunk */
};
/* Of struct packet's tcp_flags. */
enum sctp_class sctp_class_of(uint8_t flags);

/* The state after a packet of class 'class' (not SCTP_IMPOSSIBLE) travelled in 'direction'. SESSION_NONE: it does not
 * fit, drop it. SESSION_REOPEN: see there. In state SESSION_NONE: what a first packet opens. */
enum session_state sctp_next_state(enum session_state state, enum ct_direction direction, enum sctp_class class);
