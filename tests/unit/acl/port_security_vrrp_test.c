// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/acl/port_security_fixture.h"

/* A router of a redundant pair: its own MAC with its primary addresses, and two virtual routers. */

#define OWN        "52:54:00:00:00:0a"
#define LLA_OWN    "fe80::5054:ff:fe00:a"
#define VIRTUAL4   "00:00:5e:00:01:07" /* 10.0.0.1 */
#define VIRTUAL6   "00:00:5e:00:02:07" /* fe80::1 */
#define STRANGE4   "00:00:5e:00:01:08"
#define GROUP4     "224.0.0.18"
#define GROUP6     "ff02::12"
#define VRRP       112
#define PRIMARY4   "10.0.0.2"
#define PRIMARY6   "2001:db8::2"
#define FLOATING4  "10.0.0.1"
#define FLOATING6  "fe80::1"
#define UNLISTED4  "10.0.0.3"
#define UNLISTED6  "fe80::3"
#define ANY_OTHER4 "10.0.0.9"

static int make_router(void **state)
{
    static const char *const entries[] = {OWN " " PRIMARY4 " " PRIMARY6, VIRTUAL4 " " FLOATING4,
                                          VIRTUAL6 " " FLOATING6};
    struct port_security_pair pairs[3];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(port_security_pair_parse(entries[i], &pairs[i], NULL), 0);
    security = port_security_create(pairs, 3);
    return security == NULL;
}

static const struct ip_case {
    const char *mac;
    const char *src;
    const char *dst;
    uint8_t protocol;
    enum drop_reason expected;
} advertisements[] = {
    {VIRTUAL4, PRIMARY4, GROUP4, VRRP, DROP_NONE},
    {VIRTUAL4, FLOATING4, GROUP4, VRRP, DROP_NONE},
    {OWN, PRIMARY4, GROUP4, VRRP, DROP_NONE},
    {VIRTUAL6, LLA_OWN, GROUP6, VRRP, DROP_NONE},
    {VIRTUAL6, PRIMARY6, GROUP6, VRRP, DROP_NONE},
    {VIRTUAL4, UNLISTED4, GROUP4, VRRP, DROP_SPOOFED_IPV4},
    {VIRTUAL6, UNLISTED6, GROUP6, VRRP, DROP_SPOOFED_IPV6},
    /* Only to the group, only this protocol, only of its own family, only from a virtual MAC. */
    {VIRTUAL4, PRIMARY4, ANY_OTHER4, VRRP, DROP_SPOOFED_IPV4},
    {VIRTUAL4, PRIMARY4, "224.0.0.5", VRRP, DROP_SPOOFED_IPV4},
    {VIRTUAL4, PRIMARY4, GROUP4, 17, DROP_SPOOFED_IPV4},
    {VIRTUAL4, PRIMARY4, GROUP4, 89, DROP_SPOOFED_IPV4},
    {VIRTUAL6, LLA_OWN, GROUP6, 89, DROP_SPOOFED_IPV6},
    {VIRTUAL6, PRIMARY4, GROUP4, VRRP, DROP_SPOOFED_IPV4},
    {VIRTUAL4, LLA_OWN, GROUP6, VRRP, DROP_SPOOFED_IPV6},
    {OWN, FLOATING4, GROUP4, VRRP, DROP_SPOOFED_IPV4},
    {STRANGE4, PRIMARY4, GROUP4, VRRP, DROP_SPOOFED_MAC},
    {VIRTUAL6, "::ffff:10.0.0.2", GROUP6, VRRP, DROP_SPOOFED_IPV6},
    {VIRTUAL4, "224.0.0.18", GROUP4, VRRP, DROP_SPOOFED_IPV4},
};

static void advertisement_carries_any_address_of_the_port(void **state)
{
    static const uint8_t payload[20];

    for (size_t i = 0; i < sizeof advertisements / sizeof advertisements[0]; i++) {
        const struct ip_case *c = &advertisements[i];
        struct frame frame = frame_begin(c->mac);
        char what[128];

        if (strchr(c->src, ':') != NULL)
            frame_put_ipv6(&frame, c->src, c->dst, c->protocol, 255);
        else
            frame_put_ipv4(&frame, c->src, c->dst, c->protocol, 0);
        if (c->protocol == 17)
            frame_put_udp(&frame, 5000, 53);
        else
            frame_put(&frame, payload, sizeof payload);
        snprintf(what, sizeof what, "%s %s to %s protocol %u", c->mac, c->src, c->dst, c->protocol);
        expect(c->expected, &frame, what);
    }
}

static void fragmented_advertisement_does_not_pass(void **state)
{
    static const uint8_t payload[24];
    struct frame frame = frame_begin(VIRTUAL4);

    frame_put_ipv4(&frame, PRIMARY4, GROUP4, VRRP, 0x2000);
    frame_put(&frame, payload, sizeof payload);
    expect(DROP_SPOOFED_IPV4, &frame, "fragment");
}

static const struct arp_case {
    const char *mac;   /* of the frame */
    const char *named; /* by the ARP */
    const char *ip;
    enum drop_reason expected;
} arps[] = {
    {VIRTUAL4, VIRTUAL4, FLOATING4, DROP_NONE},
    {OWN, VIRTUAL4, FLOATING4, DROP_NONE},
    {OWN, OWN, PRIMARY4, DROP_NONE},
    {OWN, VIRTUAL4, PRIMARY4, DROP_SPOOFED_ARP},
    {OWN, VIRTUAL4, UNLISTED4, DROP_SPOOFED_ARP},
    {OWN, OWN, FLOATING4, DROP_SPOOFED_ARP},
    {VIRTUAL4, OWN, PRIMARY4, DROP_SPOOFED_ARP}, /* the other way round there is no need */
    {OWN, STRANGE4, FLOATING4, DROP_SPOOFED_ARP},
    {OWN, FOREIGN, FLOATING4, DROP_SPOOFED_ARP},
    {OWN, VIRTUAL6, FLOATING4, DROP_SPOOFED_ARP},
    {STRANGE4, VIRTUAL4, FLOATING4, DROP_SPOOFED_MAC},
    {STRANGE4, STRANGE4, FLOATING4, DROP_SPOOFED_MAC},
};

static void gratuitous_arp_for_the_virtual_address_comes_from_either_mac(void **state)
{
    for (uint16_t operation = 1; operation <= 2; operation++) {
        for (size_t i = 0; i < sizeof arps / sizeof arps[0]; i++) {
            struct frame frame = frame_begin(arps[i].mac);
            char what[128];

            frame_put_arp(&frame, operation, arps[i].named, arps[i].ip, arps[i].ip);
            snprintf(what, sizeof what, "%s names %s for %s", arps[i].mac, arps[i].named, arps[i].ip);
            expect(arps[i].expected, &frame, what);
        }
    }
}

#define ROUTER(NAME) cmocka_unit_test_setup_teardown(NAME, make_router, drop_security)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTER(advertisement_carries_any_address_of_the_port),
        ROUTER(fragmented_advertisement_does_not_pass),
        ROUTER(gratuitous_arp_for_the_virtual_address_comes_from_either_mac),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
