// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tools/gen/latency.h"
#include "tools/gen/neighbour.h"

static struct options options = {
    .flows = FLOWS_MAX,
    .size = 128,
    .udp_port = 5000,
    .macs = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 3}}},
    .ips = {RTE_BE32(0x0a000001), RTE_BE32(0x0a000002), RTE_BE32(0x0a000003)},
    .ips6 = {{0xfd, [15] = 1}, {0xfd, [15] = 2}, {0xfd, [15] = 3}},
};

/* As the command line would leave it, for every test. */
static int set_up(void **state)
{
    options.protocol = OPTIONS_UDP;
    options.ipv6 = false;
    options.vlan = 0;
    options.latency = 0;
    return 0;
}

static struct frame_layout lay_out(uint16_t outer)
{
    struct frame_layout layout;

    frame_lay_out(&layout, &options, options.size, outer);
    return layout;
}

/* The 16-bit ones' complement sum (RFC 1071), byte by byte. */
static uint16_t sum(const uint8_t *bytes, size_t n, uint32_t start)
{
    uint32_t total = start;

    for (size_t i = 0; i < n; i++)
        total += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (total > 0xffff)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

/* Of everything behind the network header of a frame and its pseudo-header (RFC 9293 3.1, RFC 8200 8.1): 0xffff when
 * the checksum is right. */
static uint16_t sum_of_payload(const uint8_t *l3, bool pseudo)
{
    const uint8_t *addresses = options.ipv6 ? l3 + 8 : l3 + 12;
    size_t header = options.ipv6 ? 40 : 20,
           length = options.ipv6 ? (size_t)(l3[4] << 8 | l3[5]) : (size_t)(l3[2] << 8 | l3[3]) - 20;
    uint32_t start = pseudo ? (uint32_t)length + l3[options.ipv6 ? 6 : 9] : 0;

    if (pseudo)
        start = sum(addresses, options.ipv6 ? 32 : 8, start);
    return sum(l3 + header, length, start);
}

/* Every flow's checksum is right without being computed anew, whatever the stamp says. */
static void check_balance(bool pseudo)
{
    uint8_t bytes[FRAME_MAX];
    struct frame_layout layout = lay_out(0);
    struct rte_mbuf frame = {.buf_addr = bytes, .data_len = options.size, .pkt_len = options.size};

    for (unsigned int direction = 0; direction < 2; direction++) {
        frame_write(&options, direction, &layout, bytes);
        assert_true(layout.balance >= layout.payload && layout.balance + 4 <= options.size);
        for (uint32_t flow = 0; flow < FLOWS_MAX; flow += 65537) {
            uint32_t ports = frame_ports(&options, direction, flow);

            frame_set_ports(&frame, layout.ports, ports);
            frame_set_ports(&frame, layout.balance, ~ports);
            if (layout.stamp > 0)
                frame_write_stamp(&layout, 0x0123456789abcdefu * flow, bytes);
            assert_int_equal(sum_of_payload(bytes + layout.l3, pseudo), 0xffff);
        }
        assert_true(frame_is_ours(&options, direction, &layout, &frame));
        assert_false(frame_is_ours(&options, !direction, &layout, &frame));
    }
}

/* A buffer around 'bytes', as a driver would hand it over. */
static struct rte_mbuf wrap(uint8_t *bytes, uint16_t size)
{
    return (struct rte_mbuf){.buf_addr = bytes, .data_len = size, .pkt_len = size};
}

static void frame_is_valid_udp(void **state)
{
    struct frame_layout layout = lay_out(0);
    uint8_t bytes[FRAME_MAX];
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

    frame_write(&options, 1, &layout, bytes);
    assert_true(rte_is_same_ether_addr(&ether->src_addr, &options.macs[1]));
    assert_true(rte_is_same_ether_addr(&ether->dst_addr, &options.macs[0]));
    assert_int_equal(rte_raw_cksum(ip, sizeof *ip), 0xffff);
    assert_int_equal(ntohs(ip->total_length), options.size - sizeof *ether);
    assert_int_equal(ntohs(udp->dgram_len), options.size - sizeof *ether - sizeof *ip);
    assert_int_equal(ntohs(udp->src_port), 5000);
    assert_int_equal(ntohs(udp->dst_port), FLOW_SOURCE_BASE);
}

static void flows_have_ports_of_their_own(void **state)
{
    static uint8_t seen[UINT16_MAX + 1][FLOWS_MAX / FLOW_SOURCES];

    memset(seen, 0, sizeof seen);
    for (uint32_t flow = 0; flow < FLOWS_MAX; flow++) {
        uint32_t ports = ntohl(frame_ports(&options, 0, flow));
        uint32_t server = (ports & 0xffff) - options.udp_port;

        assert_true(server < FLOWS_MAX / FLOW_SOURCES);
        assert_int_equal(seen[ports >> 16][server]++, 0);
    }
}

static void replies_mirror_ports(void **state)
{
    for (uint32_t flow = 0; flow < FLOWS_MAX; flow += 4099) {
        uint32_t there = ntohl(frame_ports(&options, 0, flow));
        uint32_t back = ntohl(frame_ports(&options, 1, flow));

        assert_int_equal(there >> 16 | there << 16, back);
    }
}

static void set_ports_changes_nothing_else(void **state)
{
    struct frame_layout layout = lay_out(0);
    uint8_t bytes[FRAME_MAX], expected[FRAME_MAX];
    struct rte_mbuf frame = wrap(bytes, options.size);
    uint32_t ports = frame_ports(&options, 0, 77777);

    frame_write(&options, 0, &layout, bytes);
    frame_write(&options, 0, &layout, expected);
    memcpy(expected + layout.l4, &ports, sizeof ports);
    frame_set_ports(&frame, layout.ports, ports);
    assert_memory_equal(bytes, expected, options.size);
    assert_true(frame_is_ours(&options, 0, &layout, &frame));
    assert_false(frame_is_ours(&options, 1, &layout, &frame));
}

static void flood_is_syns_of_the_third_guest(void **state)
{
    struct frame_layout layout = lay_out(0);
    uint8_t bytes[FRAME_MAX];
    struct rte_mbuf frame = wrap(bytes, options.size);
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

    frame_write(&options, FRAME_FLOOD, &layout, bytes);
    assert_true(rte_is_same_ether_addr(&ether->src_addr, &options.macs[2]));
    assert_true(rte_is_same_ether_addr(&ether->dst_addr, &options.macs[1]));
    assert_int_equal(ip->src_addr, options.ips[2]);
    assert_int_equal(ntohs(ip->total_length), sizeof *ip + sizeof *tcp);
    assert_int_equal(ip->next_proto_id, IPPROTO_TCP);
    assert_int_equal(tcp->tcp_flags, RTE_TCP_SYN_FLAG);
    assert_int_equal(ntohs(tcp->dst_port), options.udp_port);
    assert_true(frame_is_ours(&options, FRAME_FLOOD, &layout, &frame));
    assert_false(frame_is_ours(&options, 0, &layout, &frame));
}

static void fresh_flows_use_every_port_behind_the_first(void **state)
{
    uint32_t last = options_fresh_flows(&options) - 1;

    assert_int_equal(ntohl(frame_ports(&options, 0, last)), (FLOW_SOURCE_BASE + FLOW_SOURCES - 1) << 16 | 65535);
}

static void flow_follows_from_ports(void **state)
{
    for (unsigned int protocol = OPTIONS_UDP; protocol <= OPTIONS_ICMP; protocol++) {
        options.protocol = (enum options_protocol)protocol;
        for (uint32_t flow = 0; flow < FLOWS_MAX; flow += 4099) {
            assert_int_equal(frame_flow(&options, 0, frame_ports(&options, 0, flow)), flow);
            assert_int_equal(frame_flow(&options, 1, frame_ports(&options, 1, flow)), flow);
        }
    }
    assert_int_equal(frame_flow(&options, 0, RTE_BE32(1u << 16 | 5000)), UINT32_MAX);
    assert_int_equal(frame_flow(&options, 0, RTE_BE32(2000u << 16 | 4999)), UINT32_MAX);
}

static void tcp_keeps_its_checksum(void **state)
{
    options.protocol = OPTIONS_TCP;
    check_balance(true);
    options.ipv6 = true;
    check_balance(true);
}

static void udp_over_ipv6_keeps_its_checksum(void **state)
{
    options.ipv6 = true;
    options.vlan = 5;
    check_balance(true);
}

static void echo_keeps_its_checksum(void **state)
{
    options.protocol = OPTIONS_ICMP;
    check_balance(false);
    options.ipv6 = true;
    check_balance(true);
}

static void stamp_leaves_the_checksum_right(void **state)
{
    options.latency = 64;
    options.protocol = OPTIONS_TCP;
    check_balance(true);
    options.protocol = OPTIONS_ICMP;
    check_balance(false);
    options.protocol = OPTIONS_UDP;
    options.ipv6 = true;
    check_balance(true);
}

static void stamp_stands_where_the_layout_says(void **state)
{
    uint8_t bytes[FRAME_MAX], before[FRAME_MAX];
    struct latency_stamp stamp;
    struct frame_layout layout;

    options.latency = 64;
    layout = lay_out(0);
    frame_write(&options, 0, &layout, bytes);
    memcpy(before, bytes, options.size);
    frame_write_stamp(&layout, 4711, bytes);
    memcpy(&stamp, bytes + layout.stamp, sizeof stamp);
    assert_int_equal(stamp.magic, LATENCY_MAGIC);
    assert_int_equal(stamp.clocks, 4711);
    memcpy(bytes + layout.stamp, before + layout.stamp, sizeof stamp);
    assert_memory_equal(bytes, before, options.size);
}

static void tag_stands_before_the_network_header(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct frame_layout layout;

    options.vlan = 0x123;
    layout = lay_out(0);
    frame_write(&options, 0, &layout, bytes);
    assert_memory_equal(bytes + 12, "\x81\x00\x01\x23\x08\x00\x45", 7);
    assert_int_equal(layout.l3, 18);
}

static void segment_is_valid_tcp(void **state)
{
    uint8_t bytes[FRAME_SEGMENT_MAX + 100];
    struct frame_segment segment = {RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 100, 7, 9};
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(bytes + 34);

    assert_int_equal(frame_write_segment(&options, 1, 40000, &segment, bytes), 14 + 20 + 20 + 100);
    assert_int_equal(sum_of_payload(bytes + 14, true), 0xffff);
    assert_int_equal(tcp->tcp_flags, 0x12);
    assert_int_equal(tcp->data_off, 0x50);
    assert_int_equal(ntohl(tcp->sent_seq), 7);
    assert_int_equal(ntohl(tcp->recv_ack), 9);
    assert_int_equal(ntohs(tcp->src_port), 5001);
    segment.payload = 0;
    assert_int_equal(frame_write_segment(&options, 1, 40000, &segment, bytes), FRAME_MIN);
}

/* A layout whose stamp reaches beyond the frame would overwrite what is behind it. */
static void least_frame_has_room_for_all(void **state)
{
    for (unsigned int variant = 0; variant < 12; variant++) {
        struct frame_layout layout;
        uint16_t least;

        options.protocol = (enum options_protocol)(variant % 3);
        options.ipv6 = variant / 3 % 2 == 1;
        options.latency = variant / 6;
        least = frame_size_least(&options);
        frame_lay_out(&layout, &options, least, 0);
        assert_true(least >= FRAME_MIN);
        assert_true(layout.payload <= least);
        assert_true(layout.balance == 0 || layout.balance + 4 <= least);
        assert_true(layout.stamp == 0 || layout.stamp + (layout.balance > 0 ? 24 : 12) <= least);
    }
}

static void announcement_names_its_sender(void **state)
{
    struct frame_layout layout = lay_out(0);

    for (unsigned int variant = 0; variant < 4; variant++) {
        uint8_t bytes[NEIGHBOUR_FRAME_MAX];
        struct rte_mbuf frame = wrap(bytes, 0);

        options.ipv6 = variant % 2 == 1;
        options.vlan = variant / 2;
        frame.data_len = neighbour_write_announcement(&options, 1, bytes);
        frame.pkt_len = frame.data_len;
        assert_true(bytes[0] & 1);
        assert_true(neighbour_is_announcement(&options, 1, 0, &frame));
        assert_false(neighbour_is_announcement(&options, 0, 0, &frame));
        assert_false(frame_is_ours(&options, 1, &layout, &frame));
        if (options.ipv6)
            assert_int_equal(sum_of_payload(bytes + 14 + (options.vlan ? 4 : 0), true), 0xffff);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frame_is_valid_udp, set_up),
        cmocka_unit_test_setup(flows_have_ports_of_their_own, set_up),
        cmocka_unit_test_setup(replies_mirror_ports, set_up),
        cmocka_unit_test_setup(set_ports_changes_nothing_else, set_up),
        cmocka_unit_test_setup(flood_is_syns_of_the_third_guest, set_up),
        cmocka_unit_test_setup(fresh_flows_use_every_port_behind_the_first, set_up),
        cmocka_unit_test_setup(flow_follows_from_ports, set_up),
        cmocka_unit_test_setup(tcp_keeps_its_checksum, set_up),
        cmocka_unit_test_setup(udp_over_ipv6_keeps_its_checksum, set_up),
        cmocka_unit_test_setup(echo_keeps_its_checksum, set_up),
        cmocka_unit_test_setup(stamp_leaves_the_checksum_right, set_up),
        cmocka_unit_test_setup(stamp_stands_where_the_layout_says, set_up),
        cmocka_unit_test_setup(tag_stands_before_the_network_header, set_up),
        cmocka_unit_test_setup(segment_is_valid_tcp, set_up),
        cmocka_unit_test_setup(least_frame_has_room_for_all, set_up),
        cmocka_unit_test_setup(announcement_names_its_sender, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
