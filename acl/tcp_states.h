// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "acl/conntrack.h"
#include "acl/session.h"

/* TCP as seen from the middle (RFC 9293 3.3.2, 3.5, 3.6): what one segment does to the state of its connection. */

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
    TCP_N_CLASSES,
    TCP_IMPOSSIBLE = TCP_N_CLASSES /* flags that no TCP sends: null, SYN+FIN, SYN+RST, FIN without ACK ... */
};
enum tcp_class tcp_class_of(uint8_t tcp_flags);

/* Not a state: the segment opens a new connection between the same ports, and the old session must make way. */
#define TCP_REOPEN SESSION_N_STATES

/* The state after a segment of class 'class' (not TCP_IMPOSSIBLE) travelled in 'direction'. SESSION_NONE: the segment
 * does not fit, drop it. In state SESSION_NONE: what a first packet opens. */
enum session_state tcp_next_state(enum session_state state, enum ct_direction direction, enum tcp_class class);
