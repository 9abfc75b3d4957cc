// SPDX-License-Identifier: Apache-2.0
/* packet_parse(): what well-formed frames say, and which drop reason malformed ones get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/core/packet.h"
#include "tests/unit/acl/frame.h"

static struct frame udp4(uint16_t fragment)
{
    struct frame frame = frame_begin("02:00:00:00:00:01");

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 17, fragment);
    frame_put_udp(&frame, 1000, 2000);
    frame_end(&frame);
    return frame;
}

static struct frame tcp(bool v6)
{
    static const uint8_t header[20] = {0x10, 0x00, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 0xff, 0xff};
    struct frame frame = frame_begin("02:00:00:00:00:01");

    if (v6)
        frame_put_ipv6(&frame, "fd00::1", "fd00::2", 6, 64);
    else
        frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 6, 0x4000);
    frame_put(&frame, header, sizeof header);
    frame_end(&frame);
    return frame;
}

static struct frame tagged(const struct frame *plain, uint16_t tci)
{
    struct frame frame = {.len = plain->len + 4, .l3 = plain->l3 + 4};

    memcpy(frame.bytes, plain->bytes, 12);
    frame.bytes[12] = 0x81;
    frame.bytes[14] = (uint8_t)(tci >> 8);
    frame.bytes[15] = (uint8_t)tci;
    memcpy(frame.bytes + 16, plain->bytes + 12, plain->len - 12);
    return frame;
}

/* Parses a copy that ends where the frame ends, so that a sanitizer sees reads beyond it. */
static enum drop_reason parse(const struct frame *frame, struct packet *packet)
{
    uint8_t *copy = malloc(frame->len ? frame->len : 1);
    enum drop_reason drop;

    memcpy(copy, frame->bytes, frame->len);
    drop = packet_parse(copy, frame->len, frame->len, packet);
    free(copy);
    return drop;
}

static enum drop_reason parse_with(struct frame frame, uint32_t offset, uint8_t value)
{
    struct packet packet;

    frame.bytes[offset] = value;
    return parse(&frame, &packet);
}

static void udp_over_ipv4_is_read_whole(void **state)
{
    struct frame frame = udp4(0);
    struct packet packet;
    char text[INET_TEXT_LEN];

    assert_int_equal(parse(&frame, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_IPV4);
    assert_int_equal(packet.protocol, 17);
    assert_int_equal(ntohs(packet.src_port), 1000);
    assert_int_equal(ntohs(packet.dst_port), 2000);
    assert_string_equal(inet_addr_format(&packet.src, text), "10.0.0.1");
    assert_int_equal(packet.ttl, 64);
    assert_int_equal(packet.vlan, 0);
    assert_false(packet_is_uncacheable(&packet));
}

static void tcp_over_ipv6_has_its_flags(void **state)
{
    struct frame frame = tcp(true);
    struct packet packet;

    assert_int_equal(parse(&frame, &packet), DROP_NONE);
    assert_int_equal(packet.kind, PACKET_IPV6);
    assert_int_equal(packet.tcp_flags, 0x12);
    assert_int_equal(ntohs(packet.dst_port), 80);
}

static void vlan_tag_is_read_and_skipped(void **state)
{
    struct frame plain = udp4(0);
    struct frame frame = tagged(&plain, 0xa064);
    struct packet packet;

    assert_int_equal(parse(&frame, &packet), DROP_NONE);
    assert_int_equal(packet.vlan, 100 | PACKET_VLAN_PRESENT);
    assert_int_equal(packet.vlan_pcp, 0xa);
    assert_int_equal(packet.kind, PACKET_IPV4);
    assert_int_equal(packet.l3_offset, 18);
}

static void fragments_are_told_apart(void **state)
{
    struct frame first = udp4(0x2000), later = udp4(0x2005);
    struct packet packet;

    assert_int_equal(parse(&first, &packet), DROP_NONE);
    assert_int_equal(packet.fragment, PACKET_FIRST_FRAGMENT);
    assert_int_equal(ntohs(packet.dst_port), 2000);
    assert_int_equal(parse(&later, &packet), DROP_NONE);
    assert_int_equal(packet.fragment, PACKET_LATER_FRAGMENT);
    assert_int_equal(packet.dst_port, 0);
    assert_true(packet_is_uncacheable(&packet));
}

static void ipv6_fragment_header_is_walked(void **state)
{
    struct frame frame = frame_begin("02:00:00:00:00:01");
    struct packet packet;

    frame_put_ipv6(&frame, "fd00::1", "fd00::2", 44, 64);
    frame_put_ipv6_fragment(&frame, 17, 0x0001);
    frame_put_udp(&frame, 1, 2);
    frame_end(&frame);
    assert_int_equal(parse(&frame, &packet), DROP_NONE);
    assert_int_equal(packet.fragment, PACKET_FIRST_FRAGMENT);
    assert_int_equal(packet.protocol, 17);
    assert_int_equal(ntohs(packet.dst_port), 2);
}

static void too_many_ipv6_extensions_are_dropped(void **state)
{
    static const uint8_t hop_by_hop[8] = {60, 0, 1, 4, 0, 0, 0, 0};
    struct frame frame = frame_begin("02:00:00:00:00:01");
    struct packet packet;

    frame_put_ipv6(&frame, "fd00::1", "fd00::2", 60, 64);
    for (int i = 0; i < 9; i++)
        frame_put(&frame, hop_by_hop, sizeof hop_by_hop);
    frame_end(&frame);
    assert_int_equal(parse(&frame, &packet), DROP_IPV6_EXTENSION);
}

static void malformed_ipv4_headers_are_dropped(void **state)
{
    struct frame frame = udp4(0);

    assert_int_equal(parse_with(frame, 14, 0x44), DROP_IP_HEADER); /* header of 16 bytes */
    assert_int_equal(parse_with(frame, 14, 0x55), DROP_IP_HEADER); /* version 5 */
    assert_int_equal(parse_with(frame, 16, 0x40), DROP_IP_HEADER); /* longer than the frame */
    assert_int_equal(parse_with(frame, 17, 10), DROP_IP_HEADER);   /* shorter than its header */
    assert_int_equal(parse_with(frame, 14, 0x4f), DROP_IP_HEADER); /* options beyond the packet */
}

static void malformed_l4_headers_are_dropped(void **state)
{
    struct frame segment = tcp(false), datagram = udp4(0);

    assert_int_equal(parse_with(segment, 14 + 20 + 12, 0xf0), DROP_L4_HEADER); /* options beyond the packet */
    assert_int_equal(parse_with(segment, 14 + 20 + 12, 0x40), DROP_L4_HEADER); /* header of 16 bytes */
    assert_int_equal(parse_with(datagram, 14 + 20 + 4, 0x40), DROP_L4_HEADER); /* longer than the packet */
    assert_int_equal(parse_with(datagram, 14 + 20 + 5, 7), DROP_L4_HEADER);    /* shorter than its header */
}

static void tcp_fragment_that_overwrites_flags_is_dropped(void **state)
{
    struct frame frame = tcp(false);

    frame.bytes[20] = 0x00;
    assert_int_equal(parse_with(frame, 21, 1), DROP_L4_HEADER); /* RFC 3128 */
}

static void bad_source_macs_are_dropped(void **state)
{
    struct frame frame = udp4(0);

    assert_int_equal(parse_with(frame, 6, 0x01), DROP_BAD_SOURCE_MAC);
    memset(frame.bytes + 6, 0, 6);
    assert_int_equal(parse_with(frame, 6, 0), DROP_BAD_SOURCE_MAC);
}

static void truncation_at_every_byte_has_a_reason(void **state)
{
    const struct frame whole[] = {udp4(0), tcp(false), tcp(true)};

    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        for (uint32_t len = 0; len < whole[i].len; len++) {
            struct frame frame = whole[i];
            struct packet packet;

            frame.len = len;
            assert_int_not_equal(parse(&frame, &packet), DROP_NONE);
        }
    }
}

/* Chunks of an SCTP packet (RFC 9260 3.2) as type and length each, and what the packet says of its association. */
static const struct sctp_case {
    uint8_t n;
    uint8_t chunks[4][2];
    uint8_t flags;
} sctp_cases[] = {
    {1, {{1, 20}}, PACKET_SCTP_CHUNK | 1},
    {1, {{14, 4}}, PACKET_SCTP_CHUNK | 14},
    {1, {{0, 17}}, PACKET_SCTP_PLAIN},
    {1, {{3, 16}}, PACKET_SCTP_PLAIN},
    {1, {{4, 8}}, PACKET_SCTP_PLAIN},
    {1, {{9, 4}}, PACKET_SCTP_PLAIN},
    {1, {{0xc1, 4}}, PACKET_SCTP_PLAIN},
    {1, {{255, 4}}, PACKET_SCTP_PLAIN},
    {2, {{10, 8}, {0, 17}}, PACKET_SCTP_CHUNK | 10},
    {2, {{15, 9}, {10, 8}}, PACKET_SCTP_CHUNK | 10}, /* behind AUTH, padded */
    {3, {{3, 16}, {0, 17}, {7, 8}}, PACKET_SCTP_CHUNK | 7},
    {1, {{0, 0}}, 0}, /* no chunk is so short */
    {0, {{0, 0}}, 0},
    {1, {{0, 200}}, PACKET_SCTP_PLAIN}, /* cut off: its type can be read */
};

static struct frame sctp(const struct sctp_case *c)
{
    static const uint8_t header[12] = {0x10, 0x00, 0x0f, 0x1c};
    static const uint8_t zero[64];
    struct frame frame = frame_begin("02:00:00:00:00:01");

    frame_put_ipv4(&frame, "10.0.0.1", "10.0.0.2", 132, 0);
    frame_put(&frame, header, sizeof header);
    for (unsigned int i = 0; i < c->n; i++) {
        uint8_t chunk[4] = {c->chunks[i][0], 0, 0, c->chunks[i][1]};
        uint32_t rest = (chunk[3] + 3u) / 4 * 4 - 4;

        frame_put(&frame, chunk, 4);
        frame_put(&frame, zero, rest < sizeof zero ? rest : 0);
    }
    frame_end(&frame);
    return frame;
}

static void sctp_flags_tell_the_chunk_that_counts(void **state)
{
    for (size_t i = 0; i < sizeof sctp_cases / sizeof sctp_cases[0]; i++) {
        struct frame frame = sctp(&sctp_cases[i]);
        struct packet packet;

        assert_int_equal(parse(&frame, &packet), DROP_NONE);
        assert_int_equal(packet.tcp_flags, sctp_cases[i].flags);
        assert_int_equal(packet.dst_port, htons(3868));
    }
}

static void random_bytes_never_read_beyond_the_frame(void **state)
{
    unsigned int seed = 42;
    struct frame frame;
    struct packet packet;

    for (int i = 0; i < 200000; i++) {
        static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x88cc};
        uint16_t type = types[rand_r(&seed) % 5];

        frame.len = (uint32_t)rand_r(&seed) % 120;
        for (uint32_t b = 0; b < frame.len; b++)
            frame.bytes[b] = (uint8_t)rand_r(&seed);
        frame.bytes[12] = (uint8_t)(type >> 8);
        frame.bytes[13] = (uint8_t)type;
        frame.bytes[14] = type == 0x86dd ? 0x60 : 0x45;
        frame.bytes[16] = 0;
        parse(&frame, &packet);
        assert_true(packet.l4_offset <= frame.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_over_ipv4_is_read_whole),
        cmocka_unit_test(tcp_over_ipv6_has_its_flags),
        cmocka_unit_test(vlan_tag_is_read_and_skipped),
        cmocka_unit_test(fragments_are_told_apart),
        cmocka_unit_test(ipv6_fragment_header_is_walked),
        cmocka_unit_test(too_many_ipv6_extensions_are_dropped),
        cmocka_unit_test(malformed_ipv4_headers_are_dropped),
        cmocka_unit_test(malformed_l4_headers_are_dropped),
        cmocka_unit_test(tcp_fragment_that_overwrites_flags_is_dropped),
        cmocka_unit_test(bad_source_macs_are_dropped),
        cmocka_unit_test(truncation_at_every_byte_has_a_reason),
        cmocka_unit_test(sctp_flags_tell_the_chunk_that_counts),
        cmocka_unit_test(random_bytes_never_read_beyond_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
