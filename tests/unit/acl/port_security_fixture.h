// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A guest with four MACs, and what a frame of it is answered. Included after cmocka. */

#include "acl/port_security.h"
#include "tests/unit/acl/frame.h"

#define MAC_A   "52:54:00:00:00:0a" /* 10.0.0.10, 2001:db8::a and a link-local address */
#define MAC_B   "52:54:00:00:00:0b" /* 10.0.0.11 alone */
#define MAC_C   "52:54:00:00:00:0c" /* anything */
#define MAC_D   "52:54:00:00:00:0d" /* 2001:db8:d::/64 alone */
#define FOREIGN "52:54:00:00:00:ff"
#define LLA_A   "fe80::5054:ff:fe00:a"
#define LLA_B   "fe80::5054:ff:fe00:b"
#define LLA_C   "fe80::5054:ff:fe00:c"
#define LLA_D   "fe80::5054:ff:fe00:d"
static struct port_security *security;

static inline int make_security(void **state)
{
    static const char *const entries[] = {
        MAC_B " 10.0.0.11",        MAC_A " 10.0.0.10 2001:db8::a",    MAC_C,
        MAC_D "  2001:db8:d::/64", MAC_A " 10.0.0.20/24 10.9.0.0/16",
    };
    struct port_security_pair pairs[5];

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(port_security_pair_parse(entries[i], &pairs[i], NULL), 0);
    security = port_security_create(pairs, 5);
    return security == NULL;
}

static inline int drop_security(void **state)
{
    port_security_unref(security);
    return 0;
}

static inline void expect(enum drop_reason expected, struct frame *frame, const char *what)
{
    struct packet packet;
    enum drop_reason reason;

    frame_end(frame);
    reason = packet_parse(frame->bytes, frame->len, frame->len, &packet);
    if (reason != DROP_NONE)
        fail_msg("%s: not parsed: %s", what, drop_reason_name(reason));
    reason = port_security_check(security, &packet);
    if (reason != expected)
        fail_msg("%s: %s, not %s", what, drop_reason_name(reason), drop_reason_name(expected));
}

#define CHECK(NAME) cmocka_unit_test_setup_teardown(NAME, make_security, drop_security)
