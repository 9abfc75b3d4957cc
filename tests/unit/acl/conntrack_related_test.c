// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include "tests/unit/acl/conntrack_fixture.h"

/* ICMP errors about a session from 10.0.0.1:1000 (fd00::1) to 10.0.0.2:53 (fd00::2), sent by the far side or by a
 * router at .9 in between:
 *
 *   frame: Ethernet 14 | outer IP | ICMP header 8 | quoted IP header | quoted ports */

#define ETHER_LEN 14u
#define V4_OUTER  (ETHER_LEN + 20u)
#define V6_OUTER  (ETHER_LEN + 40u)

struct error_frame {
    uint8_t bytes[256]; /* the packet points to a copy of its exact length */
    uint32_t len;
    struct packet packet;
};

static struct conntrack *table;

static int setup(void **state)
{
    table = make_table(64, 1);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(table);
    return 0;
}

static void append(struct error_frame *frame, const void *bytes, uint32_t len)
{
    memcpy(frame->bytes + frame->len, bytes, len);
    frame->len += len;
}

static void append_zeros(struct error_frame *frame, uint32_t len)
{
    frame->len += len;
}

/* An IPv4 error from 'router' to 'victim' up to and with its ICMP header. */
static struct error_frame error_v4(const char *router, const char *victim, uint8_t type)
{
    struct error_frame frame = {.packet = make_packet(router, victim, ICMP)};

    append_zeros(&frame, V4_OUTER + 8);
    frame.packet.icmp_type = type;
    frame.packet.l4_offset = V4_OUTER;
    return frame;
}

static struct error_frame error_v6(const char *router, const char *victim, uint8_t type)
{
    struct error_frame frame = {.packet = make_packet(router, victim, ICMPV6)};

    append_zeros(&frame, V6_OUTER + 8);
    frame.packet.icmp_type = type;
    frame.packet.l4_offset = V6_OUTER;
    return frame;
}

static void append_ipv4(struct error_frame *frame, const char *src, const char *dst, uint8_t protocol)
{
    struct packet quoted = make_packet(src, dst, protocol);
    uint8_t header[20] = {0x45, 0, 0, 60};

    header[9] = protocol;
    memcpy(header + 12, &quoted.src.words[3], 4);
    memcpy(header + 16, &quoted.dst.words[3], 4);
    append(frame, header, sizeof header);
}

static void append_ipv6(struct error_frame *frame, const char *src, const char *dst, uint8_t next)
{
    struct packet quoted = make_packet(src, dst, next);
    uint8_t header[8] = {0x60, 0, 0, 0, 0, 60};

    header[6] = next;
    append(frame, header, sizeof header);
    append(frame, quoted.src.bytes, 16);
    append(frame, quoted.dst.bytes, 16);
}

static void append_l4(struct error_frame *frame, uint16_t src_port, uint16_t dst_port)
{
    uint16_t words[4] = {htons(src_port), htons(dst_port)};

    append(frame, words, sizeof words);
}

/* Looks the error up with exactly 'len' readable bytes behind the pointer, so that a sanitizer sees one too many. */
static bool related_at(struct error_frame *frame, uint32_t len, struct ct_match *match)
{
    uint8_t *copy = malloc(len);
    uint32_t ip_len = frame->len - ETHER_LEN;
    bool found = false;

    if (frame->packet.kind == PACKET_IPV4) {
        frame->bytes[ETHER_LEN + 2] = (uint8_t)(ip_len >> 8);
        frame->bytes[ETHER_LEN + 3] = (uint8_t)ip_len;
    } else {
        frame->bytes[ETHER_LEN + 5] = (uint8_t)(ip_len - 40);
    }
    assert_non_null(copy);
    memcpy(copy, frame->bytes, len);
    frame->packet.l3_offset = ETHER_LEN;
    frame->packet.data = copy;
    frame->packet.len = len;
    frame->packet.frame_len = frame->len;
    found = conntrack_find_related(table, &frame->packet, ZONE, match);
    free(copy);
    return found;
}

static bool related(struct error_frame *frame, struct ct_match *match)
{
    return related_at(frame, frame->len, match);
}

static uint32_t open_dns_v4(void)
{
    struct packet packet = make_udp(1000, 53);

    return open_ok(table, &packet, START_TICK);
}

static uint32_t open_dns_v6(void)
{
    struct packet packet = make_packet("fd00::1", "fd00::2", UDP);

    packet.src_port = htons(1000);
    packet.dst_port = htons(53);
    return open_ok(table, &packet, START_TICK);
}

static struct error_frame port_unreachable_v4(void)
{
    struct error_frame frame = error_v4("10.0.0.2", "10.0.0.1", 3);

    append_ipv4(&frame, "10.0.0.1", "10.0.0.2", UDP);
    append_l4(&frame, 1000, 53);
    return frame;
}

static struct error_frame port_unreachable_v6(void)
{
    struct error_frame frame = error_v6("fd00::2", "fd00::1", 1);

    append_ipv6(&frame, "fd00::1", "fd00::2", UDP);
    append_l4(&frame, 1000, 53);
    return frame;
}

static void error_v4_finds_the_quoted_session(void **state)
{
    struct error_frame frame = port_unreachable_v4();
    struct ct_match match;

    assert_false(related(&frame, &match));
    assert_int_equal(match.session, 0);
    uint32_t session = open_dns_v4();
    assert_true(related(&frame, &match));
    assert_int_equal(match.session, session);
    assert_int_equal(match.direction, CT_REPLY);
}

static void error_about_a_reply_travels_in_original_direction(void **state)
{
    struct error_frame frame = error_v4("10.0.0.1", "10.0.0.2", 3);
    struct ct_match match;

    append_ipv4(&frame, "10.0.0.2", "10.0.0.1", UDP);
    append_l4(&frame, 53, 1000);
    open_dns_v4();
    assert_true(related(&frame, &match));
    assert_int_equal(match.direction, CT_ORIGINAL);
}

static void error_of_a_router_in_between_is_related(void **state)
{
    struct error_frame frame = error_v4("10.0.0.9", "10.0.0.1", 11);
    struct ct_match match;

    append_ipv4(&frame, "10.0.0.1", "10.0.0.2", UDP);
    append_l4(&frame, 1000, 53);
    open_dns_v4();
    assert_true(related(&frame, &match));
}

static void error_to_somebody_else_than_the_sender_is_refused(void **state)
{
    struct error_frame frame = error_v4("10.0.0.1", "10.0.0.2", 3);
    struct ct_match match;

    append_ipv4(&frame, "10.0.0.1", "10.0.0.2", UDP);
    append_l4(&frame, 1000, 53);
    open_dns_v4();
    assert_false(related(&frame, &match));
}

static void error_v4_with_options_in_the_quote_is_related(void **state)
{
    struct error_frame frame = error_v4("10.0.0.2", "10.0.0.1", 3);
    struct ct_match match;

    append_ipv4(&frame, "10.0.0.1", "10.0.0.2", UDP);
    frame.bytes[V4_OUTER + 8] = 0x46;
    append_zeros(&frame, 4);
    append_l4(&frame, 1000, 53);
    open_dns_v4();
    assert_true(related(&frame, &match));
}

static void redirect_and_echo_are_not_related(void **state)
{
    struct error_frame frame = port_unreachable_v4();
    struct ct_match match;

    open_dns_v4();
    frame.packet.icmp_type = 5;
    assert_false(related(&frame, &match));
    frame.packet.icmp_type = 8;
    assert_false(related(&frame, &match));
}

static void quote_of_a_later_fragment_is_refused(void **state)
{
    struct error_frame frame = port_unreachable_v4();
    struct ct_match match;

    open_dns_v4();
    frame.bytes[V4_OUTER + 8 + 7] = 1;
    assert_false(related(&frame, &match));
}

static void quote_of_another_family_is_refused(void **state)
{
    struct error_frame frame = port_unreachable_v4();
    struct ct_match match;

    open_dns_v4();
    frame.bytes[V4_OUTER + 8] = 0x65;
    assert_false(related(&frame, &match));
    frame.bytes[V4_OUTER + 8] = 0x44; /* header shorter than a header */
    assert_false(related(&frame, &match));
}

static void quoted_echo_goes_by_identifier(void **state)
{
    struct error_frame frame = error_v4("10.0.0.9", "10.0.0.1", 11);
    struct packet request = make_echo("10.0.0.1", "10.0.0.2", 8, 77);
    const uint8_t echo[8] = {8, 0, 0, 0, 0, 77, 0, 1};
    struct ct_match match;

    append_ipv4(&frame, "10.0.0.1", "10.0.0.2", ICMP);
    append(&frame, echo, sizeof echo);
    assert_false(related(&frame, &match));
    open_ok(table, &request, START_TICK);
    assert_true(related(&frame, &match));
    frame.bytes[frame.len - 8] = 3; /* an error about an error */
    assert_false(related(&frame, &match));
}

static void error_v6_finds_the_quoted_session(void **state)
{
    struct error_frame frame = port_unreachable_v6();
    struct ct_match match;
    uint32_t session = open_dns_v6();

    assert_true(related(&frame, &match));
    assert_int_equal(match.session, session);
    assert_int_equal(match.direction, CT_REPLY);
}

static void error_v6_looks_behind_extension_headers(void **state)
{
    struct error_frame frame = error_v6("fd00::2", "fd00::1", 1);
    const uint8_t hop_by_hop[8] = {44, 0};
    uint8_t fragment[8] = {UDP, 0};
    struct ct_match match;

    append_ipv6(&frame, "fd00::1", "fd00::2", 0);
    append(&frame, hop_by_hop, sizeof hop_by_hop);
    append(&frame, fragment, sizeof fragment);
    append_l4(&frame, 1000, 53);
    open_dns_v6();
    assert_true(related(&frame, &match));
    frame.bytes[frame.len - 16 + 3] = 8; /* now a later fragment */
    assert_false(related(&frame, &match));
}

static void endless_extension_headers_are_refused(void **state)
{
    struct error_frame frame = error_v6("fd00::2", "fd00::1", 1);
    struct ct_match match;

    append_ipv6(&frame, "fd00::1", "fd00::2", 0);
    append_zeros(&frame, 96);
    open_dns_v6();
    assert_false(related(&frame, &match));
}

/* Bytes of the frame that a look-up needs: up to the quoted ports. */
static void expect_truncation(struct error_frame *frame, uint32_t needed)
{
    struct ct_match match;

    for (uint32_t len = frame->packet.l4_offset; len <= frame->len; len++)
        assert_int_equal(related_at(frame, len, &match), len >= needed);
}

static void truncated_quote_v4_is_refused(void **state)
{
    struct error_frame frame = port_unreachable_v4();

    open_dns_v4();
    expect_truncation(&frame, V4_OUTER + 8 + 20 + 4);
}

static void truncated_quote_v6_is_refused(void **state)
{
    struct error_frame frame = port_unreachable_v6();

    open_dns_v6();
    expect_truncation(&frame, V6_OUTER + 8 + 40 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(error_v4_finds_the_quoted_session, setup, teardown),
        cmocka_unit_test_setup_teardown(error_about_a_reply_travels_in_original_direction, setup, teardown),
        cmocka_unit_test_setup_teardown(error_of_a_router_in_between_is_related, setup, teardown),
        cmocka_unit_test_setup_teardown(error_to_somebody_else_than_the_sender_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(error_v4_with_options_in_the_quote_is_related, setup, teardown),
        cmocka_unit_test_setup_teardown(redirect_and_echo_are_not_related, setup, teardown),
        cmocka_unit_test_setup_teardown(quote_of_a_later_fragment_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(quote_of_another_family_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(quoted_echo_goes_by_identifier, setup, teardown),
        cmocka_unit_test_setup_teardown(error_v6_finds_the_quoted_session, setup, teardown),
        cmocka_unit_test_setup_teardown(error_v6_looks_behind_extension_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(endless_extension_headers_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated_quote_v4_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated_quote_v6_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
