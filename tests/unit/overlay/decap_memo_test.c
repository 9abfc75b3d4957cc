// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/overlay/decap_fixture.h"

#include "overlay/decap_memo.h"

#define FROM     9
#define SEQUENCE 5

static struct decap_memos memos;

/* Takes the headers off as a worker does: by a memo if there is one, else by decap_packet(), which is then remembered. */
static enum decap_verdict decap_remembering(struct rte_mbuf *packet, uint32_t *attachment, enum drop_reason *reason,
                                            bool *by_memo)
{
    const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
    enum decap_verdict verdict;

    *by_memo = decap_by_memo(&memos, FROM, SEQUENCE, packet, attachment);
    if (*by_memo)
        return DECAP_STRIPPED;
    verdict = decap_packet(table, BRIDGE, 0, packet, attachment, reason);
    if (verdict == DECAP_STRIPPED)
        decap_remember(&memos, FROM, SEQUENCE, frame, (uint32_t)(rte_pktmbuf_mtod(packet, const uint8_t *) - frame),
                       *attachment);
    return verdict;
}

/* Both ways must do the same with these bytes; returns whether a memo was used. */
static bool both_ways_agree(const uint8_t *bytes, uint32_t len)
{
    struct rte_mbuf *ours = mbuf_segment(bytes, (uint16_t)len, 0), *plain = mbuf_segment(bytes, (uint16_t)len, 0);
    enum drop_reason our_reason = DROP_NONE, reason = DROP_NONE;
    uint32_t our_attachment = 0, attachment = 0;
    uint8_t our_bytes[512], left[512];
    enum decap_verdict verdict;
    uint32_t our_len;
    bool by_memo;

    verdict = decap_packet(table, BRIDGE, 0, plain, &attachment, &reason);
    assert_int_equal(decap_remembering(ours, &our_attachment, &our_reason, &by_memo), verdict);
    assert_int_equal(our_reason, reason);
    if (verdict != DECAP_DROP) {
        our_len = mbuf_bytes(ours, our_bytes);
        assert_int_equal(our_attachment, attachment);
        assert_int_equal(our_len, mbuf_bytes(plain, left));
        assert_memory_equal(our_bytes, left, our_len);
        assert_int_equal(ours->packet_type, 0);
    }
    mbuf_free(ours);
    mbuf_free(plain);
    return by_memo;
}

static void forget(void)
{
    memset(&memos, 0, sizeof memos);
}

static void second_packet_of_a_tunnel_goes_by_memo(void **state)
{
    uint8_t bytes[256];

    for (enum tunnel_type type = TUNNEL_VXLAN; type <= TUNNEL_GENEVE; type++) {
        uint32_t len = outer_bytes(type, false, 0, inner_ipv4, sizeof inner_ipv4, bytes);

        forget();
        assert_false(both_ways_agree(bytes, len));
        bytes[AT_UDP] ^= 0x55; /* another flow */
        bytes[AT_IP + 5] ^= 1; /* another identifier */
        fix_ip_checksum(bytes + AT_IP);
        assert_true(both_ways_agree(bytes, len));
    }
}

static void packets_with_a_checksum_or_marks_are_not_remembered(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_VXLAN, true, 0, inner_ipv4, sizeof inner_ipv4, bytes);

    forget();
    assert_false(both_ways_agree(bytes, len));
    assert_false(both_ways_agree(bytes, len));
    len = outer_bytes(TUNNEL_VXLAN, false, 0, inner_ipv4, sizeof inner_ipv4, bytes);
    bytes[AT_IP + 1] |= 3;
    fix_ip_checksum(bytes + AT_IP);
    assert_false(both_ways_agree(bytes, len));
    assert_false(both_ways_agree(bytes, len));
}

static void memo_of_another_port_or_snapshot_is_not_used(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_VXLAN, false, 0, inner_ipv4, sizeof inner_ipv4, bytes), attachment;
    struct rte_mbuf *packet = mbuf_segment(bytes, (uint16_t)len, 0);

    forget();
    both_ways_agree(bytes, len);
    assert_false(decap_by_memo(&memos, FROM + 1, SEQUENCE, packet, &attachment));
    assert_false(decap_by_memo(&memos, FROM, SEQUENCE + 1, packet, &attachment));
    assert_true(decap_by_memo(&memos, FROM, SEQUENCE, packet, &attachment));
    assert_int_equal(attachment, ATTACHMENT);
    mbuf_free(packet);
}

/* Right packets of both types between damaged ones, so that the memos are there to be misled. */
static void memo_and_parser_agree_on_damaged_packets(void **state)
{
    unsigned int seed = 3;
    unsigned int by_memo = 0;

    forget();
    for (int i = 0; i < 300000; i++) {
        enum tunnel_type type = rand_r(&seed) % 2 ? TUNNEL_VXLAN : TUNNEL_GENEVE;
        const uint8_t *inner = rand_r(&seed) % 2 ? inner_ipv4 : inner_arp;
        uint32_t inner_len = inner == inner_ipv4 ? sizeof inner_ipv4 : sizeof inner_arp;
        uint8_t bytes[256] = {0};
        uint32_t len = outer_bytes(type, rand_r(&seed) % 8 == 0, 0, inner, inner_len, bytes);

        if (rand_r(&seed) % 2)
            bytes[(uint32_t)rand_r(&seed) % len] ^= (uint8_t)(1u << rand_r(&seed) % 8);
        if (rand_r(&seed) % 2)
            fix_ip_checksum(bytes + AT_IP);
        if (rand_r(&seed) % 8 == 0)
            len += (uint32_t)rand_r(&seed) % 20; /* padding */
        if (rand_r(&seed) % 8 == 0)
            len -= (uint32_t)rand_r(&seed) % len;
        by_memo += both_ways_agree(bytes, len);
    }
    print_message("%u by memo\n", by_memo);
    assert_true(by_memo > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_packet_of_a_tunnel_goes_by_memo),
        cmocka_unit_test(packets_with_a_checksum_or_marks_are_not_remembered),
        cmocka_unit_test(memo_of_another_port_or_snapshot_is_not_used),
        cmocka_unit_test(memo_and_parser_agree_on_damaged_packets),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
