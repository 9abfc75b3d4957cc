// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/gen/frame.h"

#define REMOTE_MAC "\x02\x00\x00\x00\x01\x02"
#define SWITCH_MAC "\x02\x00\x00\x00\x01\x01"
#define REMOTE_IP  "\xac\x1f\x00\x02"
#define SWITCH_IP  "\xac\x1f\x00\x01"
#define LENGTH     60u

static struct options options;
static uint8_t bytes[TUNNEL_OUTER_SIZE + LENGTH];
static struct rte_mbuf frame;

static int set_up(void **state)
{
    memset(&options, 0, sizeof options);
    options.tunnel = OPTIONS_VXLAN;
    options.vni = 0x123456;
    memcpy(&options.outer_macs[0], REMOTE_MAC, 6);
    memcpy(&options.outer_macs[1], SWITCH_MAC, 6);
    memcpy(&options.outer_ips[0], REMOTE_IP, 4);
    memcpy(&options.outer_ips[1], SWITCH_IP, 4);
    memset(bytes, 0, sizeof bytes);
    frame = (struct rte_mbuf){.buf_addr = bytes, .data_len = sizeof bytes, .pkt_len = sizeof bytes};
    return 0;
}

static void outer_headers_are_those_of_the_rfcs(void **state)
{
    /* The IPv4 checksum summed apart. */
    static const char expected[] =
        SWITCH_MAC REMOTE_MAC "\x08\x00"
                              "\x45\x00\x00\x60\x00\x00\x40\x00\x40\x11\xe2\x4b" REMOTE_IP SWITCH_IP;
    static const char vxlan[] = "\xc0\x00\x12\xb5\x00\x4c\x00\x00\x08\x00\x00\x00\x12\x34\x56\x00";
    static const char geneve[] = "\xc0\x00\x17\xc1\x00\x4c\x00\x00\x00\x00\x65\x58\x12\x34\x56\x00";

    tunnel_write(&options, LENGTH, bytes);
    assert_memory_equal(bytes, expected, 34);
    assert_memory_equal(bytes + 34, vxlan, 16);
    options.tunnel = OPTIONS_GENEVE;
    tunnel_write(&options, LENGTH, bytes);
    assert_memory_equal(bytes, expected, 34);
    assert_memory_equal(bytes + 34, geneve, 16);
}

/* Writes what the switch would send back. */
static void write_reverse(void)
{
    struct options reverse = options;

    reverse.outer_macs[0] = options.outer_macs[1];
    reverse.outer_macs[1] = options.outer_macs[0];
    reverse.outer_ips[0] = options.outer_ips[1];
    reverse.outer_ips[1] = options.outer_ips[0];
    tunnel_write(&reverse, LENGTH, bytes);
}

static void every_field_of_an_arriving_frame_is_checked(void **state)
{
    /* MACs, EtherType, version, protocol, addresses, destination port, flags and VNI. */
    static const uint8_t checked[] = {0, 5, 6, 11, 12, 14, 23, 26, 29, 30, 33, 36, 37, 42, 46, 48};

    for (unsigned int kind = OPTIONS_VXLAN; kind <= OPTIONS_GENEVE; kind++) {
        options.tunnel = (enum options_tunnel)kind;
        write_reverse();
        assert_true(tunnel_is_ours(&options, &frame));
        tunnel_set_port(&frame, 4711);
        assert_true(tunnel_is_ours(&options, &frame));
        for (unsigned int i = 0; i < sizeof checked; i++) {
            bytes[checked[i]] ^= 0x10;
            assert_false(tunnel_is_ours(&options, &frame));
            bytes[checked[i]] ^= 0x10;
        }
    }
    frame.data_len = TUNNEL_OUTER_SIZE - 1;
    assert_false(tunnel_is_ours(&options, &frame));
}

static void own_frames_do_not_come_back(void **state)
{
    tunnel_write(&options, LENGTH, bytes);
    assert_false(tunnel_is_ours(&options, &frame));
}

static void source_port_follows_from_the_flow(void **state)
{
    uint8_t before[sizeof bytes];

    tunnel_write(&options, LENGTH, bytes);
    memcpy(before, bytes, sizeof bytes);
    tunnel_set_port(&frame, 0x4001);
    assert_memory_equal(bytes + 34, "\xc0\x01", 2);
    assert_memory_equal(bytes, before, 34);
    assert_memory_equal(bytes + 36, before + 36, sizeof bytes - 36);
}

static void only_the_second_guest_is_behind_the_tunnel(void **state)
{
    assert_int_equal(tunnel_outer_size(&options, 0), 0);
    assert_int_equal(tunnel_outer_size(&options, 1), TUNNEL_OUTER_SIZE);
    assert_int_equal(tunnel_outer_size(&options, 2), 0);
    options.tunnel = OPTIONS_NO_TUNNEL;
    assert_int_equal(tunnel_outer_size(&options, 1), 0);
}

static void request_for_the_remote_end_is_answered(void **state)
{
    static const char request[] =
        "\xff\xff\xff\xff\xff\xff" SWITCH_MAC "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" SWITCH_MAC SWITCH_IP
        "\x00\x00\x00\x00\x00\x00" REMOTE_IP;
    static const char answer[] =
        SWITCH_MAC REMOTE_MAC "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" REMOTE_MAC REMOTE_IP SWITCH_MAC SWITCH_IP;

    memcpy(bytes, request, 42);
    frame.data_len = 42;
    assert_true(tunnel_answer_arp(&options, &frame));
    assert_memory_equal(bytes, answer, 42);
}

static void other_arp_is_not_answered(void **state)
{
    static const char request[] =
        "\xff\xff\xff\xff\xff\xff" SWITCH_MAC "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" SWITCH_MAC SWITCH_IP
        "\x00\x00\x00\x00\x00\x00" REMOTE_IP;
    /* EtherType, operation, target. */
    static const uint8_t changed[] = {13, 21, 41};

    for (unsigned int i = 0; i < sizeof changed; i++) {
        memcpy(bytes, request, 42);
        bytes[changed[i]] ^= 3;
        assert_false(tunnel_answer_arp(&options, &frame));
    }
    memcpy(bytes, request, 42);
    frame.data_len = 41;
    assert_false(tunnel_answer_arp(&options, &frame));
}

static void request_asks_for_the_switch(void **state)
{
    static const char expected[] =
        "\xff\xff\xff\xff\xff\xff" REMOTE_MAC "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" REMOTE_MAC REMOTE_IP
        "\x00\x00\x00\x00\x00\x00" SWITCH_IP;

    assert_int_equal(tunnel_write_arp_request(&options, bytes), FRAME_MIN);
    assert_memory_equal(bytes, expected, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(outer_headers_are_those_of_the_rfcs, set_up),
        cmocka_unit_test_setup(every_field_of_an_arriving_frame_is_checked, set_up),
        cmocka_unit_test_setup(own_frames_do_not_come_back, set_up),
        cmocka_unit_test_setup(source_port_follows_from_the_flow, set_up),
        cmocka_unit_test_setup(only_the_second_guest_is_behind_the_tunnel, set_up),
        cmocka_unit_test_setup(request_for_the_remote_end_is_answered, set_up),
        cmocka_unit_test_setup(other_arp_is_not_answered, set_up),
        cmocka_unit_test_setup(request_asks_for_the_switch, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
