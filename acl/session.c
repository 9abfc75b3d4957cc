// SPDX-License-Identifier: Apache-2.0
#include "acl/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static const char *const state_names[SESSION_N_STATES] = {
    [SESSION_NONE] = "NONE",
    [SESSION_SYN_SENT] = "SYN_SENT",
    [SESSION_SYN_SENT2] = "SYN_SENT2",
    [SESSION_SYN_RECV] = "SYN_RECV",
    [SESSION_ESTABLISHED] = "ESTABLISHED",
    [SESSION_FIN_WAIT] = "FIN_WAIT",
    [SESSION_CLOSE_WAIT] = "CLOSE_WAIT",
    [SESSION_LAST_ACK] = "LAST_ACK",
    [SESSION_TIME_WAIT] = "TIME_WAIT",
    [SESSION_CLOSE] = "CLOSE",
    [SESSION_RESET_ORIGINAL] = "CLOSE",
    [SESSION_RESET_REPLY] = "CLOSE",
    [SESSION_COOKIE_WAIT] = "COOKIE_WAIT",
    [SESSION_COOKIE_ECHOED] = "COOKIE_ECHOED",
    [SESSION_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
    [SESSION_SHUTDOWN_RECD] = "SHUTDOWN_RECD",
    [SESSION_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
    [SESSION_CLOSED] = "CLOSED",
    [SESSION_ABORTED] = "CLOSED",
    [SESSION_ONE_WAY] = "ONE_WAY",
    [SESSION_TWO_WAY] = "TWO_WAY",
};

enum { MINUTE = 60, DAY = 86400 };

/* A cell left out is a state that the protocol never has; it gets the shortest time allowed. */
static const uint32_t timeouts[TIMEOUT_N_CLASSES][SESSION_N_STATES] = {
    [TIMEOUT_TCP] = {[SESSION_SYN_SENT] = 2 * MINUTE,
                     [SESSION_SYN_SENT2] = 2 * MINUTE,
                     [SESSION_SYN_RECV] = MINUTE,
                     [SESSION_ESTABLISHED] = 5 * DAY,
                     [SESSION_FIN_WAIT] = 2 * MINUTE,
                     [SESSION_CLOSE_WAIT] = MINUTE,
                     [SESSION_LAST_ACK] = 30,
                     [SESSION_TIME_WAIT] = 2 * MINUTE,
                     [SESSION_CLOSE] = 10,
                     /* Not 10: were the reset a lie, an idle connection would be lost. As long as after a close. */
                     [SESSION_RESET_ORIGINAL] = 2 * MINUTE,
                     [SESSION_RESET_REPLY] = 2 * MINUTE},
    [TIMEOUT_SCTP] = {[SESSION_COOKIE_WAIT] = 3,
                      [SESSION_COOKIE_ECHOED] = 3,
                      [SESSION_ESTABLISHED] = 210,
                      [SESSION_SHUTDOWN_SENT] = 3,
                      [SESSION_SHUTDOWN_RECD] = 3,
                      [SESSION_SHUTDOWN_ACK_SENT] = 3,
                      [SESSION_CLOSED] = 10,
                      [SESSION_ABORTED] = 2 * MINUTE}, /* some heartbeats (RFC 9260 16: every 30 s) */
    [TIMEOUT_UDP] = {[SESSION_ONE_WAY] = 30, [SESSION_TWO_WAY] = 2 * MINUTE},
    [TIMEOUT_ICMP] = {[SESSION_ONE_WAY] = 30, [SESSION_TWO_WAY] = 30},
    [TIMEOUT_GENERIC] = {[SESSION_ONE_WAY] = 10 * MINUTE, [SESSION_TWO_WAY] = 10 * MINUTE},
};

enum timeout_class session_timeout_class(uint8_t protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        return TIMEOUT_TCP;
    case IPPROTO_SCTP:
        return TIMEOUT_SCTP;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return TIMEOUT_UDP;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return TIMEOUT_ICMP;
    default:
        return TIMEOUT_GENERIC;
    }
}

const char *session_state_name(enum session_state state)
{
    return (unsigned int)state < SESSION_N_STATES ? state_names[state] : "NONE";
}

uint32_t session_timeout(uint8_t protocol, enum session_state state)
{
    uint32_t seconds = 0;

    if ((unsigned int)state < SESSION_N_STATES)
        seconds = timeouts[session_timeout_class(protocol)][state];
    return seconds < SESSION_TIMEOUT_MIN ? SESSION_TIMEOUT_MIN : seconds;
}

static const struct {
    const char *key;
    enum timeout_class class;
    uint32_t states; /* bit per state that it sets */
} timeout_keys[] = {
    {"tcp_syn_sent", TIMEOUT_TCP, 1u << SESSION_SYN_SENT | 1u << SESSION_SYN_SENT2},
    {"tcp_syn_recv", TIMEOUT_TCP, 1u << SESSION_SYN_RECV},
    {"tcp_established", TIMEOUT_TCP, 1u << SESSION_ESTABLISHED},
    {"tcp_fin_wait", TIMEOUT_TCP, 1u << SESSION_FIN_WAIT},
    {"tcp_close_wait", TIMEOUT_TCP, 1u << SESSION_CLOSE_WAIT},
    {"tcp_last_ack", TIMEOUT_TCP, 1u << SESSION_LAST_ACK},
    {"tcp_time_wait", TIMEOUT_TCP, 1u << SESSION_TIME_WAIT},
    {"tcp_close", TIMEOUT_TCP, 1u << SESSION_CLOSE | 1u << SESSION_RESET_ORIGINAL | 1u << SESSION_RESET_REPLY},
    {"sctp_cookie_wait", TIMEOUT_SCTP, 1u << SESSION_COOKIE_WAIT},
    {"sctp_cookie_echoed", TIMEOUT_SCTP, 1u << SESSION_COOKIE_ECHOED},
    {"sctp_established", TIMEOUT_SCTP, 1u << SESSION_ESTABLISHED},
    {"sctp_shutdown_sent", TIMEOUT_SCTP, 1u << SESSION_SHUTDOWN_SENT},
    {"sctp_shutdown_recd", TIMEOUT_SCTP, 1u << SESSION_SHUTDOWN_RECD},
    {"sctp_shutdown_ack_sent", TIMEOUT_SCTP, 1u << SESSION_SHUTDOWN_ACK_SENT},
    {"sctp_closed", TIMEOUT_SCTP, 1u << SESSION_CLOSED | 1u << SESSION_ABORTED},
    {"udp_single", TIMEOUT_UDP, 1u << SESSION_ONE_WAY},
    {"udp_stream", TIMEOUT_UDP, 1u << SESSION_TWO_WAY},
    {"icmp", TIMEOUT_ICMP, 1u << SESSION_ONE_WAY | 1u << SESSION_TWO_WAY},
    {"generic", TIMEOUT_GENERIC, 1u << SESSION_ONE_WAY | 1u << SESSION_TWO_WAY},
};
_Static_assert(SESSION_N_STATES <= 32, "a bit per state");

int session_timeouts_set(struct session_timeouts *set, const char *key, uint32_t seconds)
{
    for (size_t i = 0; i < sizeof timeout_keys / sizeof timeout_keys[0]; i++) {
        if (strcmp(key, timeout_keys[i].key) != 0)
            continue;
        for (enum session_state state = 0; state < SESSION_N_STATES; state++) {
            if (timeout_keys[i].states >> state & 1)
                set->seconds[timeout_keys[i].class][state] =
                    seconds < SESSION_TIMEOUT_MIN ? SESSION_TIMEOUT_MIN : seconds;
        }
        return 0;
    }
    return -EINVAL;
}
