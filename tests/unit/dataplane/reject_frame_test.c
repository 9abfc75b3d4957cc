// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/reject_frame.h"
#include "tests/unit/dataplane/packet_spec.h"

#define SYN 0x02
#define ACK 0x10
#define RST 0x04

static uint8_t answer[REJECT_FRAME_MAX];

static uint32_t answer_to(const struct frame *frame)
{
    struct packet packet;

    assert_int_equal(packet_parse(frame->bytes, frame->len, frame->len, &packet), DROP_NONE);
    memset(answer, 0xee, sizeof answer);
    return reject_frame_build(&packet, answer);
}

static uint32_t answer_to_spec(struct packet_spec spec)
{
    struct frame frame = spec_frame(&spec);

    return answer_to(&frame);
}

/* Ones' complement sum of bytes, RFC 1071, the slow way. */
static uint32_t sum(const uint8_t *bytes, uint32_t len, uint32_t total)
{
    for (uint32_t i = 0; i < len; i++)
        total += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    return total;
}

/* Header and payload checksums of the answer add up to what right ones do. */
static void assert_sums(uint32_t l3, uint32_t len)
{
    const uint8_t *ip = answer + l3;
    bool v4 = ip[0] >> 4 == 4;
    uint8_t protocol = v4 ? ip[9] : ip[6];
    uint32_t header = v4 ? 20 : 40, payload = len - l3 - header;
    uint32_t total = protocol + payload;

    if (v4)
        assert_int_equal(sum(ip, 20, 0), 0xffff);
    if (!v4 || protocol != IPPROTO_ICMP)
        total = v4 ? sum(ip + 12, 8, total) : sum(ip + 8, 32, total);
    else
        total = 0;
    assert_int_equal(sum(ip + header, payload, total), 0xffff);
}

static void syn_is_answered_by_a_reset_that_acknowledges_it(void **state)
{
    /* To MAC 1, from MAC 2; IPv4 40 bytes, TTL 64, TCP, from 10.0.0.2 to 10.0.0.1; 80 to 5000, sequence 0, acknowledges
     * 1, RST ACK. */
    static const uint8_t expected[] = {
        0x02, 0,    0, 0, 0,    1,    0x02, 0,    0,    0, 0,    2,    0x08, 0x00, 0x45, 0x00, 0x00, 0x28,
        0,    0,    0, 0, 0x40, 0x06, 0x66, 0xce, 0x0a, 0, 0,    2,    0x0a, 0,    0,    1,    0x00, 0x50,
        0x13, 0x88, 0, 0, 0,    0,    0,    0,    0,    1, 0x50, 0x14, 0,    0,    0x87, 0xf5, 0,    0};
    uint32_t len = answer_to_spec((struct packet_spec){
        .src = 1, .dst = 2, .protocol = IPPROTO_TCP, .src_port = 5000, .dst_port = 80, .tcp_flags = SYN});

    assert_int_equal(len, sizeof expected);
    assert_memory_equal(answer, expected, sizeof expected);
    assert_sums(14, len);
}

static void data_is_answered_by_a_reset_with_the_number_it_acknowledges(void **state)
{
    struct packet_spec spec = {
        .src = 1, .dst = 2, .protocol = IPPROTO_TCP, .src_port = 5000, .dst_port = 80, .tcp_flags = ACK, .payload = 9};
    struct frame frame = spec_frame(&spec);
    uint32_t len;

    memcpy(frame.bytes + 14 + 20 + 8, "\x11\x22\x33\x44", 4);
    len = answer_to(&frame);
    assert_int_equal(len, 54);
    assert_memory_equal(answer + 38, "\x11\x22\x33\x44\0\0\0\0\x50\x04", 10);
    assert_sums(14, len);
}

static void reset_over_ipv6_keeps_the_tag(void **state)
{
    uint32_t len = answer_to_spec((struct packet_spec){.src = 1,
                                                       .dst = 2,
                                                       .protocol = IPPROTO_TCP,
                                                       .v6 = true,
                                                       .src_port = 5000,
                                                       .dst_port = 80,
                                                       .tcp_flags = SYN,
                                                       .tagged = true,
                                                       .tci = 0x6007,
                                                       .payload = 3});

    assert_int_equal(len, 18 + 40 + 20);
    assert_memory_equal(answer + 12, "\x81\x00\x60\x07\x86\xdd", 6);
    assert_memory_equal(answer + 18 + 40 + 8, "\0\0\0\x04", 4); /* SYN and three bytes */
    assert_sums(18, len);
}

static void datagram_is_quoted_in_port_unreachable(void **state)
{
    struct packet_spec spec = {.src = 1, .dst = 2, .protocol = IPPROTO_UDP, .src_port = 5, .dst_port = 6, .payload = 7};
    struct frame frame = spec_frame(&spec);
    uint32_t len = answer_to(&frame);

    assert_int_equal(len, 14 + 20 + 8 + frame.len - 14);
    assert_memory_equal(answer + 34, "\x03\x03", 2);
    assert_memory_equal(answer + 42, frame.bytes + 14, frame.len - 14);
    assert_sums(14, len);
    spec.v6 = true;
    frame = spec_frame(&spec);
    len = answer_to(&frame);
    assert_memory_equal(answer + 54, "\x01\x04", 2);
    assert_memory_equal(answer + 62, frame.bytes + 14, frame.len - 14);
    assert_sums(14, len);
}

static void quote_ends_where_a_path_would_cut_it(void **state)
{
    struct packet_spec spec = {.src = 1, .dst = 2, .protocol = IPPROTO_UDP, .payload = 1400};
    uint32_t len = answer_to_spec(spec);

    assert_int_equal(len, 14 + 576);
    assert_sums(14, len);
    spec.v6 = true;
    len = answer_to_spec(spec);
    assert_int_equal(len, 14 + 1280);
    assert_sums(14, len);
}

static void what_must_not_be_answered_is_not(void **state)
{
    struct packet_spec tcp = {.src = 1, .dst = 2, .protocol = IPPROTO_TCP, .tcp_flags = RST | ACK};
    struct packet_spec error = {.src = 1, .dst = 2, .protocol = IPPROTO_ICMP, .src_port = 3};
    struct packet_spec error6 = {.src = 1, .dst = 2, .protocol = IPPROTO_ICMPV6, .v6 = true, .src_port = 1};
    struct packet_spec broadcast = {.src = 1, .dst = 0xff, .protocol = IPPROTO_UDP};
    struct packet_spec group = {.src = 1, .dst = 2, .dst_mac = "01:00:5e:00:00:01", .protocol = IPPROTO_UDP};
    struct packet_spec udp = {.src = 1, .dst = 2, .protocol = IPPROTO_UDP};
    struct frame fragment = spec_frame(&udp), from_nobody = spec_frame(&udp), to_group = spec_frame(&udp);
    struct frame arp = frame_begin("02:00:00:00:00:01");

    assert_int_equal(answer_to_spec(tcp), 0);
    assert_int_equal(answer_to_spec(error), 0);
    assert_int_equal(answer_to_spec(error6), 0);
    assert_int_equal(answer_to_spec(broadcast), 0);
    assert_int_equal(answer_to_spec(group), 0);
    fragment.bytes[14 + 7] = 3;
    assert_int_equal(answer_to(&fragment), 0);
    memset(from_nobody.bytes + 14 + 12, 0, 4);
    assert_int_equal(answer_to(&from_nobody), 0);
    to_group.bytes[14 + 16] = 224;
    assert_int_equal(answer_to(&to_group), 0);
    frame_put_arp(&arp, 1, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.2");
    assert_int_equal(answer_to(&arp), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_is_answered_by_a_reset_that_acknowledges_it),
        cmocka_unit_test(data_is_answered_by_a_reset_with_the_number_it_acknowledges),
        cmocka_unit_test(reset_over_ipv6_keeps_the_tag),
        cmocka_unit_test(datagram_is_quoted_in_port_unreachable),
        cmocka_unit_test(quote_ends_where_a_path_would_cut_it),
        cmocka_unit_test(what_must_not_be_answered_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
