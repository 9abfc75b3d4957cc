// SPDX-License-Identifier: Apache-2.0
/* What policy makes a worker do beside forwarding and dropping: hold fragments, answer refusals, look for sessions. */
#include "tests/unit/dataplane/station_fixture.h"

#include "acl/ct_fragments.h"
#include "dataplane/reject.h"
#include "dataplane/slow_path.h"

static struct station s;

/* Guest 2 lets in UDP to port 53. */
static int start(void **state)
{
    station_start(&s, 1024, 64);
    station_guests(&s, 3);
    world_police(&s.w, 2, IPPROTO_UDP, 53);
    station_settle(&s);
    return 0;
}

static int stop(void **state)
{
    held_fragments_clear(&s.worker->held);
    station_stop(&s);
    return 0;
}

/* Part 0, 1 or 2 of the datagram 'id' of 'protocol' from guest 'from' to guest 2's port. */
static void send_part_of(uint8_t protocol, uint32_t from, uint16_t id, unsigned int part, uint16_t port)
{
    struct packet_spec spec = {
        .src = from, .dst = 2, .protocol = IPPROTO_UDP, .src_port = 1000, .dst_port = port, .payload = 20};
    struct frame f = spec_frame(&spec);
    uint16_t field = (uint16_t)((part < 2 ? 0x2000 : 0) | part * 4);

    f.bytes[14 + 4] = (uint8_t)(id >> 8);
    f.bytes[14 + 5] = (uint8_t)id;
    f.bytes[14 + 6] = (uint8_t)(field >> 8);
    f.bytes[14 + 7] = (uint8_t)field;
    f.bytes[14 + 9] = protocol;
    station_forward(&s, from, station_mbuf(f.bytes, f.len));
}

static void send_part(uint32_t from, uint16_t id, unsigned int part, uint16_t port)
{
    send_part_of(IPPROTO_UDP, from, id, part, port);
}

static void fragments_pass_in_any_order(void **state)
{
    static const unsigned int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (uint16_t i = 0; i < 6; i++) {
        for (int k = 0; k < 3; k++)
            send_part(1, i, orders[i][k], 53);
        assert_int_equal(station_drain(2), 3);
        assert_int_equal(s.worker->held.n, 0);
    }
}

static void fragments_of_a_refused_datagram_are_dropped_in_any_order(void **state)
{
    send_part(1, 1, 2, 54);
    send_part(1, 1, 0, 54);
    send_part(1, 1, 1, 54);
    assert_int_equal(station_drain(2), 0);
    assert_int_equal(s.worker->held.n, 0);
    assert_int_equal(station_drops(&s, 1, DROP_POLICY_INGRESS), 1);
    assert_int_equal(station_drops(&s, 1, DROP_CT_FRAGMENT), 2);
}

/* A first fragment is not made to look at many others in vain. */
static void fragment_among_many_alike_comes_with_the_next_run(void **state)
{
    for (int i = 0; i < 8; i++)
        send_part_of(IPPROTO_UDPLITE, 1, 1, 1, 53);
    send_part(1, 1, 1, 53);
    send_part(1, 1, 0, 53);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(s.worker->held.n, 9);
    slow_path_run_held(s.worker);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(s.worker->held.n, 8);
}

static void fragment_whose_first_one_never_comes_is_dropped_in_time(void **state)
{
    send_part(1, 1, 1, 53);
    assert_int_equal(s.worker->held.n, 1);
    s.tick += HELD_FRAGMENTS_TICKS - 1;
    station_look_around(&s);
    slow_path_run_held(s.worker);
    assert_int_equal(s.worker->held.n, 1);
    s.tick++;
    station_look_around(&s);
    slow_path_run_held(s.worker);
    assert_int_equal(s.worker->held.n, 0);
    assert_int_equal(station_drops(&s, 1, DROP_CT_FRAGMENT), 1);
}

/* As when the first fragment comes by another worker. */
static void held_fragment_goes_when_the_table_learns_of_its_first(void **state)
{
    struct ct_fragment_way way = {zone_of(1, 0), 1, 2};
    struct ct_fragment_note note = {.sequence = s.w.snapshot->sequence, .passed = true};
    const struct rte_mbuf *m;
    struct packet packet;

    send_part(1, 7, 1, 53);
    m = s.worker->held.fragments[0].mbuf;
    assert_int_equal(packet_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len, &packet), DROP_NONE);
    conntrack_note_fragment(s.w.ct, &packet, &way, &note, s.tick);
    slow_path_run_held(s.worker);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(s.worker->held.n, 0);
}

static void one_port_holds_its_share_and_no_more(void **state)
{
    for (uint16_t id = 0; id < HELD_FRAGMENTS_SHARE + 10; id++)
        send_part(1, id, 1, 53);
    assert_int_equal(s.worker->held.n, HELD_FRAGMENTS_SHARE);
    assert_int_equal(station_drops(&s, 1, DROP_CT_FRAGMENT), 10);
    send_part(3, 1, 1, 53);
    send_part(3, 1, 0, 53);
    assert_int_equal(station_drain(2), 2);
}

static void fragment_of_a_port_that_goes_is_freed(void **state)
{
    send_part(3, 1, 1, 53);
    snapshot_set_attachment(world_edit(&s.w), 3, NULL);
    snapshot_set_port(world_edit(&s.w), 3, NULL);
    station_settle(&s);
    slow_path_run_held(s.worker);
    assert_int_equal(s.worker->held.n, 0);
}

static void reject_port_54(void)
{
    struct rule reject = world_rule(4, IPPROTO_UDP, 54);
    struct policy *tier;
    struct policy_chain *chain;

    reject.action = RULE_REJECT;
    tier = policy_compile(&reject, 1);
    chain = policy_chain_create(&tier, 1, NULL, NULL);
    policy_unref(tier);
    world_attach(&s.w, 2, (struct attachment){.has_policy = true, .policy = {.ingress = chain}});
    station_settle(&s);
}

static void rejected_packets_are_answered_up_to_the_limit(void **state)
{
    struct rte_mbuf *m;

    reject_port_54();
    station_udp(&s, 1, 2, 5, 54);
    m = station_take(1);
    assert_non_null(m);
    assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 34), "\x03\x03", 2);
    rte_pktmbuf_free(m);
    for (unsigned int i = 1; i < REJECTS_PER_SECOND + 20; i++) {
        station_udp(&s, 1, 2, 5, 54);
        assert_int_equal(station_drain(1), i < REJECTS_PER_SECOND);
    }
    assert_int_equal(station_misses(&s), 1);
    station_udp(&s, 3, 2, 5, 54);
    assert_int_equal(station_drain(3), 1);
    s.tick++;
    station_udp(&s, 1, 2, 5, 54);
    assert_int_equal(station_drain(1), 1);
    assert_int_equal(station_drops(&s, 1, DROP_POLICY_INGRESS), REJECTS_PER_SECOND + 21);
}

static void expect_settled(void *unused, struct flow_entry *entry)
{
    assert_int_not_equal(entry->session, 0);
    assert_int_equal(entry->flags & FLOW_TRACK, 0);
}

/* A stream that nobody answers, of video or logs, may be what a guest has most. */
static void stream_without_an_answer_takes_the_short_way(void **state)
{
    station_guests(&s, 2);
    world_police(&s.w, 2, IPPROTO_UDP, 53);
    station_settle(&s);
    for (int i = 0; i < 3; i++)
        station_udp(&s, 1, 2, 5, 53);
    flow_cache_sweep(&s.worker->cache, flow_cache_line_count(&s.worker->cache), expect_settled, NULL);
    s.tick++;
    station_udp(&s, 1, 2, 5, 53);
    station_udp(&s, 2, 1, 53, 5);
    assert_int_equal(s.worker->cache.n_flows, 2);
    flow_cache_sweep(&s.worker->cache, flow_cache_line_count(&s.worker->cache), expect_settled, NULL);
    assert_int_equal(station_drain(1), 1);
    assert_int_equal(station_drain(2), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fragments_pass_in_any_order),
        TEST(fragments_of_a_refused_datagram_are_dropped_in_any_order),
        TEST(fragment_among_many_alike_comes_with_the_next_run),
        TEST(fragment_whose_first_one_never_comes_is_dropped_in_time),
        TEST(held_fragment_goes_when_the_table_learns_of_its_first),
        TEST(one_port_holds_its_share_and_no_more),
        TEST(fragment_of_a_port_that_goes_is_freed),
        TEST(stream_without_an_answer_takes_the_short_way),
        TEST(rejected_packets_are_answered_up_to_the_limit),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
