// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/sent_frame.h"
#include "tests/unit/dataplane/station_fixture.h"

#include "dataplane/segment.h"
#include "dataplane/tx_finish.h"
#include "tests/support/mbuf.h"

/* Headers come from guests: what is possible is described, what is not is refused, and nothing outside the frame is read
 * or written (buffers are heap blocks of their own, for the sanitizer). */

static struct sent_frame frame;

static void make(enum sent_kind kind, bool v6, uint32_t payload_len)
{
    const struct sent_spec spec = {.kind = kind, .v6 = v6, .payload_len = payload_len, .mss = 1000};

    sent_make(&frame, &spec);
}

/* What offload_from_virtio() says of the frame. */
static int describe(void)
{
    struct rte_mbuf *packet = mbuf_chain(frame.bytes, frame.len, 500, 0);
    int result = offload_from_virtio(packet, &frame.header);

    mbuf_free(packet);
    return result;
}

static void outermost_checksum_stays_open(void **state)
{
    for (int i = 0; i < 4; i++) {
        bool udp = i & 1, v6 = i & 2;
        struct rte_mbuf *packet;

        make(udp ? SENT_UDP : SENT_TCP, v6, 100);
        packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
        assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
        assert_int_equal(packet->ol_flags, (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
                                               (udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM));
        assert_int_equal(packet->l2_len, 14);
        assert_int_equal(packet->l3_len, v6 ? 40 : 20);
        assert_memory_equal(rte_pktmbuf_mtod(packet, const uint8_t *), frame.bytes, frame.len);
        mbuf_free(packet);
    }
}

static void header_that_says_nothing_open_changes_nothing(void **state)
{
    struct rte_mbuf *packet;

    make(SENT_DONE, false, 100);
    frame.header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    assert_int_equal(packet->ol_flags, 0);
    mbuf_free(packet);
}

/* A guest that makes tunnels of its own leaves the checksum inside open. */
static void checksum_inside_a_guests_tunnel_is_summed_now(void **state)
{
    static uint8_t bytes[2000];
    const uint32_t outer = 14 + 20 + 8 + 8;
    uint8_t back[2000];
    struct rte_mbuf *packet;
    struct virtio_net_hdr header;
    uint32_t inner_l4;

    make(SENT_TCP, true, 701);
    memcpy(bytes + outer, frame.bytes, frame.len);
    inner_l4 = outer + frame.l4;
    header = frame.header;
    header.csum_start = (uint16_t)inner_l4;
    make(SENT_UDP, false, 8 + frame.len);
    memcpy(bytes, frame.bytes, outer);

    packet = mbuf_chain(bytes, frame.len, 301, 0);
    assert_int_equal(offload_from_virtio(packet, &header), 0);
    assert_int_equal(packet->ol_flags, 0);
    mbuf_bytes(packet, back);
    assert_memory_equal(back, bytes, inner_l4 + 16);
    assert_int_equal(sent_l4_sum(back + inner_l4 - 40, back + inner_l4, 6, frame.len - inner_l4), 0xffff);
    mbuf_free(packet);
}

static void checksum_of_no_outermost_header_is_summed_now(void **state)
{
    make(SENT_TCP, false, 100);
    frame.header.csum_offset = 6; /* UDP's, in TCP */
    assert_int_equal(describe(), 0);
    make(SENT_TCP, false, 100);
    frame.bytes[12] = 0x88; /* an Ethernet type that is not IP */
    assert_int_equal(describe(), 0);
    make(SENT_UDP, false, 100);
    frame.bytes[frame.l3 + 6] = 0x20; /* a first fragment */
    assert_int_equal(describe(), 0);
}

static void checksum_outside_is_refused(void **state)
{
    static const uint16_t bad[][2] = {{600, 6}, {34, 600}, {0xffff, 0xffff}, {133, 0}, {132, 1}, {142, 0}};

    for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
        make(SENT_UDP, false, 100);
        frame.len = 134;
        frame.header.csum_start = bad[i][0];
        frame.header.csum_offset = bad[i][1];
        assert_int_equal(describe(), -EINVAL);
    }
}

static void expect_refused(const char *what)
{
    if (describe() != -EINVAL)
        fail_msg("%s", what);
    make(SENT_TSO, false, 5000);
}

static void impossible_segments_are_refused(void **state)
{
    make(SENT_TSO, false, 5000);
    assert_int_equal(describe(), 0);
    frame.header.gso_size = 0;
    expect_refused("segments of nothing");
    frame.header.gso_size = OFFLOAD_SEGMENT_MIN - 1;
    expect_refused("segments too small");
    frame.header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    expect_refused("UDP fragmentation");
    frame.header.gso_type = 5; /* VIRTIO_NET_HDR_GSO_UDP_L4 */
    expect_refused("UDP segmentation");
    frame.header.gso_type = VIRTIO_NET_HDR_GSO_ECN;
    expect_refused("no type");
    frame.header.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
    expect_refused("the other family");
    frame.header.csum_start += 2;
    expect_refused("a checksum elsewhere");
    frame.header.csum_start = 0xffff;
    expect_refused("a checksum outside");
    frame.bytes[frame.l3 + 9] = 17;
    expect_refused("UDP by its IP header");
    frame.bytes[frame.l3 + 6] = 0x20;
    expect_refused("a fragment");
    frame.bytes[frame.l3] = 0x44;
    expect_refused("an IP header too short");
    frame.bytes[frame.l4 + 12] = 0x40;
    expect_refused("a TCP header too short");
    frame.bytes[frame.l3 + 3]++;
    expect_refused("longer than the frame");
    frame.bytes[frame.l3 + 2]--;
    expect_refused("shorter than the frame");
    frame.len = frame.payload - 1;
    expect_refused("a TCP header outside");
    frame.len = 0;
    expect_refused("nothing");
    make(SENT_TSO, false, 60000);
    frame.header.gso_size = 29; /* 2069 segments */
    expect_refused("too many segments");
}

static void one_segment_is_only_a_checksum(void **state)
{
    struct rte_mbuf *packet;

    make(SENT_TSO, false, 1000);
    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    assert_int_equal(packet->ol_flags & OFFLOAD_PENDING, RTE_MBUF_F_TX_TCP_CKSUM);
    mbuf_free(packet);
}

/* So do the kernel's receive offload, and drivers with a pseudo-header of their own. */
static void pseudo_header_is_made_anew(void **state)
{
    static uint8_t expected[6000], back[6000];
    struct rte_mbuf *packet;

    make(SENT_TSO, true, 5000);
    memcpy(expected, frame.bytes, frame.len);
    sent_put16(frame.bytes + frame.l4 + 16, 0x1234);
    frame.header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    assert_int_equal(packet->ol_flags, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_SEG);
    mbuf_bytes(packet, back);
    assert_memory_equal(back, expected, frame.len);
    mbuf_free(packet);
}

static void extension_headers_are_passed(void **state)
{
    struct rte_mbuf *packet;
    uint8_t *ip;

    make(SENT_TSO, true, 5000);
    ip = frame.bytes + frame.l3;
    memmove(frame.bytes + frame.l4 + 16, frame.bytes + frame.l4, frame.len - frame.l4);
    memset(frame.bytes + frame.l4, 0, 16);
    ip[6] = 0;               /* hop by hop */
    frame.bytes[frame.l4] = 60; /* destination options */
    frame.bytes[frame.l4 + 8] = 6;
    frame.len += 16;
    frame.header.csum_start += 16;
    sent_put16(ip + 4, frame.len - frame.l3 - 40);
    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    assert_int_equal(packet->l3_len, 56);
    assert_int_equal(offload_l4(packet), frame.l4 + 16);
    mbuf_free(packet);

    frame.bytes[frame.l4] = 43; /* routing: the pseudo-header's destination is another one */
    assert_int_equal(describe(), -EINVAL);
}

static void vhosts_words_are_understood(void **state)
{
    struct rte_mbuf *packet;

    make(SENT_TSO, false, 5000);
    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    packet->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_LRO;
    packet->tso_segsz = 1000;
    assert_int_equal(offload_from_rx_flags(packet), 0);
    assert_int_equal(packet->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG);
    assert_int_equal(packet->tso_segsz, 1000);
    mbuf_free(packet);

    make(SENT_UDP, false, 50);
    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    packet->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
    assert_int_equal(offload_from_rx_flags(packet), 0);
    assert_int_equal(packet->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM);
    mbuf_free(packet);

    packet = mbuf_make(frame.bytes, (uint16_t)frame.len);
    packet->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_LRO; /* UDP fragmentation */
    packet->tso_segsz = 1000;
    assert_int_equal(offload_from_rx_flags(packet), -EINVAL);
    mbuf_free(packet);
}

/* A header and a frame with some bytes changed. */
static void scramble(unsigned int *seed)
{
    uint8_t *header = (uint8_t *)&frame.header;
    unsigned int n = (unsigned int)rand_r(seed) % 6;

    make((unsigned int)rand_r(seed) % SENT_KINDS, rand_r(seed) & 1, (uint32_t)rand_r(seed) % 3000);
    for (unsigned int i = 0; i < n; i++) {
        frame.bytes[(uint32_t)rand_r(seed) % (frame.payload + 8)] ^= (uint8_t)(1u << rand_r(seed) % 8);
        header[(unsigned int)rand_r(seed) % sizeof frame.header] ^= (uint8_t)(1u << rand_r(seed) % 8);
    }
    if (rand_r(seed) % 8 == 0)
        frame.len = (uint32_t)rand_r(seed) % frame.len;
}

/* Whatever is described can be finished. */
static void finish(struct rte_mbuf *packet)
{
    struct segmenter segmenter;
    unsigned int n = 0;

    if (!(packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG)) {
        tx_finish_checksums(packet);
        return;
    }
    assert_int_equal(segmenter_init(&segmenter, packet), 0);
    for (; segmenter_has_next(&segmenter); n++) {
        struct rte_mbuf *segment = segmenter_next(&segmenter, packet_pool());

        assert_non_null(segment);
        rte_pktmbuf_free(segment);
    }
    assert_true(n <= OFFLOAD_SEGMENTS_MAX);
}

static void random_headers_are_described_or_refused(void **state)
{
    unsigned int seed = 7, n_described = 0, n_refused = 0;

    print_message("seed %u\n", seed);
    for (int round = 0; round < 100000; round++) {
        struct rte_mbuf *packet;
        struct virtio_net_hdr header;

        scramble(&seed);
        packet = mbuf_chain(frame.bytes, frame.len, (uint16_t)(60 + rand_r(&seed) % 2000), 0);
        if (offload_from_virtio(packet, &frame.header) != 0) {
            n_refused++;
        } else if (offload_is_pending(packet)) {
            n_described++;
            offload_to_virtio(packet, &header);
            assert_true(header.csum_start + header.csum_offset + 2 <= packet->data_len);
            finish(packet);
        }
        mbuf_free(packet);
    }
    assert_true(n_described > 10000 && n_refused > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outermost_checksum_stays_open),
        cmocka_unit_test(header_that_says_nothing_open_changes_nothing),
        cmocka_unit_test(checksum_inside_a_guests_tunnel_is_summed_now),
        cmocka_unit_test(checksum_of_no_outermost_header_is_summed_now),
        cmocka_unit_test(checksum_outside_is_refused),
        cmocka_unit_test(impossible_segments_are_refused),
        cmocka_unit_test(one_segment_is_only_a_checksum),
        cmocka_unit_test(pseudo_header_is_made_anew),
        cmocka_unit_test(extension_headers_are_passed),
        cmocka_unit_test(vhosts_words_are_understood),
        cmocka_unit_test(random_headers_are_described_or_refused),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
