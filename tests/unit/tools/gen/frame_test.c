// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include <rte_arp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

static const struct options options = {
    .flows = FLOWS_MAX,
    .size = 128,
    .udp_port = 5000,
    .macs = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 3}}},
    .ips = {RTE_BE32(0x0a000001), RTE_BE32(0x0a000002), RTE_BE32(0x0a000003)},
};

/* A buffer around 'bytes', as a driver would hand it over. */
static struct rte_mbuf wrap(uint8_t *bytes, uint16_t size)
{
    return (struct rte_mbuf){.buf_addr = bytes, .data_len = size, .pkt_len = size};
}

static void frame_is_valid_udp(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

    frame_write(&options, 1, bytes);
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
    uint8_t bytes[FRAME_MAX], expected[FRAME_MAX];
    struct rte_mbuf frame = wrap(bytes, options.size);
    uint32_t ports = frame_ports(&options, 0, 77777);

    frame_write(&options, 0, bytes);
    frame_write(&options, 0, expected);
    memcpy(expected + FRAME_L4_OFFSET, &ports, sizeof ports);
    frame_set_ports(&frame, ports);
    assert_memory_equal(bytes, expected, options.size);
    assert_true(frame_is_ours(&options, 0, &frame));
    assert_false(frame_is_ours(&options, 1, &frame));
}

static void flood_is_syns_of_the_third_guest(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct rte_mbuf frame = wrap(bytes, options.size);
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
    struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

    frame_write(&options, FRAME_FLOOD, bytes);
    assert_true(rte_is_same_ether_addr(&ether->src_addr, &options.macs[2]));
    assert_true(rte_is_same_ether_addr(&ether->dst_addr, &options.macs[1]));
    assert_int_equal(ip->src_addr, options.ips[2]);
    assert_int_equal(ntohs(ip->total_length), sizeof *ip + sizeof *tcp);
    assert_int_equal(ip->next_proto_id, IPPROTO_TCP);
    assert_int_equal(tcp->tcp_flags, RTE_TCP_SYN_FLAG);
    assert_int_equal(ntohs(tcp->dst_port), options.udp_port);
    assert_true(frame_is_ours(&options, FRAME_FLOOD, &frame));
    assert_false(frame_is_ours(&options, 0, &frame));
}

static void fresh_flows_use_every_port_behind_the_first(void **state)
{
    uint32_t last = options_fresh_flows(&options) - 1;

    assert_int_equal(ntohl(frame_ports(&options, 0, last)), (FLOW_SOURCE_BASE + FLOW_SOURCES - 1) << 16 | 65535);
}

static void frame_of_other_length_is_foreign(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct rte_mbuf frame = wrap(bytes, options.size - 1);

    frame_write(&options, 0, bytes);
    assert_false(frame_is_ours(&options, 0, &frame));
}

static void announcement_names_its_sender(void **state)
{
    uint8_t bytes[FRAME_MIN];
    struct rte_mbuf frame = wrap(bytes, FRAME_MIN);
    struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;

    frame_write_announcement(&options, 1, bytes);
    assert_true(rte_is_broadcast_ether_addr(&ether->dst_addr));
    assert_true(frame_is_announcement(&options, 1, &frame));
    assert_false(frame_is_announcement(&options, 0, &frame));
    assert_false(frame_is_ours(&options, 1, &frame));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_is_valid_udp),
        cmocka_unit_test(flows_have_ports_of_their_own),
        cmocka_unit_test(replies_mirror_ports),
        cmocka_unit_test(set_ports_changes_nothing_else),
        cmocka_unit_test(flood_is_syns_of_the_third_guest),
        cmocka_unit_test(fresh_flows_use_every_port_behind_the_first),
        cmocka_unit_test(frame_of_other_length_is_foreign),
        cmocka_unit_test(announcement_names_its_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
