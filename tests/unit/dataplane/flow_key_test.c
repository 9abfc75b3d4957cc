// SPDX-License-Identifier: Apache-2.0
/* The fast and the long way to a flow key give the same key, and refuse the same frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/flow_key_fast.h"
#include "tests/unit/acl/frame.h"

/* A random frame, mostly one that the fast way takes: tagged or not, IPv4 or IPv6, TCP or UDP, with small damages. */
static struct frame random_frame(unsigned int *seed)
{
    struct frame frame = {.len = 0};
    bool is_tcp = rand_r(seed) % 2;
    bool is_ipv6 = rand_r(seed) % 3 == 0;

    frame_put_mac(&frame, "02:00:00:00:00:02");
    frame_put_mac(&frame, "02:00:00:00:00:01");
    if (rand_r(seed) % 3 == 0) {
        frame_put16(&frame, 0x8100);
        frame_put16(&frame, (uint16_t)rand_r(seed));
    }
    if (is_ipv6)
        frame_put_ipv6(&frame, "fd00::1", "fd00::2", is_tcp ? 6 : 17, 64);
    else
        frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", is_tcp ? 6 : 17, rand_r(seed) % 8 == 0 ? 0x2000 : 0x4000);
    if (is_tcp) {
        for (int i = 0; i < 20; i++)
            frame_put8(&frame, (uint8_t)(i == 12 ? 0x50 : rand_r(seed)));
    } else {
        frame_put_udp(&frame, (uint16_t)rand_r(seed), (uint16_t)rand_r(seed));
    }
    frame_end(&frame);
    for (int padding = rand_r(seed) % 20; padding > 0; padding--)
        frame_put8(&frame, 0);
    if (rand_r(seed) % 2)
        frame.bytes[(uint32_t)rand_r(seed) % frame.len] = (uint8_t)rand_r(seed);
    if (rand_r(seed) % 4 == 0)
        frame.len -= (uint32_t)rand_r(seed) % frame.len;
    return frame;
}

static void fast_and_long_way_agree_on_random_frames(void **state)
{
    unsigned int seed = 7;
    int fast_ones = 0, long_keys = 0;

    for (int i = 0; i < 300000; i++) {
        struct frame frame = random_frame(&seed);
        struct flow_key fast, slow;
        struct packet packet;
        enum drop_reason drop;
        uint8_t flags = 0;

        if (!flow_key_fast(frame.bytes, frame.len, frame.len, 0x1234, &fast, &flags))
            continue;
        fast_ones++;
        drop = packet_parse(frame.bytes, frame.len, frame.len, &packet);
        if (drop == DROP_BAD_SOURCE_MAC)
            continue; /* never cached, so the look-up with this key fails */
        assert_int_equal(drop, DROP_NONE);
        assert_false(packet_is_uncacheable(&packet));
        flow_key_from_packet(&packet, 0x1234, &slow);
        assert_memory_equal(&fast, &slow, flow_key_is_long(&slow) ? FLOW_KEY_LONG : FLOW_KEY_SHORT);
        long_keys += flow_key_is_long(&slow);
        assert_int_equal(flags, packet.tcp_flags);
    }
    assert_true(fast_ones > 100000);
    assert_true(long_keys > 30000);
}

static void key_of_shortest_tcp_segment_is_fast(void **state)
{
    struct frame frame = frame_begin("02:00:00:00:00:01");
    struct flow_key key;
    uint8_t flags;

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 6, 0x4000);
    for (int i = 0; i < 20; i++)
        frame_put8(&frame, i == 12 ? 0x50 : i == 13 ? 0x10 : 0);
    frame_end(&frame);
    assert_int_equal(frame.len, 54);
    assert_true(flow_key_fast(frame.bytes, frame.len, frame.len, 1, &key, &flags));
    assert_int_equal(flags, 0x10);
}

static void icmp_echo_key_has_type_and_identifier(void **state)
{
    struct frame frame = frame_begin("02:00:00:00:00:01");
    struct packet packet;
    struct flow_key key;
    char text[FLOW_KEY_TEXT_LEN];

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 1, 0);
    frame_put_icmp(&frame, 8, 0);
    frame_end(&frame);
    frame.bytes[14 + 20 + 5] = 0x77;
    assert_int_equal(packet_parse(frame.bytes, frame.len, frame.len, &packet), DROP_NONE);
    flow_key_from_packet(&packet, 5, &key);
    assert_int_equal(ntohs(key.v4.src_port), 0x0800);
    assert_int_equal(ntohs(key.v4.dst_port), 0x77);
    assert_string_equal(flow_key_format(&key, "vm1", text),
                        "in_port(vm1),eth(src=02:00:00:00:00:01,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0800),"
                        "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=1),icmp(type=8,code=0)");
}

static void ipv6_key_is_long_and_padded(void **state)
{
    struct frame frame = frame_begin("02:00:00:00:00:01");
    static const uint8_t zeros[8];
    struct packet packet;
    struct flow_key key;

    frame_put_ipv6(&frame, "fd00::1", "fd00::2", 17, 64);
    frame_put_udp(&frame, 1, 2);
    frame_end(&frame);
    assert_int_equal(packet_parse(frame.bytes, frame.len, frame.len, &packet), DROP_NONE);
    memset(&key, 0xff, sizeof key);
    flow_key_from_packet(&packet, 5, &key);
    assert_true(flow_key_is_long(&key));
    assert_memory_equal(key.v6.zero, zeros, sizeof zeros);
    assert_memory_equal(key.v6_dst, packet.dst.bytes, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_and_long_way_agree_on_random_frames),
        cmocka_unit_test(key_of_shortest_tcp_segment_is_fast),
        cmocka_unit_test(icmp_echo_key_has_type_and_identifier),
        cmocka_unit_test(ipv6_key_is_long_and_padded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
