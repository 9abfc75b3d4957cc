// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/acl/port_security_fixture.h"

/* Sources of IP packets with nothing special in them. */
static const struct source {
    const char *mac;
    const char *ip;
    enum drop_reason expected;
} sources[] = {
    {MAC_A, "10.0.0.10", DROP_NONE},
    {MAC_A, "10.0.0.20", DROP_NONE},         /* one host of a subnet ... */
    {MAC_A, "10.0.0.21", DROP_SPOOFED_IPV4}, /* ... is not the subnet */
    {MAC_A, "10.9.1.2", DROP_NONE},
    {MAC_A, "10.0.0.11", DROP_SPOOFED_IPV4}, /* allowed, but with another MAC */
    {MAC_B, "10.0.0.10", DROP_SPOOFED_IPV4},
    {MAC_B, "10.0.0.11", DROP_NONE},
    {FOREIGN, "10.0.0.10", DROP_SPOOFED_MAC},
    {MAC_C, "192.0.2.1", DROP_NONE},
    {MAC_C, "224.0.0.1", DROP_SPOOFED_IPV4},
    {MAC_C, "239.255.255.255", DROP_SPOOFED_IPV4},
    {MAC_C, "255.255.255.255", DROP_SPOOFED_IPV4},
    {MAC_C, "127.0.0.1", DROP_SPOOFED_IPV4},
    {MAC_C, "0.0.0.0", DROP_SPOOFED_IPV4},
    {MAC_C, "0.1.2.3", DROP_SPOOFED_IPV4},
    {MAC_D, "10.0.0.10", DROP_SPOOFED_IPV4}, /* IPv6 alone */
    {MAC_A, "2001:db8::a", DROP_NONE},
    {MAC_A, LLA_A, DROP_NONE},
    {MAC_A, LLA_B, DROP_SPOOFED_IPV6},
    {MAC_A, "2001:db8::b", DROP_SPOOFED_IPV6},
    {MAC_A, "::ffff:10.0.0.10", DROP_SPOOFED_IPV6},
    {MAC_C, "::ffff:10.0.0.10", DROP_SPOOFED_IPV6},
    {MAC_A, "::", DROP_SPOOFED_IPV6},
    {MAC_B, "2001:db8::a", DROP_SPOOFED_IPV6},
    {MAC_B, LLA_B, DROP_SPOOFED_IPV6}, /* IPv4 alone: not even its link-local address */
    {MAC_C, "2001:db8::77", DROP_NONE},
    {MAC_C, "::", DROP_SPOOFED_IPV6},
    {MAC_C, "::1", DROP_SPOOFED_IPV6},
    {MAC_C, "ff02::1", DROP_SPOOFED_IPV6},
    {MAC_D, "2001:db8:d::1234", DROP_NONE},
    {MAC_D, "2001:db8:e::1", DROP_SPOOFED_IPV6},
    {MAC_D, LLA_D, DROP_NONE},
    {FOREIGN, "2001:db8::a", DROP_SPOOFED_MAC},
};

static bool is_v6(const char *ip)
{
    return strchr(ip, ':') != NULL;
}

static void put_ip(struct frame *frame, const char *src, uint8_t protocol)
{
    if (is_v6(src))
        frame_put_ipv6(frame, src, "2001:db8::1", protocol, 64);
    else
        frame_put_ipv4(frame, src, "10.0.0.1", protocol, 0);
}

static void port_security_ip_source_needs_its_own_mac(void **state)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct frame frame = frame_begin(sources[i].mac);

        put_ip(&frame, sources[i].ip, 17);
        frame_put_udp(&frame, 5000, 53);
        expect(sources[i].expected, &frame, sources[i].ip);
    }
}

static void port_security_tagged_ip_is_checked_alike(void **state)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct frame frame = frame_begin(sources[i].mac);

        frame_put16(&frame, 0x8100);
        frame_put16(&frame, 5);
        put_ip(&frame, sources[i].ip, 17);
        frame_put_udp(&frame, 5000, 53);
        expect(sources[i].expected, &frame, sources[i].ip);
    }
}

static void port_security_later_fragments_are_checked_alike(void **state)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct frame frame = frame_begin(sources[i].mac);

        if (is_v6(sources[i].ip)) {
            frame_put_ipv6(&frame, sources[i].ip, "2001:db8::1", 44, 64);
            frame_put_ipv6_fragment(&frame, 17, 0x0100);
        } else {
            frame_put_ipv4(&frame, sources[i].ip, "10.0.0.1", 17, 0x0020);
        }
        frame_put_udp(&frame, 0, 0);
        expect(sources[i].expected, &frame, sources[i].ip);
    }
}

static const struct arp_case {
    const char *what;
    const char *mac; /* Ethernet source */
    uint16_t operation;
    const char *sender_mac;
    const char *sender;
    const char *target;
    enum drop_reason expected;
} arp_cases[] = {
    {"request", MAC_A, 1, MAC_A, "10.0.0.10", "10.0.0.1", DROP_NONE},
    {"reply", MAC_A, 2, MAC_A, "10.0.0.10", "10.0.0.1", DROP_NONE},
    {"gratuitous", MAC_A, 1, MAC_A, "10.0.0.10", "10.0.0.10", DROP_NONE},
    {"gratuitous reply", MAC_A, 2, MAC_A, "10.0.0.10", "10.0.0.10", DROP_NONE},
    {"probe", MAC_A, 1, MAC_A, "0.0.0.0", "10.0.0.10", DROP_NONE},
    {"probe for another's", MAC_A, 1, MAC_A, "0.0.0.0", "10.0.0.1", DROP_SPOOFED_ARP},
    {"reply from 0.0.0.0", MAC_A, 2, MAC_A, "0.0.0.0", "10.0.0.10", DROP_SPOOFED_ARP},
    {"foreign sender", MAC_A, 2, MAC_A, "10.0.0.1", "10.0.0.9", DROP_SPOOFED_ARP},
    {"gratuitous for another", MAC_A, 1, MAC_A, "10.0.0.1", "10.0.0.1", DROP_SPOOFED_ARP},
    {"sender of another pair", MAC_A, 2, MAC_A, "10.0.0.11", "10.0.0.9", DROP_SPOOFED_ARP},
    {"foreign hardware address", MAC_A, 2, FOREIGN, "10.0.0.10", "10.0.0.9", DROP_SPOOFED_ARP},
    {"hardware address of another pair", MAC_A, 2, MAC_B, "10.0.0.11", "10.0.0.9", DROP_SPOOFED_ARP},
    {"other pair's, consistently", MAC_B, 2, MAC_B, "10.0.0.11", "10.0.0.9", DROP_NONE},
    {"Ethernet source of another", FOREIGN, 2, MAC_A, "10.0.0.10", "10.0.0.9", DROP_SPOOFED_MAC},
    {"RARP operation", MAC_A, 3, MAC_A, "10.0.0.10", "10.0.0.10", DROP_SPOOFED_ARP},
    {"operation above 255", MAC_A, 0x0101, MAC_A, "10.0.0.10", "10.0.0.10", DROP_SPOOFED_ARP},
    {"IPv6 alone", MAC_D, 1, MAC_D, "10.0.0.10", "10.0.0.1", DROP_SPOOFED_ARP},
    {"anything", MAC_C, 1, MAC_C, "192.0.2.1", "10.0.0.1", DROP_NONE},
    {"anything, probe", MAC_C, 1, MAC_C, "0.0.0.0", "10.0.0.1", DROP_NONE},
    {"anything, foreign hardware address", MAC_C, 1, FOREIGN, "192.0.2.1", "10.0.0.1", DROP_SPOOFED_ARP},
    {"multicast sender", MAC_C, 2, MAC_C, "224.0.0.1", "10.0.0.1", DROP_SPOOFED_ARP},
    {"broadcast sender", MAC_C, 2, MAC_C, "255.255.255.255", "10.0.0.1", DROP_SPOOFED_ARP},
};

static void port_security_arp_speaks_for_itself_only(void **state)
{
    for (size_t i = 0; i < sizeof arp_cases / sizeof arp_cases[0]; i++) {
        const struct arp_case *c = &arp_cases[i];
        struct frame frame = frame_begin(c->mac);

        frame_put_arp(&frame, c->operation, c->sender_mac, c->sender, c->target);
        expect(c->expected, &frame, c->what);
    }
}

static void port_security_arp_of_other_protocols_is_refused(void **state)
{
    struct frame frame = frame_begin(MAC_C);

    frame_put_arp(&frame, 2, MAC_C, "10.0.0.1", "10.0.0.9");
    frame.bytes[17] = 0xdd;
    expect(DROP_SPOOFED_ARP, &frame, "ARP for an unknown protocol");
}

static const struct udp_case {
    const char *mac;
    const char *src;
    const char *dst;
    uint16_t src_port;
    uint16_t dst_port;
    enum drop_reason expected;
} udp_cases[] = {
    {MAC_A, "0.0.0.0", "255.255.255.255", 68, 67, DROP_NONE},
    {MAC_C, "0.0.0.0", "255.255.255.255", 68, 67, DROP_NONE},
    {MAC_A, "10.0.0.10", "10.0.0.2", 68, 67, DROP_NONE},
    {MAC_A, "0.0.0.0", "10.0.0.2", 68, 67, DROP_SPOOFED_IPV4},
    {MAC_A, "0.0.0.0", "255.255.255.255", 67, 67, DROP_GUEST_DHCP_SERVER},
    {MAC_A, "0.0.0.0", "255.255.255.255", 68, 53, DROP_SPOOFED_IPV4},
    {MAC_D, "0.0.0.0", "255.255.255.255", 68, 67, DROP_SPOOFED_IPV4}, /* IPv6 alone */
    {FOREIGN, "0.0.0.0", "255.255.255.255", 68, 67, DROP_SPOOFED_MAC},
    {MAC_A, "10.0.0.10", "255.255.255.255", 67, 68, DROP_GUEST_DHCP_SERVER},
    {MAC_C, "10.0.0.10", "10.0.0.2", 67, 5000, DROP_GUEST_DHCP_SERVER},
    {MAC_C, "10.0.0.10", "10.0.0.2", 5000, 68, DROP_GUEST_DHCP_SERVER}, /* clients hear any source port */
    {MAC_A, LLA_A, "ff02::1:2", 546, 547, DROP_NONE},
    {MAC_A, "::", "ff02::1:2", 546, 547, DROP_SPOOFED_IPV6},
    {MAC_A, LLA_A, "fe80::1", 547, 546, DROP_GUEST_DHCP_SERVER},
    {MAC_C, LLA_C, "fe80::1", 547, 9, DROP_GUEST_DHCP_SERVER},
    {MAC_C, LLA_C, "fe80::1", 9, 546, DROP_GUEST_DHCP_SERVER},
    {MAC_A, "10.0.0.10", "10.0.0.2", 547, 546, DROP_NONE}, /* these ports mean nothing in IPv4 ... */
    {MAC_A, LLA_A, "fe80::1", 67, 68, DROP_NONE},          /* ... nor those in IPv6 */
};

static void port_security_dhcp_is_for_clients_only(void **state)
{
    for (size_t i = 0; i < sizeof udp_cases / sizeof udp_cases[0]; i++) {
        const struct udp_case *c = &udp_cases[i];
        struct frame frame = frame_begin(c->mac);
        char what[16];

        if (is_v6(c->src))
            frame_put_ipv6(&frame, c->src, c->dst, 17, 1);
        else
            frame_put_ipv4(&frame, c->src, c->dst, 17, 0);
        frame_put_udp(&frame, c->src_port, c->dst_port);
        snprintf(what, sizeof what, "case %zu", i);
        expect(c->expected, &frame, what);
    }
}

static void port_security_dhcp_from_nowhere_in_fragments_is_refused(void **state)
{
    struct frame frame = frame_begin(MAC_A);

    frame_put_ipv4(&frame, "0.0.0.0", "255.255.255.255", 17, 0x2000);
    frame_put_udp(&frame, 68, 67);
    expect(DROP_SPOOFED_IPV4, &frame, "first fragment");
}

static void port_security_icmp_of_routers_is_refused(void **state)
{
    static const uint8_t types[] = {5, 9};

    for (size_t i = 0; i < 2; i++) {
        struct frame frame = frame_begin(MAC_A);

        frame_put_ipv4(&frame, "10.0.0.10", "10.0.0.1", 1, 0);
        frame_put_icmp(&frame, types[i], 0);
        expect(DROP_GUEST_ROUTER, &frame, "ICMP");
    }
}

/* What stands between the source MAC and the payload, and the verdict. */
static const struct l2_case {
    const char *what;
    uint16_t words[10];
    enum drop_reason expected;
} l2_cases[] = {
    {"unknown type", {0x88b5}, DROP_NONE},
    {"RARP", {0x8035}, DROP_GUEST_RARP},
    {"tagged RARP", {0x8100, 5, 0x8035}, DROP_GUEST_RARP},
    {"LLC", {0x0026, 0x4242, 0x0300}, DROP_NONE},
    {"two tags", {0x8100, 5, 0x8100, 6, 0x0800}, DROP_NONE},
    {"priority tag, then a VLAN", {0x8100, 0, 0x8100, 6, 0x0800}, DROP_NONE},
    {"IPv4 behind two priority tags", {0x8100, 0, 0x8100, 0, 0x0800}, DROP_SPOOFED_IPV4},
    {"IPv6 behind a VLAN and a priority tag", {0x8100, 5, 0x8100, 0xe000, 0x86dd}, DROP_SPOOFED_IPV6},
    {"ARP behind a service priority tag", {0x88a8, 0, 0x0806}, DROP_SPOOFED_ARP},
    {"RARP behind three priority tags", {0x8100, 0, 0x88a8, 0, 0x9100, 0, 0x8035}, DROP_GUEST_RARP},
    {"IPv6 in SNAP", {0x0030, 0xaaaa, 0x0300, 0, 0x86dd}, DROP_SPOOFED_IPV6},
    {"ARP in SNAP of 802.1H", {0x0030, 0xaaaa, 0x0300, 0x00f8, 0x0806}, DROP_SPOOFED_ARP},
    {"IPv4 in SNAP behind a tag", {0x8100, 5, 0x0030, 0xaaaa, 0x0300, 0, 0x0800}, DROP_SPOOFED_IPV4},
    {"IPv4 behind a priority tag in SNAP", {0x0030, 0xaaaa, 0x0300, 0, 0x8100, 0, 0x0800}, DROP_SPOOFED_IPV4},
    {"SNAP of a vendor", {0x0030, 0xaaaa, 0x0300, 0x0c20, 0x0800}, DROP_NONE},
};

static void port_security_l2_hides_no_ip(void **state)
{
    for (size_t i = 0; i < sizeof l2_cases / sizeof l2_cases[0]; i++) {
        struct frame frame = frame_begin(MAC_C);

        for (size_t j = 0; j < 10; j++)
            frame_put16(&frame, l2_cases[i].words[j]);
        frame_put(&frame, "0123456789012345678901234567890123456789", 40);
        expect(l2_cases[i].expected, &frame, l2_cases[i].what);
    }
}

static void port_security_l2_needs_its_mac(void **state)
{
    struct frame frame = frame_begin(FOREIGN);

    frame_put16(&frame, 0x88b5);
    expect(DROP_SPOOFED_MAC, &frame, "unknown type");
}

static void port_security_without_entries_refuses_everything(void **state)
{
    struct port_security *nothing = port_security_create(NULL, 0);
    struct packet packet = {.src_mac = {{2, 0, 0, 0, 0, 1}}};

    assert_int_equal(port_security_check(nothing, &packet), DROP_SPOOFED_MAC);
    assert_ptr_equal(port_security_ref(nothing), nothing);
    port_security_unref(nothing);
    port_security_unref(nothing);
    port_security_unref(NULL);
}

static void port_security_entries_without_addresses_win(void **state)
{
    struct port_security_pair pairs[2];
    struct port_security *both;
    struct frame frame = frame_begin(MAC_A);
    struct packet packet;

    assert_int_equal(port_security_pair_parse(MAC_A " 10.0.0.1", &pairs[0], NULL), 0);
    assert_int_equal(port_security_pair_parse(MAC_A, &pairs[1], NULL), 0);
    both = port_security_create(pairs, 2);
    frame_put_ipv6(&frame, "2001:db8::99", "2001:db8::1", 59, 64);
    assert_int_equal(packet_parse(frame.bytes, frame.len, frame.len, &packet), DROP_NONE);
    assert_int_equal(port_security_check(both, &packet), DROP_NONE);
    port_security_unref(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK(port_security_ip_source_needs_its_own_mac),
        CHECK(port_security_tagged_ip_is_checked_alike),
        CHECK(port_security_later_fragments_are_checked_alike),
        CHECK(port_security_arp_speaks_for_itself_only),
        CHECK(port_security_arp_of_other_protocols_is_refused),
        CHECK(port_security_dhcp_is_for_clients_only),
        CHECK(port_security_dhcp_from_nowhere_in_fragments_is_refused),
        CHECK(port_security_icmp_of_routers_is_refused),
        CHECK(port_security_l2_hides_no_ip),
        CHECK(port_security_l2_needs_its_mac),
        CHECK(port_security_without_entries_refuses_everything),
        CHECK(port_security_entries_without_addresses_win),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
