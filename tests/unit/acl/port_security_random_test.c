// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/policy.h"
#include "acl/rule_query.h"
#include "tests/unit/acl/port_security_fixture.h"

#define SEED   1991u
#define ROUNDS 300000

static unsigned int below(unsigned int n)
{
    return (unsigned int)random() % n;
}

static const char *any_of(const char *const *texts, size_t n)
{
    return texts[below((unsigned int)n)];
}

static const char *const macs[] = {MAC_A, MAC_A, MAC_A, MAC_B, MAC_C, MAC_D, FOREIGN};
static const char *const ipv4s[] = {"10.0.0.10", "10.0.0.10", "10.0.0.11", "10.9.0.1", "0.0.0.0", "224.0.0.1"};
static const char *const ipv6s[] = {LLA_A, LLA_A, "2001:db8::a", "2001:db8::b", "::", LLA_D, "2001:db8:d::9"};

#define ANY_OF(TEXTS) any_of(TEXTS, sizeof(TEXTS) / sizeof(TEXTS)[0])

static void put_random_nd(struct frame *frame)
{
    static const uint8_t types[] = {133, 134, 135, 135, 136, 136, 136, 137, 143};
    uint8_t type = types[below(sizeof types)];

    frame_put_icmp(frame, type, 0);
    if (type == 135 || type == 136)
        frame_put_ip(frame, ANY_OF(ipv6s));
    for (unsigned int i = below(3); i > 0; i--)
        frame_put_nd_option(frame, (uint8_t)(1 + below(3)), (uint8_t)(below(8) == 0 ? below(4) : 1), ANY_OF(macs));
}

/* Mostly good frames of a few addresses, so that many pass and the rest fail late. */
static struct frame random_frame(void)
{
    struct frame frame = frame_begin(ANY_OF(macs));

    for (unsigned int tags = below(8) == 0 ? 1 + below(2) : 0; tags > 0; tags--) {
        frame_put16(&frame, 0x8100);
        frame_put16(&frame, (uint16_t)below(3));
    }
    switch (below(4)) {
    case 0:
        frame_put_arp(&frame, (uint16_t)(1 + below(3)), ANY_OF(macs), ANY_OF(ipv4s), ANY_OF(ipv4s));
        break;
    case 1:
        frame_put_ipv4(&frame, ANY_OF(ipv4s), "255.255.255.255", 17, (uint16_t)(below(4) == 0 ? 0x2000 : 0));
        frame_put_udp(&frame, (uint16_t)(66 + below(4)), (uint16_t)(66 + below(4)));
        break;
    case 2:
        frame_put_ipv6(&frame, ANY_OF(ipv6s), "ff02::1:2", 17, 64);
        frame_put_udp(&frame, (uint16_t)(545 + below(4)), (uint16_t)(545 + below(4)));
        break;
    default:
        frame_put_ipv6(&frame, ANY_OF(ipv6s), below(2) ? "ff02::1:ff00:a" : "ff02::1", 58, 255);
        put_random_nd(&frame);
    }
    frame_end(&frame);
    for (unsigned int flips = below(4) == 0 ? below(4) : 0; flips > 0; flips--)
        frame.bytes[12 + below(frame.len - 12)] = (uint8_t)random();
    return frame;
}

static bool text_is(const uint8_t *bytes, const char *ip)
{
    uint8_t expected[16];

    if (strchr(ip, ':') == NULL)
        return inet_pton(AF_INET, ip, expected) == 1 && memcmp(bytes, expected, 4) == 0;
    return inet_pton(AF_INET6, ip, expected) == 1 && memcmp(bytes, expected, 16) == 0;
}

/* What the fixture allows, spelled out. */
static bool naive_allows_ipv4(const struct mac_addr *mac, const uint8_t *ip)
{
    switch (mac->bytes[5]) {
    case 0x0a:
        return text_is(ip, "10.0.0.10") || text_is(ip, "10.0.0.20") || (ip[0] == 10 && ip[1] == 9);
    case 0x0b:
        return text_is(ip, "10.0.0.11");
    case 0x0c:
        return ip[0] != 0 && ip[0] != 127 && (ip[0] & 0xf0) != 0xe0 && !text_is(ip, "255.255.255.255");
    default:
        return false;
    }
}

static bool naive_allows_ipv6(const struct mac_addr *mac, const uint8_t *ip)
{
    static const uint8_t prefix_d[8] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x0d, 0, 0};

    switch (mac->bytes[5]) {
    case 0x0a:
        return text_is(ip, "2001:db8::a") || text_is(ip, LLA_A);
    case 0x0c:
        return ip[0] != 0xff;
    case 0x0d:
        return memcmp(ip, prefix_d, 8) == 0 || text_is(ip, LLA_D);
    default:
        return false;
    }
}

/* Reads the frame's bytes again and asserts that nothing in it speaks for somebody else. */
static void assert_harmless(const struct packet *packet)
{
    static const uint8_t zero[16];
    const uint8_t *l3 = packet->data + packet->l3_offset;
    const uint8_t *l4 = packet->data + packet->l4_offset;

    assert_int_not_equal(packet->src_mac.bytes[5], 0xff);
    if (packet->kind == PACKET_ARP) {
        assert_memory_equal(l3 + 8, packet->data + 6, 6);
        if (memcmp(l3 + 14, zero, 4) == 0)
            assert_true(l3[7] == 1 && naive_allows_ipv4(&packet->src_mac, l3 + 24));
        else
            assert_true(naive_allows_ipv4(&packet->src_mac, l3 + 14));
    } else if (packet->kind == PACKET_IPV4) {
        bool dhcp = memcmp(l3 + 12, zero, 4) == 0 && packet->src_port == htons(68) && packet->dst_port == htons(67);

        assert_true(dhcp || naive_allows_ipv4(&packet->src_mac, l3 + 12));
    } else if (packet->kind == PACKET_IPV6) {
        bool unspecified = memcmp(l3 + 8, zero, 16) == 0 && packet->protocol == 58;

        assert_true(unspecified || naive_allows_ipv6(&packet->src_mac, l3 + 8));
        if (packet_is_nd(packet)) {
            assert_int_not_equal(packet->icmp_type, 134);
            assert_int_not_equal(packet->icmp_type, 137);
            if (packet->icmp_type == 136 || (packet->icmp_type == 135 && unspecified))
                assert_true(naive_allows_ipv6(&packet->src_mac, l4 + 8));
        }
    }
}

/* In a buffer of exactly its size, so that the address sanitizer sees every byte read too many. */
static bool check_frame(const uint8_t *bytes, uint32_t len, uint32_t frame_len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    struct packet packet;
    bool passed = false;

    memcpy(copy, bytes, len);
    if (packet_parse(copy, len, frame_len, &packet) == DROP_NONE) {
        passed = port_security_check(security, &packet) == DROP_NONE;
        if (passed)
            assert_harmless(&packet);
        policy_is_exempt(&packet, RULE_EGRESS);
        rule_query_from_packet(&packet, 0, RULE_EGRESS);
        packet_is_uncacheable(&packet);
    }
    free(copy);
    return passed;
}

static void port_security_random_frames_that_pass_are_harmless(void **state)
{
    unsigned int passed = 0;

    print_message("seed %u\n", SEED);
    srandom(SEED);
    for (int i = 0; i < ROUNDS; i++) {
        struct frame frame = random_frame();
        uint32_t len = below(8) == 0 ? below(frame.len + 1) : frame.len;

        passed += check_frame(frame.bytes, len, below(2) ? len : frame.len);
    }
    /* Both answers must be common, or the test tests nothing. */
    assert_in_range(passed, ROUNDS / 20, ROUNDS / 2);
}

static void port_security_random_bytes_do_no_harm(void **state)
{
    srandom(SEED + 1);
    for (int i = 0; i < ROUNDS; i++) {
        static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x0020};
        struct frame frame = frame_begin(MAC_C);
        uint32_t len = below(120);

        frame_put16(&frame, types[below(6)]);
        for (uint32_t j = 0; j < sizeof frame.bytes / 8; j++)
            frame_put8(&frame, (uint8_t)(below(4) == 0 ? random() : 0));
        if (below(2))
            frame.bytes[14] = below(2) ? 0x45 : 0x60;
        check_frame(frame.bytes, len, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK(port_security_random_frames_that_pass_are_harmless),
        CHECK(port_security_random_bytes_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
