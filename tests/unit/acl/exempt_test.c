// SPDX-License-Identifier: Apache-2.0
#include "acl/policy.h"
#include "acl/rule_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/acl/frame.h"

#define MAC "52:54:00:00:00:01"

static struct packet parse(struct frame *frame)
{
    struct packet packet;

    frame_end(frame);
    assert_int_equal(packet_parse(frame->bytes, frame->len, frame->len, &packet), DROP_NONE);
    return packet;
}

static void check(struct frame *frame, bool egress, bool ingress)
{
    struct packet packet = parse(frame);

    assert_int_equal(policy_is_exempt(&packet, RULE_EGRESS), egress);
    assert_int_equal(policy_is_exempt(&packet, RULE_INGRESS), ingress);
}

static void check_udp(const char *dst, uint16_t fragment, uint16_t src_port, uint16_t dst_port, bool egress,
                      bool ingress)
{
    struct frame frame = frame_begin(MAC);

    if (strchr(dst, ':') != NULL)
        frame_put_ipv6(&frame, "fe80::1", dst, 17, 64);
    else
        frame_put_ipv4(&frame, "0.0.0.0", dst, 17, fragment);
    frame_put_udp(&frame, src_port, dst_port);
    check(&frame, egress, ingress);
}

static void check_icmpv6(uint8_t type, const char *dst, uint8_t hops, bool expected)
{
    static const uint8_t rest[32];
    struct frame frame = frame_begin(MAC);

    frame_put_ipv6(&frame, "fe80::1", dst, 58, hops);
    frame_put_icmp(&frame, type, 0);
    frame_put(&frame, rest, sizeof rest);
    check(&frame, expected, expected);
}

static void exempt_is_arp_in_both_directions(void **state)
{
    struct frame frame = frame_begin(MAC);

    frame_put_arp(&frame, 1, MAC, "10.0.0.1", "10.0.0.2");
    check(&frame, true, true);
}

static void exempt_is_dhcp_request_out_and_reply_in(void **state)
{
    check_udp("255.255.255.255", 0, 68, 67, true, false);
    check_udp("255.255.255.255", 0, 67, 68, false, true);
    check_udp("ff02::1:2", 0, 546, 547, true, false);
    check_udp("ff02::1:2", 0, 547, 546, false, true);
}

static void exempt_is_no_other_udp(void **state)
{
    check_udp("10.0.0.1", 0, 68, 53, false, false);
    check_udp("10.0.0.1", 0, 1234, 68, false, false);
    check_udp("10.0.0.1", 0, 546, 547, false, false);
    check_udp("fe80::2", 0, 68, 67, false, false);
    check_udp("10.0.0.1", 0x2000, 68, 67, false, false);
    check_udp("10.0.0.1", 0x0020, 68, 67, false, false);
}

static void exempt_is_nd_from_this_link_only(void **state)
{
    for (int type = 133; type <= 137; type++) {
        check_icmpv6((uint8_t)type, "fe80::2", 255, true);
        check_icmpv6((uint8_t)type, "fe80::2", 254, false);
    }
    check_icmpv6(128, "fe80::2", 255, false);
    check_icmpv6(138, "fe80::2", 255, false);
}

static void exempt_is_mld_to_groups_only(void **state)
{
    static const uint8_t types[] = {130, 131, 132, 143};

    for (size_t i = 0; i < sizeof types; i++) {
        check_icmpv6(types[i], "ff02::16", 1, true);
        check_icmpv6(types[i], "fe80::2", 1, false);
    }
    check_icmpv6(129, "ff02::16", 1, false);
}

static void exempt_is_no_ipv4_with_numbers_of_nd(void **state)
{
    struct frame frame = frame_begin(MAC);

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 58, 0);
    frame_put_icmp(&frame, 135, 0);
    check(&frame, false, false);
}

static void exempt_is_no_unknown_ethertype(void **state)
{
    struct frame frame = frame_begin(MAC);

    frame_put16(&frame, 0x88b5);
    check(&frame, false, false);
}

static void query_names_the_other_side(void **state)
{
    struct frame frame = frame_begin(MAC);
    struct inet_addr src = inet_addr_from_v4(htonl(0x0a000001)), dst = inet_addr_from_v4(htonl(0x0a000002));
    struct rule_query in, out;
    struct packet packet;

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 17, 0);
    frame_put_udp(&frame, 5000, 53);
    packet = parse(&frame);
    in = rule_query_from_packet(&packet, 0, RULE_INGRESS);
    out = rule_query_from_packet(&packet, 0, RULE_EGRESS);
    assert_true(inet_addr_equal(&in.remote, &src));
    assert_true(inet_addr_equal(&out.remote, &dst));
    assert_int_equal(in.family, RULE_IPV4);
    assert_int_equal(in.protocol, 17);
    assert_true(in.has_ports);
    assert_int_equal(in.dst_port, 53);
    assert_int_equal(out.dst_port, 53);
}

static void query_of_later_fragment_has_no_ports(void **state)
{
    struct frame frame = frame_begin(MAC);
    struct packet packet;

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 17, 0x0020);
    frame_put_udp(&frame, 5000, 53);
    packet = parse(&frame);
    assert_false(rule_query_from_packet(&packet, 0, RULE_INGRESS).has_ports);
    assert_int_equal(rule_query_from_packet(&packet, 0, RULE_INGRESS).icmp_type, RULE_ICMP_ANY);
}

static void query_of_icmp_has_type_and_code(void **state)
{
    struct frame frame = frame_begin(MAC);
    struct rule_query query;
    struct packet packet;

    frame_put_ipv6(&frame, "fe80::1", "fe80::2", 58, 64);
    frame_put_icmp(&frame, 1, 4);
    packet = parse(&frame);
    query = rule_query_from_packet(&packet, 0, RULE_INGRESS);
    assert_int_equal(query.family, RULE_IPV6);
    assert_int_equal(query.icmp_type, 1);
    assert_int_equal(query.icmp_code, 4);
    assert_false(query.has_ports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exempt_is_arp_in_both_directions),
        cmocka_unit_test(exempt_is_dhcp_request_out_and_reply_in),
        cmocka_unit_test(exempt_is_no_other_udp),
        cmocka_unit_test(exempt_is_nd_from_this_link_only),
        cmocka_unit_test(exempt_is_mld_to_groups_only),
        cmocka_unit_test(exempt_is_no_ipv4_with_numbers_of_nd),
        cmocka_unit_test(exempt_is_no_unknown_ethertype),
        cmocka_unit_test(query_names_the_other_side),
        cmocka_unit_test(query_of_later_fragment_has_no_ports),
        cmocka_unit_test(query_of_icmp_has_type_and_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
