// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/segment.h"

#define MSS 100

/* Ethernet, IPv4 (10.0.0.1 > 10.0.0.2, id 0xfffe), TCP (port 1 > 2, sequence 0xffffff00, FIN PSH ACK CWR). */
static const uint8_t ipv4_header[54] = {
    2,    0, 0, 0, 0,    2,    2,    0, 0,  0, 0, 1, 8,    0,                            /* Ethernet */
    0x45, 0, 0, 0, 0xff, 0xfe, 0x40, 0, 64, 6, 0, 0, 10,   0,    0, 1, 10,   0,    0, 2, /* IPv4 */
    0,    1, 0, 2, 0xff, 0xff, 0xff, 0, 0,  0, 0, 7, 0x50, 0x99, 1, 0, 0x12, 0x34, 0, 0  /* TCP */
};

static const uint8_t ipv6_header[74] = {
    2,    0,    0, 0, 0,    2,    2, 0,  0,    0,    0, 1, 0x86, 0xdd,                               /* Ethernet */
    0x60, 0,    0, 0, 0,    0,    6, 64, 0xfe, 0x80, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, /* IPv6 */
    0xfe, 0x80, 0, 0, 0,    0,    0, 0,  0,    0,    0, 0, 0,    0,    0, 2, 0, 1, 0, 2, 0, 0, 0, 9,
    0,    0,    0, 7, 0x50, 0x18, 1, 0,  0,    0,    0, 0 /* TCP, PSH ACK */
};

struct large {
    uint8_t bytes[70000];
    uint32_t len;
    uint32_t tcp;
};

static struct large large;

static int start(struct segmenter *segmenter)
{
    return segmenter_init(segmenter, large.bytes, large.len, large.tcp, MSS);
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Fills 'large' with a header and counting payload; 'l3' is where the IP header is. */
static void make_large(const uint8_t *header, uint32_t header_len, uint32_t l3, uint32_t payload_len)
{
    memcpy(large.bytes, header, header_len);
    for (uint32_t i = 0; i < payload_len; i++)
        large.bytes[header_len + i] = (uint8_t)(i * 7 + i / 256);
    large.len = header_len + payload_len;
    large.tcp = header_len - 20;
    if (large.bytes[l3] >> 4 == 4)
        put16(large.bytes + l3 + 2, large.len - l3);
    else
        put16(large.bytes + l3 + 4, large.len - l3 - 40);
}

/* The naive checksum of RFC 1071, over one contiguous copy. */
static uint16_t naive_checksum(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* 0 when the TCP or UDP checksum of the segment is right. */
static uint16_t l4_residue(const struct segment *segment, uint32_t l3, uint32_t l4, uint8_t protocol)
{
    static uint8_t copy[80000];
    bool v4 = segment->header[l3] >> 4 == 4;
    uint32_t n = v4 ? 8 : 32;
    uint32_t l4_len = segment->header_len - l4 + segment->payload_len;

    memcpy(copy, segment->header + l3 + (v4 ? 12 : 8), n);
    memset(copy + n, 0, 4);
    copy[n + 1] = protocol;
    put16(copy + n + 2, l4_len);
    memcpy(copy + n + 4, segment->header + l4, segment->header_len - l4);
    memcpy(copy + n + 4 + segment->header_len - l4, segment->payload, segment->payload_len);
    return naive_checksum(copy, n + 4 + l4_len);
}

static void ipv4_segments_are_byte_exact(void **state)
{
    /* First of three: no FIN, no PSH, CWR kept. */
    uint8_t expected[54];
    struct segmenter segmenter;
    struct segment segment;

    make_large(ipv4_header, sizeof ipv4_header, 14, 2 * MSS + 50);
    memcpy(expected, ipv4_header, sizeof expected);
    put16(expected + 16, 40 + MSS);
    expected[47] = 0x90; /* ACK CWR */
    put16(expected + 24, naive_checksum(expected + 14, 20));
    assert_int_equal(start(&segmenter), 0);
    assert_true(segmenter_next(&segmenter, &segment));
    put16(expected + 50, get16(segment.header + 50)); /* the TCP checksum is looked at below */
    assert_int_equal(segment.header_len, sizeof expected);
    assert_memory_equal(segment.header, expected, sizeof expected);
    assert_int_equal(l4_residue(&segment, 14, 34, 6), 0);
    assert_int_equal(segment.payload_len, MSS);
    assert_ptr_equal(segment.payload, large.bytes + sizeof ipv4_header);
}

static void last_segment_ends_the_stream(void **state)
{
    struct segmenter segmenter;
    struct segment segment;

    make_large(ipv4_header, sizeof ipv4_header, 14, 2 * MSS + 50);
    assert_int_equal(start(&segmenter), 0);
    for (int i = 0; i < 3; i++)
        assert_true(segmenter_next(&segmenter, &segment));
    assert_int_equal(segment.payload_len, 50);
    assert_int_equal(get16(segment.header + 16), 90);                                   /* total length */
    assert_int_equal(get16(segment.header + 18), 0);                                    /* id wrapped: 0xfffe + 2 */
    assert_memory_equal(segment.header + 38, ((uint8_t[]){0xff, 0xff, 0xff, 0xc8}), 4); /* sequence + 200 */
    assert_int_equal(segment.header[47], 0x19);                                         /* FIN PSH ACK */
    assert_int_equal(naive_checksum(segment.header + 14, 20), 0);
    assert_int_equal(l4_residue(&segment, 14, 34, 6), 0);
    assert_false(segmenter_next(&segmenter, &segment));
}

static void ipv6_segments_have_their_lengths(void **state)
{
    struct segmenter segmenter;
    struct segment segment;

    make_large(ipv6_header, sizeof ipv6_header, 14, MSS + 1);
    assert_int_equal(start(&segmenter), 0);
    assert_true(segmenter_next(&segmenter, &segment));
    assert_int_equal(get16(segment.header + 18), 20 + MSS);
    assert_int_equal(segment.header[67], 0x10); /* PSH only on the last */
    assert_int_equal(l4_residue(&segment, 14, 54, 6), 0);
    assert_true(segmenter_next(&segmenter, &segment));
    assert_int_equal(get16(segment.header + 18), 21);
    assert_int_equal(segment.header[67], 0x18);
    assert_int_equal(l4_residue(&segment, 14, 54, 6), 0);
    assert_false(segmenter_next(&segmenter, &segment));
}

static void tags_are_kept(void **state)
{
    uint8_t header[sizeof ipv4_header + 8];
    struct segmenter segmenter;
    struct segment segment;

    memcpy(header, ipv4_header, 12);
    memcpy(header + 12, ((uint8_t[]){0x88, 0xa8, 0, 5, 0x81, 0, 0, 7}), 8);
    memcpy(header + 20, ipv4_header + 12, sizeof ipv4_header - 12);
    make_large(header, sizeof header, 22, 3 * MSS);
    assert_int_equal(start(&segmenter), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(segmenter_next(&segmenter, &segment));
        assert_memory_equal(segment.header, header, 22);
        assert_int_equal(l4_residue(&segment, 22, 42, 6), 0);
    }
    assert_false(segmenter_next(&segmenter, &segment));
}

/* VXLAN over IPv4 around an IPv6 frame; 'checksum' is what the outer UDP header says. */
static void make_large_tunnel(uint16_t checksum, uint32_t payload_len)
{
    static const uint8_t outer[50] = {
        4,    0, 0,    0,    0, 4, 4, 0, 0,  0,  0, 3, 8,   0,                     /* Ethernet */
        0x45, 0, 0,    0,    0, 9, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, /* IPv4, id 9 */
        0x80, 0, 0x12, 0xb5, 0, 0, 0, 0, 8,  0,  0, 0, 0,   0, 7, 0                /* UDP, VXLAN 7 */
    };
    uint8_t header[sizeof outer + sizeof ipv6_header];

    memcpy(header, outer, sizeof outer);
    put16(header + 40, checksum);
    memcpy(header + sizeof outer, ipv6_header, sizeof ipv6_header);
    make_large(header, sizeof header, 64, payload_len);
    put16(large.bytes + 16, large.len - 14);
    put16(large.bytes + 38, large.len - 34);
}

static void tunnel_headers_are_on_every_segment(void **state)
{
    struct segmenter segmenter;
    struct segment segment;

    make_large_tunnel(0xbeef, 2 * MSS + 1);
    assert_int_equal(start(&segmenter), 0);
    for (uint16_t i = 0; i < 3; i++) {
        uint32_t payload_len = i < 2 ? MSS : 1;

        assert_true(segmenter_next(&segmenter, &segment));
        assert_int_equal(segment.payload_len, payload_len);
        assert_int_equal(get16(segment.header + 16), 110 + payload_len); /* outer IPv4 */
        assert_int_equal(get16(segment.header + 18), 9 + i);
        assert_int_equal(naive_checksum(segment.header + 14, 20), 0);
        assert_int_equal(get16(segment.header + 38), 90 + payload_len); /* outer UDP */
        assert_memory_equal(segment.header + 42, large.bytes + 42, 22); /* VXLAN, inner Ethernet */
        assert_int_equal(get16(segment.header + 68), 20 + payload_len); /* inner IPv6 */
        assert_int_equal(l4_residue(&segment, 14, 34, 17), 0);
        assert_int_equal(l4_residue(&segment, 64, 104, 6), 0);
    }
    assert_false(segmenter_next(&segmenter, &segment));
}

static void tunnel_without_checksum_stays_without(void **state)
{
    struct segmenter segmenter;
    struct segment segment;

    make_large_tunnel(0, 2 * MSS);
    assert_int_equal(start(&segmenter), 0);
    while (segmenter_next(&segmenter, &segment)) {
        assert_int_equal(get16(segment.header + 40), 0);
        assert_int_equal(l4_residue(&segment, 64, 104, 6), 0);
    }
}

static void tunnel_without_tcp_is_refused(void **state)
{
    struct segmenter segmenter;

    make_large_tunnel(0, 2 * MSS);
    for (large.tcp = 0; large.tcp < 1000; large.tcp++) {
        if (large.tcp != 104)
            assert_int_equal(start(&segmenter), -EINVAL);
    }
    large.tcp = 104;
    large.bytes[70] = 17;
    assert_int_equal(start(&segmenter), -EINVAL);
}

static void padding_is_not_payload(void **state)
{
    struct segmenter segmenter;
    struct segment segment;

    make_large(ipv4_header, sizeof ipv4_header, 14, 3);
    large.len += 6; /* Ethernet pads to 60 bytes and more */
    assert_int_equal(start(&segmenter), 0);
    assert_true(segmenter_next(&segmenter, &segment));
    assert_int_equal(segment.payload_len, 3);
    assert_false(segmenter_next(&segmenter, &segment));
}

static void frame_without_payload_is_one_segment(void **state)
{
    struct segmenter segmenter;
    struct segment segment;

    make_large(ipv4_header, sizeof ipv4_header, 14, 0);
    assert_int_equal(start(&segmenter), 0);
    assert_true(segmenter_next(&segmenter, &segment));
    assert_int_equal(segment.payload_len, 0);
    assert_false(segmenter_next(&segmenter, &segment));
}

/* Any sizes: the segments joined are the payload, every checksum is right. */
static void random_sizes_join_to_the_same_stream(void **state)
{
    unsigned int seed = 20;

    print_message("seed %u\n", seed);
    for (int round = 0; round < 200; round++) {
        uint32_t payload_len = 1 + (uint32_t)rand_r(&seed) % 65000, mss = 1 + (uint32_t)rand_r(&seed) % 9000;
        uint32_t done = 0;
        struct segmenter segmenter;
        struct segment segment;

        if (payload_len / mss > 500)
            continue;
        make_large(ipv4_header, sizeof ipv4_header, 14, payload_len);
        assert_int_equal(segmenter_init(&segmenter, large.bytes, large.len, large.tcp, mss), 0);
        while (segmenter_next(&segmenter, &segment)) {
            assert_ptr_equal(segment.payload, large.bytes + sizeof ipv4_header + done);
            assert_int_equal(naive_checksum(segment.header + 14, 20), 0);
            assert_int_equal(l4_residue(&segment, 14, 34, 6), 0);
            done += segment.payload_len;
        }
        assert_int_equal(done, payload_len);
    }
}

static void refuse(uint32_t offset, uint8_t value, uint32_t len)
{
    struct segmenter segmenter;
    uint8_t before = large.bytes[offset];

    large.bytes[offset] = value;
    assert_int_equal(segmenter_init(&segmenter, large.bytes, len, large.tcp, MSS), -EINVAL);
    large.bytes[offset] = before;
}

static void malformed_frames_are_refused(void **state)
{
    make_large(ipv4_header, sizeof ipv4_header, 14, 300);
    refuse(13, 6, large.len);      /* ARP */
    refuse(14, 0x65, large.len);   /* version 6 under IPv4's type */
    refuse(14, 0x44, large.len);   /* header of 16 bytes */
    refuse(14, 0x4f, 14 + 60 + 5); /* TCP header outside */
    refuse(16, 0xff, large.len);   /* longer than the frame */
    refuse(20, 0x20, large.len);   /* fragment */
    refuse(21, 1, large.len);      /* later fragment */
    refuse(23, 17, large.len);     /* UDP */
    refuse(46, 0x40, large.len);   /* TCP header of 16 bytes */
    for (uint32_t len = 0; len < sizeof ipv4_header; len++)
        refuse(0, 0, len);
}

/* What is refused or not, nothing outside the frame is read: for the sanitizer. */
static void random_bytes_stay_inside(void **state)
{
    unsigned int seed = 4;

    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        uint32_t len = (uint32_t)rand_r(&seed) % 200;
        uint8_t *frame = malloc(len + 1);
        struct segmenter segmenter;
        struct segment segment;

        for (uint32_t i = 0; i < len; i++)
            frame[i] = i < sizeof ipv4_header && rand_r(&seed) % 32 != 0 ? ipv4_header[i] : (uint8_t)rand_r(&seed);
        if (segmenter_init(&segmenter, frame, len, 34, 1 + (uint32_t)rand_r(&seed) % 50) == 0) {
            while (segmenter_next(&segmenter, &segment))
                assert_true(segment.payload + segment.payload_len <= frame + len);
        }
        free(frame);
    }
}

static void checksum_is_finished_in_place(void **state)
{
    /* UDP 10.0.0.1:1 > 10.0.0.2:2 "abc": pseudo-header sum in place, as the kernel leaves it. */
    uint8_t frame[14 + 20 + 11] = {0};
    uint8_t pseudo[12 + 11] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 11};
    uint8_t *udp = frame + 34;

    memcpy(udp, ((uint8_t[]){0, 1, 0, 2, 0, 11, 0, 0, 'a', 'b', 'c'}), 11);
    put16(udp + 6, (uint16_t)~naive_checksum(pseudo, 12));
    assert_int_equal(segment_finish_checksum(frame, sizeof frame, 34, 6), 0);
    memcpy(pseudo + 12, udp, 11);
    assert_int_equal(naive_checksum(pseudo, sizeof pseudo), 0);
}

static void checksum_of_zero_becomes_ones(void **state)
{
    uint8_t frame[6] = {0xff, 0xff, 0, 0, 0, 0};

    assert_int_equal(segment_finish_checksum(frame, sizeof frame, 0, 4), 0);
    assert_int_equal(get16(frame + 4), 0xffff);
}

static void checksum_outside_is_refused(void **state)
{
    uint8_t frame[20] = {0};

    assert_int_equal(segment_finish_checksum(frame, 20, 20, 0), -EINVAL);
    assert_int_equal(segment_finish_checksum(frame, 20, 10, 9), -EINVAL);
    assert_int_equal(segment_finish_checksum(frame, 20, 10, 0xffff), -EINVAL);
    assert_int_equal(segment_finish_checksum(frame, 20, 0xffff, 6), -EINVAL);
    assert_int_equal(segment_finish_checksum(frame, 20, 10, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_segments_are_byte_exact),         cmocka_unit_test(last_segment_ends_the_stream),
        cmocka_unit_test(ipv6_segments_have_their_lengths),     cmocka_unit_test(tags_are_kept),
        cmocka_unit_test(tunnel_headers_are_on_every_segment),  cmocka_unit_test(tunnel_without_checksum_stays_without),
        cmocka_unit_test(tunnel_without_tcp_is_refused),        cmocka_unit_test(padding_is_not_payload),
        cmocka_unit_test(frame_without_payload_is_one_segment), cmocka_unit_test(random_sizes_join_to_the_same_stream),
        cmocka_unit_test(malformed_frames_are_refused),         cmocka_unit_test(random_bytes_stay_inside),
        cmocka_unit_test(checksum_is_finished_in_place),        cmocka_unit_test(checksum_of_zero_becomes_ones),
        cmocka_unit_test(checksum_outside_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
