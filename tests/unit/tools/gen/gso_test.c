// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/gso.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>
#include <rte_tcp.h>

static struct options options = {
    .flows = 1,
    .gso = 60000,
    .mss = 1400,
    .protocol = OPTIONS_TCP,
    .udp_port = 5000,
    .ips = {RTE_BE32(0x0a000001), RTE_BE32(0x0a000002)},
    .ips6 = {{0xfd, [15] = 1}, {0xfd, [15] = 2}},
};

/* What is left to the device is the sum over the TCP header and payload; the field holds that of the pseudo-header, with
 * the length of it all (virtio 1.2, 5.1.6.2), and is not complemented. */
static void template_asks_for_segments_and_sums(void **state)
{
    for (unsigned int ipv6 = 0; ipv6 < 2; ipv6++) {
        uint8_t bytes[256];
        struct rte_mbuf frame = {.buf_addr = bytes};
        struct frame_layout layout;
        uint32_t sum = 6 + 20 + 60000;
        const uint8_t *l3, *addresses;
        const struct rte_tcp_hdr *tcp;

        options.ipv6 = ipv6 == 1;
        options.size = frame_size_least(&options);
        frame_lay_out(&layout, &options, options.size, 0);
        assert_int_equal(layout.size, ipv6 ? 74 : 54);
        frame_write(&options, 0, &layout, bytes);
        gso_write_template(&options, &layout, &frame);
        assert_true(frame.ol_flags == (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
                                       (ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4)));
        assert_int_equal(frame.l2_len, 14);
        assert_int_equal(frame.l3_len, ipv6 ? 40 : 20);
        assert_int_equal(frame.l4_len, 20);
        assert_int_equal(frame.tso_segsz, 1400);
        l3 = bytes + 14;
        assert_int_equal(ipv6 ? l3[4] << 8 | l3[5] : l3[2] << 8 | l3[3], ipv6 ? 60020 : 60040);
        addresses = l3 + (ipv6 ? 8 : 12);
        for (unsigned int i = 0; i < (ipv6 ? 32 : 8); i += 2)
            sum += (uint32_t)(addresses[i] << 8 | addresses[i + 1]);
        while (sum > 0xffff)
            sum = (sum & 0xffff) + (sum >> 16);
        tcp = (const struct rte_tcp_hdr *)(bytes + layout.l4);
        assert_int_equal(rte_be_to_cpu_16(tcp->cksum), sum);
    }
}

static void buffers_hold_the_payload(void **state)
{
    struct options some = options;

    for (some.gso = 1; some.gso <= GSO_PAYLOAD_MAX; some.gso++) {
        assert_true(gso_buffers(&some) * GSO_BUFFER >= some.gso);
        assert_true((gso_buffers(&some) - 1u) * GSO_BUFFER < some.gso);
        assert_true(gso_buffers(&some) <= GSO_BUFFERS_MAX);
    }
}

/* Whole, or cut into segments of any size, in any bursts: the payload counts. */
static void pieces_count_by_their_payload(void **state)
{
    struct gso_account account = {0};
    struct rte_mbuf whole = {.pkt_len = 54 + 60000}, half = {.pkt_len = 54 + 30000}, acknowledgement = {.pkt_len = 60};
    struct rte_mbuf *first[] = {&whole, &half, &acknowledgement}, *second[] = {&half, &half};
    struct frame_layout layout;
    uint64_t bytes = 0;

    options.ipv6 = false;
    options.size = frame_size_least(&options);
    frame_lay_out(&layout, &options, options.size, 0);
    assert_int_equal(gso_count(&account, &options, &layout, first, 3, &bytes), 1);
    assert_int_equal(gso_count(&account, &options, &layout, second, 2, &bytes), 1);
    assert_int_equal(account.rest, 30000);
    assert_int_equal(bytes, 150000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(template_asks_for_segments_and_sums),
        cmocka_unit_test(buffers_hold_the_payload),
        cmocka_unit_test(pieces_count_by_their_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
