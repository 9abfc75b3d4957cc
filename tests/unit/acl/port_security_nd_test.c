// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/acl/port_security_fixture.h"

#define SOLICITED_A "ff02::1:ff00:a"

#define ND_RS 133
#define ND_RA 134
#define ND_NS 135
#define ND_NA 136

static const struct nd_case {
    const char *what;
    const char *mac;
    const char *src;
    const char *dst;
    uint8_t type;
    const char *target; /* NULL: none */
    uint8_t option;     /* 0: none */
    const char *option_mac;
    enum drop_reason expected;
} nd_cases[] = {
    {"NS", MAC_A, LLA_A, SOLICITED_A, ND_NS, "2001:db8::1", 1, MAC_A, DROP_NONE},
    {"NS with foreign link address", MAC_A, LLA_A, SOLICITED_A, ND_NS, "2001:db8::1", 1, FOREIGN, DROP_SPOOFED_ND},
    {"NS from another pair's address", MAC_A, LLA_B, SOLICITED_A, ND_NS, "2001:db8::1", 1, MAC_A, DROP_SPOOFED_IPV6},
    {"NS for a group", MAC_A, LLA_A, SOLICITED_A, ND_NS, "ff02::1", 1, MAC_A, DROP_SPOOFED_ND},
    {"NS without option", MAC_A, "2001:db8::a", "2001:db8::1", ND_NS, "2001:db8::1", 0, NULL, DROP_NONE},
    {"DAD", MAC_A, "::", SOLICITED_A, ND_NS, LLA_A, 0, NULL, DROP_NONE},
    {"DAD for listed", MAC_A, "::", SOLICITED_A, ND_NS, "2001:db8::a", 0, NULL, DROP_NONE},
    {"DAD for another's", MAC_A, "::", "ff02::1:ff00:1", ND_NS, "2001:db8::1", 0, NULL, DROP_SPOOFED_ND},
    {"DAD with option", MAC_A, "::", SOLICITED_A, ND_NS, LLA_A, 1, MAC_A, DROP_SPOOFED_ND},
    {"DAD to all nodes", MAC_A, "::", "ff02::1", ND_NS, LLA_A, 0, NULL, DROP_SPOOFED_ND},
    {"DAD to another's group", MAC_A, "::", "ff02::1:ff00:b", ND_NS, LLA_A, 0, NULL, DROP_SPOOFED_ND},
    {"DAD, anything", MAC_C, "::", SOLICITED_A, ND_NS, LLA_A, 0, NULL, DROP_NONE},
    {"DAD, IPv4 alone", MAC_B, "::", "ff02::1:ff00:b", ND_NS, LLA_B, 0, NULL, DROP_SPOOFED_IPV6},
    {"NA", MAC_A, LLA_A, "ff02::1", ND_NA, LLA_A, 2, MAC_A, DROP_NONE},
    {"NA for listed", MAC_A, LLA_A, "ff02::1", ND_NA, "2001:db8::a", 2, MAC_A, DROP_NONE},
    {"NA of a prefix", MAC_D, LLA_D, "ff02::1", ND_NA, "2001:db8:d::5", 2, MAC_D, DROP_NONE},
    {"NA for another's", MAC_A, LLA_A, "ff02::1", ND_NA, "2001:db8::1", 2, MAC_A, DROP_SPOOFED_ND},
    {"NA for IPv4 in disguise", MAC_A, LLA_A, "ff02::1", ND_NA, "::ffff:10.0.0.10", 2, MAC_A, DROP_SPOOFED_ND},
    {"NA with foreign link address", MAC_A, LLA_A, "ff02::1", ND_NA, LLA_A, 2, FOREIGN, DROP_SPOOFED_ND},
    {"NA with another pair's link address", MAC_A, LLA_A, "ff02::1", ND_NA, LLA_A, 2, MAC_B, DROP_SPOOFED_ND},
    {"NA without option", MAC_A, LLA_A, "ff02::1", ND_NA, LLA_A, 0, NULL, DROP_NONE},
    {"NA from ::", MAC_A, "::", "ff02::1", ND_NA, LLA_A, 0, NULL, DROP_SPOOFED_ND},
    {"NA, anything", MAC_C, LLA_C, "ff02::1", ND_NA, "2001:db8::1", 2, MAC_C, DROP_NONE},
    {"NA, anything, foreign link address", MAC_C, LLA_C, "ff02::1", ND_NA, LLA_C, 2, FOREIGN, DROP_SPOOFED_ND},
    {"NA for a group", MAC_C, LLA_C, "ff02::1", ND_NA, "ff02::1", 2, MAC_C, DROP_SPOOFED_ND},
    {"RS", MAC_A, LLA_A, "ff02::2", ND_RS, NULL, 1, MAC_A, DROP_NONE},
    {"RS from ::", MAC_A, "::", "ff02::2", ND_RS, NULL, 0, NULL, DROP_NONE},
    {"RS from :: with option", MAC_A, "::", "ff02::2", ND_RS, NULL, 1, MAC_A, DROP_SPOOFED_ND},
    {"RS with foreign link address", MAC_A, LLA_A, "ff02::2", ND_RS, NULL, 1, FOREIGN, DROP_SPOOFED_ND},
    {"RA", MAC_A, LLA_A, "ff02::1", ND_RA, NULL, 1, MAC_A, DROP_GUEST_ROUTER},
    {"RA, anything", MAC_C, LLA_C, "ff02::1", ND_RA, NULL, 1, MAC_C, DROP_GUEST_ROUTER},
    {"redirect", MAC_A, LLA_A, "ff02::1", 137, "2001:db8::a", 2, MAC_A, DROP_GUEST_ROUTER},
    {"MLD report", MAC_A, LLA_A, "ff02::16", 143, NULL, 0, NULL, DROP_NONE},
    {"MLD report from ::", MAC_A, "::", "ff02::16", 143, NULL, 0, NULL, DROP_NONE},
    {"MLDv1 report from ::", MAC_A, "::", "ff02::16", 131, NULL, 0, NULL, DROP_NONE},
    {"MLD report from :: to a host", MAC_A, "::", "2001:db8::1", 143, NULL, 0, NULL, DROP_SPOOFED_IPV6},
    {"MLD done from ::", MAC_A, "::", "ff02::2", 132, NULL, 0, NULL, DROP_SPOOFED_IPV6},
    {"MLD report, IPv4 alone", MAC_B, "::", "ff02::16", 143, NULL, 0, NULL, DROP_SPOOFED_IPV6},
    {"echo from ::", MAC_C, "::", "ff02::1", 128, NULL, 0, NULL, DROP_SPOOFED_IPV6},
};

static void put_nd(struct frame *frame, const struct nd_case *c)
{
    frame_put_icmp(frame, c->type, 0);
    if (c->target != NULL) {
        uint8_t target[16];

        inet_pton(AF_INET6, c->target, target);
        frame_put(frame, target, sizeof target);
    }
    if (c->option != 0)
        frame_put_nd_option(frame, c->option, 1, c->option_mac);
}

static void port_security_nd_speaks_for_itself_only(void **state)
{
    for (size_t i = 0; i < sizeof nd_cases / sizeof nd_cases[0]; i++) {
        const struct nd_case *c = &nd_cases[i];
        struct frame frame = frame_begin(c->mac);

        frame_put_ipv6(&frame, c->src, c->dst, 58, 255);
        put_nd(&frame, c);
        expect(c->expected, &frame, c->what);
    }
}

static struct frame good_na(uint8_t hops)
{
    struct frame frame = frame_begin(MAC_A);

    frame_put_ipv6(&frame, LLA_A, "ff02::1", 58, hops);
    put_nd(&frame, &(struct nd_case){.type = ND_NA, .target = LLA_A, .option = 2, .option_mac = MAC_A});
    return frame;
}

static void port_security_nd_from_beyond_the_link_is_refused(void **state)
{
    struct frame frame = good_na(254);

    expect(DROP_SPOOFED_ND, &frame, "hop limit 254");
    frame = good_na(255);
    expect(DROP_NONE, &frame, "hop limit 255");
}

static void port_security_nd_code_must_be_zero(void **state)
{
    struct frame frame = good_na(255);

    frame.bytes[14 + 40 + 1] = 1;
    expect(DROP_SPOOFED_ND, &frame, "code 1");
}

static void port_security_nd_option_of_length_zero_is_refused(void **state)
{
    struct frame frame = good_na(255);

    frame_put_nd_option(&frame, 14, 0, MAC_A);
    expect(DROP_SPOOFED_ND, &frame, "length 0");
}

static void port_security_nd_option_beyond_the_message_is_refused(void **state)
{
    struct frame frame = good_na(255);

    frame_put_nd_option(&frame, 14, 2, MAC_A);
    expect(DROP_SPOOFED_ND, &frame, "length 16 of 8");
    frame = good_na(255);
    frame_put8(&frame, 14);
    expect(DROP_SPOOFED_ND, &frame, "one byte of an option");
    frame = good_na(255);
    frame_put16(&frame, 14 << 8 | 1);
    expect(DROP_SPOOFED_ND, &frame, "two bytes of an option");
}

static void port_security_nd_second_link_address_is_checked_too(void **state)
{
    struct frame frame = good_na(255);

    frame_put_nd_option(&frame, 14, 1, FOREIGN);
    expect(DROP_NONE, &frame, "nonce");
    frame_put_nd_option(&frame, 2, 1, FOREIGN);
    expect(DROP_SPOOFED_ND, &frame, "second link address");
}

static void port_security_nd_long_link_address_is_refused(void **state)
{
    struct frame frame = good_na(255);

    frame_put_nd_option(&frame, 2, 2, MAC_A);
    frame_put(&frame, "12345678", 8);
    expect(DROP_SPOOFED_ND, &frame, "link address of 14 bytes");
}

static void port_security_nd_short_message_is_refused(void **state)
{
    struct frame frame = frame_begin(MAC_A);

    frame_put_ipv6(&frame, LLA_A, "ff02::1", 58, 255);
    frame_put_icmp(&frame, ND_NA, 0);
    frame_put(&frame, "123456789012345", 15);
    expect(DROP_SPOOFED_ND, &frame, "15 bytes of target");
}

static void port_security_nd_ethernet_padding_is_no_option(void **state)
{
    struct frame frame = good_na(255);
    struct packet packet;

    frame_end(&frame);
    frame_put(&frame, "padding", 7);
    assert_int_equal(packet_parse(frame.bytes, frame.len, frame.len, &packet), DROP_NONE);
    assert_int_equal(port_security_check(security, &packet), DROP_NONE);
}

static void port_security_nd_not_in_first_segment_is_refused(void **state)
{
    struct frame frame = good_na(255);
    struct packet packet;

    frame_end(&frame);
    assert_int_equal(packet_parse(frame.bytes, frame.len - 8, frame.len, &packet), DROP_NONE);
    assert_int_equal(port_security_check(security, &packet), DROP_SPOOFED_ND);
}

static void expect_fragment(enum drop_reason expected, uint16_t offset, uint8_t type)
{
    struct frame frame = frame_begin(MAC_A);

    frame_put_ipv6(&frame, LLA_A, "ff02::1", 44, 255);
    frame_put_ipv6_fragment(&frame, 58, offset);
    put_nd(&frame, &(struct nd_case){.type = type, .target = LLA_A, .option = 2, .option_mac = MAC_A});
    expect(expected, &frame, "fragment");
}

static void port_security_nd_in_fragments_is_refused(void **state)
{
    expect_fragment(DROP_SPOOFED_ND, 1, ND_NA);
    expect_fragment(DROP_SPOOFED_ND, 0, ND_NA);
    expect_fragment(DROP_GUEST_ROUTER, 1, ND_RA);
    expect_fragment(DROP_NONE, 1, 128);
}

static void port_security_nd_behind_extension_headers_is_refused(void **state)
{
    static const uint8_t options[8] = {58, 0, 1, 4, 0, 0, 0, 0};
    struct frame frame = frame_begin(MAC_A);

    frame_put_ipv6(&frame, LLA_A, "ff02::1", 60, 255);
    frame_put(&frame, options, sizeof options);
    put_nd(&frame, &(struct nd_case){.type = ND_RA});
    expect(DROP_GUEST_ROUTER, &frame, "RA behind destination options");
    frame = frame_begin(MAC_A);
    frame_put_ipv6(&frame, LLA_A, "ff02::1", 60, 255);
    frame_put(&frame, options, sizeof options);
    put_nd(&frame, &(struct nd_case){.type = ND_NA, .target = LLA_A});
    frame_end(&frame);
    frame.l3 = 0; /* the lengths stay, the padding gives room for a wrong one */
    frame_put(&frame, "padding", 8);
    expect(DROP_SPOOFED_ND, &frame, "NA behind destination options");
}

static void port_security_nd_mld_from_nowhere_in_fragments_is_refused(void **state)
{
    struct frame frame = frame_begin(MAC_A);

    frame_put_ipv6(&frame, "::", "ff02::16", 44, 1);
    frame_put_ipv6_fragment(&frame, 58, 1);
    frame_put_icmp(&frame, 143, 0);
    expect(DROP_SPOOFED_IPV6, &frame, "first fragment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK(port_security_nd_speaks_for_itself_only),
        CHECK(port_security_nd_from_beyond_the_link_is_refused),
        CHECK(port_security_nd_code_must_be_zero),
        CHECK(port_security_nd_option_of_length_zero_is_refused),
        CHECK(port_security_nd_option_beyond_the_message_is_refused),
        CHECK(port_security_nd_second_link_address_is_checked_too),
        CHECK(port_security_nd_long_link_address_is_refused),
        CHECK(port_security_nd_short_message_is_refused),
        CHECK(port_security_nd_ethernet_padding_is_no_option),
        CHECK(port_security_nd_not_in_first_segment_is_refused),
        CHECK(port_security_nd_in_fragments_is_refused),
        CHECK(port_security_nd_behind_extension_headers_is_refused),
        CHECK(port_security_nd_mld_from_nowhere_in_fragments_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
