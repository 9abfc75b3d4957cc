// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "acl/conntrack.h"
#include "acl/session.h"

/* TCP as seen from the middle (RFC 9293 3.3.2, 3.5, 3.6): what one segment does to the state of its connection.
 *
 * Resets. Sequence numbers are not followed, so a forged RST looks like a true one here; the receiver alone can tell
 * (RFC 9293 3.10.7, RFC 5961 3). A reset is passed on and believed only for what does no harm if it was a lie:
 *
 *   - of a connection under way (ESTABLISHED, FIN_WAIT, CLOSE_WAIT) it is remembered which side is said to have sent it.
 *     Packets of both sides go on passing. Any further segment of that side but another RST proves it false: the
 *     session is ESTABLISHED again (FIN_WAIT by a FIN). Silent for the time of RESET_* in session.c (two minutes), the
 *     session ends. A SYN of the same side does not end it either: only the other side's SYN+ACK shows that it has
 *     forgotten the old connection.
 *   - in SYN_RECV it changes nothing: the session remains half-open.
 *   - in SYN_SENT it closes when it comes from the other side with ACK (3.10.7.3), until that side sends SYN+ACK.
 *
 * So whoever forges resets of one side cannot stop, end or shorten a connection of whose both sides each is heard within
 * two minutes; one that idles longer than that after a forged reset is lost. */

/* RFC 9293 3.1 */
#define TCP_FLAG_FIN 0x01u
#define TCP_FLAG_SYN 0x02u
#define TCP_FLAG_RST 0x04u
#define TCP_FLAG_PSH 0x08u
#define TCP_FLAG_ACK 0x10u
#define TCP_FLAG_URG 0x20u

/* What a segment is, by its flags. */
enum tcp_class {
    TCP_SYN,
    TCP_SYN_ACK,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_RST_ACK,
    TCP_N_CLASSES,
    TCP_IMPOSSIBLE = TCP_N_CLASSES /* flags that no TCP sends: null, SYN+FIN, SYN+RST, FIN without ACK ... */
};
enum tcp_class tcp_class_of(uint8_t tcp_flags);

/* The state after a segment of class 'class' (not TCP_IMPOSSIBLE) travelled in 'direction'. SESSION_NONE: the segment
 * does not fit, drop it. In state SESSION_NONE: what a first packet opens. */
enum session_state tcp_next_state(enum session_state state, enum ct_direction direction, enum tcp_class class);
