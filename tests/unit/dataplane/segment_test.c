// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

#include "dataplane/core/offload.h"
#include "dataplane/segment.h"

/* What the segmenter does to single fields; whether what comes out is right in every combination is asked by
 * tx_finish_test.c. */

#define MSS 100

/* Ethernet, IPv4 (10.0.0.1 > 10.0.0.2, id 0xfffe), TCP (port 1 > 2, sequence 0xffffff00, FIN PSH ACK CWR). */
static const uint8_t ipv4_header[54] = {
    2,    0, 0, 0, 0,    2,    2,    0, 0,  0, 0, 1, 8,    0,                            /* Ethernet */
    0x45, 0, 0, 0, 0xff, 0xfe, 0x40, 0, 64, 6, 0, 0, 10,   0,    0, 1, 10,   0,    0, 2, /* IPv4 */
    0,    1, 0, 2, 0xff, 0xff, 0xff, 0, 0,  0, 0, 7, 0x50, 0x99, 1, 0, 0x12, 0x34, 0, 0  /* TCP */
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* A frame with 'payload_len' counting bytes, in buffers of at most 'piece' bytes. */
static struct rte_mbuf *make_large(uint32_t payload_len, uint16_t piece)
{
    struct rte_mbuf *head = NULL, *last = NULL;
    uint32_t len = (uint32_t)sizeof ipv4_header + payload_len;

    for (uint32_t i = 0; i < len; i++) {
        if (head == NULL || last->data_len == (last == head ? 60 : piece)) {
            struct rte_mbuf *next = rte_pktmbuf_alloc(packet_pool());

            assert_non_null(next);
            if (head == NULL)
                head = next;
            else
                last->next = next;
            head->nb_segs += next != head;
            last = next;
        }
        rte_pktmbuf_mtod(last, uint8_t *)[last->data_len++] =
            i < sizeof ipv4_header ? ipv4_header[i] : (uint8_t)((i - sizeof ipv4_header) * 7 + i / 256);
    }
    head->pkt_len = len;
    head->tx_offload = rte_mbuf_tx_offload(14, 20, 20, MSS, 0, 0, 0);
    head->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
    return head;
}

static void fields_change_from_segment_to_segment(void **state)
{
    struct rte_mbuf *large = make_large(2 * MSS + 50, 77);
    struct segmenter segmenter;

    assert_int_equal(segmenter_init(&segmenter, large), 0);
    for (uint32_t i = 0; i < 3; i++) {
        static const uint8_t flags[3] = {0x90, 0x10, 0x19}; /* CWR on the first, FIN and PSH on the last */
        uint32_t payload = i < 2 ? MSS : 50;
        struct rte_mbuf *segment;
        const uint8_t *frame;

        assert_true(segmenter_has_next(&segmenter));
        segment = segmenter_next(&segmenter, packet_pool());
        frame = rte_pktmbuf_mtod(segment, const uint8_t *);
        assert_int_equal(segment->pkt_len, sizeof ipv4_header + payload);
        assert_int_equal(segment->ol_flags, 0);
        assert_int_equal(get16(frame + 16), 40 + payload);
        assert_int_equal(get16(frame + 18), (0xfffe + i) & 0xffff); /* id, wrapping */
        assert_int_equal(frame[41], (uint8_t)(i * MSS));            /* sequence */
        assert_int_equal(frame[47], flags[i]);
        assert_int_equal(frame[54], (uint8_t)(i * MSS * 7 + (i * MSS + 54) / 256));
        rte_pktmbuf_free(segment);
    }
    assert_false(segmenter_has_next(&segmenter));
    rte_pktmbuf_free(large);
}

static void frame_without_payload_is_one_segment(void **state)
{
    struct rte_mbuf *large = make_large(0, 100);
    struct segmenter segmenter;
    struct rte_mbuf *segment;

    assert_int_equal(segmenter_init(&segmenter, large), 0);
    assert_true(segmenter_has_next(&segmenter));
    segment = segmenter_next(&segmenter, packet_pool());
    assert_int_equal(segment->pkt_len, sizeof ipv4_header);
    assert_int_equal(rte_pktmbuf_mtod(segment, uint8_t *)[47], 0x99);
    assert_false(segmenter_has_next(&segmenter));
    rte_pktmbuf_free(segment);
    rte_pktmbuf_free(large);
}

/* Larger than a buffer: the segment is chained as well. */
static void large_segments_are_chained(void **state)
{
    struct rte_mbuf *large = make_large(10000, 777);
    struct segmenter segmenter;
    struct rte_mbuf *segment;
    uint8_t bytes[5000];

    large->tso_segsz = 4500;
    assert_int_equal(segmenter_init(&segmenter, large), 0);
    segment = segmenter_next(&segmenter, packet_pool());
    assert_int_equal(segment->pkt_len, sizeof ipv4_header + 4500);
    assert_int_equal(segment->nb_segs, 3);
    rte_mbuf_sanity_check(segment, 1);
    memcpy(bytes, rte_pktmbuf_read(segment, 0, segment->pkt_len, bytes), segment->pkt_len);
    for (uint32_t i = 54; i < segment->pkt_len; i++)
        assert_int_equal(bytes[i], (uint8_t)((i - 54) * 7 + i / 256));
    rte_pktmbuf_free(segment);
    rte_pktmbuf_free(large);
}

/* Nothing is lost in the pool when it runs dry in the middle of a frame. */
static void lack_of_buffers_ends_it(void **state)
{
    struct rte_mempool *small = rte_pktmbuf_pool_create("small", 3, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    struct rte_mbuf *large = make_large(5000, 1000);
    struct segmenter segmenter;
    struct rte_mbuf *segment;

    assert_non_null(small);
    large->tso_segsz = 2400; /* two buffers each */
    assert_int_equal(segmenter_init(&segmenter, large), 0);
    segment = segmenter_next(&segmenter, small);
    assert_non_null(segment);
    assert_null(segmenter_next(&segmenter, small));
    rte_pktmbuf_free(segment);
    assert_int_equal(rte_mempool_in_use_count(small), 0);
    rte_pktmbuf_free(large);
    rte_mempool_free(small);
}

static void headers_outside_the_first_buffer_are_refused(void **state)
{
    struct rte_mbuf *large = make_large(500, 100);
    struct segmenter segmenter;

    large->l4_len = 28;
    assert_int_equal(segmenter_init(&segmenter, large), -EINVAL); /* the first buffer has 60 bytes */
    large->l4_len = 16;
    assert_int_equal(segmenter_init(&segmenter, large), -EINVAL);
    large->l4_len = 20;
    large->tso_segsz = 0;
    assert_int_equal(segmenter_init(&segmenter, large), -EINVAL);
    large->tso_segsz = 1;
    large->l3_len = 400;
    assert_int_equal(segmenter_init(&segmenter, large), -EINVAL);
    rte_pktmbuf_free(large);
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_change_from_segment_to_segment),
        cmocka_unit_test(frame_without_payload_is_one_segment),
        cmocka_unit_test(large_segments_are_chained),
        cmocka_unit_test(lack_of_buffers_ends_it),
        cmocka_unit_test(headers_outside_the_first_buffer_are_refused),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
