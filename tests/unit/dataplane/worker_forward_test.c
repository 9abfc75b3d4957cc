// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

static struct station s;

static int start(void **state)
{
    station_start(&s, 1024, 256);
    return 0;
}

static int stop(void **state)
{
    station_stop(&s);
    return 0;
}

static void second_packet_hits(void **state)
{
    station_guests(&s, 2);
    for (int i = 0; i < 3; i++)
        station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_misses(&s), 1);
    assert_int_equal(s.worker->published.hits, 2);
    assert_int_equal(station_drain(2), 3);
}

static void ipv6_flow_hits(void **state)
{
    struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, true, 5, 6, 0, 0, false, 0};

    station_guests(&s, 2);
    station_send(&s, 1, spec);
    station_send(&s, 1, spec);
    spec.dst_port = 7;
    station_send(&s, 1, spec);
    assert_int_equal(station_misses(&s), 2);
    assert_int_equal(station_drain(2), 3);
}

static void tick_and_foreign_change_keep_the_flow(void **state)
{
    station_guests(&s, 4);
    station_udp(&s, 1, 2, 5, 6);
    s.tick++;
    station_udp(&s, 1, 2, 5, 6);
    world_attach(&s.w, 3, (struct attachment){.disabled = true});
    station_settle(&s);
    station_udp(&s, 1, 2, 5, 6);
    world_bridge(&s.w, 2, true);
    station_settle(&s);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_misses(&s), 1);
    assert_int_equal(station_drain(2), 4);
}

static void policy_change_cuts_the_next_packet(void **state)
{
    station_guests(&s, 3);
    world_police(&s.w, 2, IPPROTO_UDP, 6);
    station_settle(&s);
    station_udp(&s, 1, 2, 5, 6);
    station_udp(&s, 2, 1, 6, 5);
    station_udp(&s, 1, 3, 5, 6);
    world_police(&s.w, 2, 0, 0);
    station_settle(&s);
    station_udp(&s, 2, 1, 6, 5);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(1) + station_drain(2), 2);
    station_udp(&s, 1, 3, 5, 6);
    assert_int_equal(station_misses(&s), 5);
    world_police(&s.w, 2, IPPROTO_UDP, 6);
    station_settle(&s);
    station_udp(&s, 2, 1, 6, 5);
    assert_int_equal(station_drain(1), 1);
}

static void established_tcp_needs_its_ack(void **state)
{
    station_guests(&s, 2);
    world_police(&s.w, 2, IPPROTO_TCP, 80);
    station_settle(&s);
    station_tcp(&s, 1, 2, 5, 80, SYN);
    station_tcp(&s, 2, 1, 80, 5, SYN | ACK);
    station_tcp(&s, 1, 2, 5, 80, ACK);
    station_tcp(&s, 1, 2, 5, 80, ACK | 8);
    assert_int_equal(station_drain(2), 3);
    station_tcp(&s, 1, 2, 5, 80, 0);
    station_tcp(&s, 1, 2, 5, 80, 8);
    assert_int_equal(station_drops(&s, 1, DROP_CT_INVALID), 2);
    station_tcp(&s, 1, 2, 5, 80, ACK);
    assert_int_equal(station_drain(2), 1);
}

/* The flood of a cached flow is void, so its FIN is resolved; it must not count for a second one. */
static void packet_is_shown_to_its_session_once(void **state)
{
    struct session_copy copy;
    uint32_t cursor = 0;

    station_guests(&s, 3);
    world_police(&s.w, 1, 0, 0);
    station_settle(&s);
    station_tcp(&s, 1, 2, 5, 80, SYN);
    station_tcp(&s, 2, 1, 80, 5, SYN | ACK);
    fdb_flush(s.w.snapshot->bridges[1]->fdb, 2);
    atomic_fetch_add(&dataplane_shared.revalidations, 1);
    station_tcp(&s, 1, 2, 5, 80, ACK);
    station_send(&s, 3, (struct packet_spec){.src = 33, .dst = 0xff, .protocol = IPPROTO_UDP});
    station_tcp(&s, 1, 2, 5, 80, FIN | ACK);
    assert_int_equal(conntrack_dump(s.w.ct, &cursor, &copy, 1), 1);
    assert_int_equal(copy.state, SESSION_FIN_WAIT);
}

/* A refusal must not outlive the session that makes a reply of the packet. */
static void refused_packet_passes_as_a_reply(void **state)
{
    station_guests(&s, 2);
    world_police(&s.w, 2, 0, 0);
    station_settle(&s);
    station_udp(&s, 1, 2, 6, 5);
    station_udp(&s, 1, 2, 6, 5);
    assert_int_equal(station_drops(&s, 1, DROP_POLICY_INGRESS), 2);
    station_udp(&s, 2, 1, 5, 6);
    station_udp(&s, 1, 2, 6, 5);
    assert_int_equal(station_drain(2), 1);
}

static void moved_mac_moves_the_flow(void **state)
{
    station_guests(&s, 3);
    station_udp(&s, 1, 2, 5, 6);
    station_send(&s, 3, (struct packet_spec){.src = 2, .dst = 1, .protocol = 17});
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(station_drain(3), 1);
}

static void flood_ends_when_the_address_is_learned(void **state)
{
    station_guests(&s, 3);
    fdb_flush(s.w.snapshot->bridges[1]->fdb, 2);
    station_udp(&s, 1, 2, 5, 6);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_misses(&s), 1);
    assert_int_equal(station_drain(3), 2);
    station_udp(&s, 2, 1, 6, 5);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(3), 0);
    assert_int_equal(station_drain(2), 3);
}

/* The FDB names a port that is gone, so the flow floods; then the address is heard from elsewhere. */
static void flood_ends_when_the_address_moves(void **state)
{
    station_guests(&s, 4);
    snapshot_set_attachment(world_edit(&s.w), 2, NULL);
    station_settle(&s);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(3) + station_drain(4), 2);
    station_send(&s, 3, (struct packet_spec){.src = 2, .dst = 1, .protocol = 17});
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(3), 1);
    assert_int_equal(station_drain(4), 0);
}

static void port_that_is_gone_gets_nothing(void **state)
{
    station_guests(&s, 2);
    station_udp(&s, 1, 2, 5, 6);
    snapshot_set_attachment(world_edit(&s.w), 2, NULL);
    snapshot_set_port(world_edit(&s.w), 2, NULL);
    station_settle(&s);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(station_drops(&s, 1, DROP_NO_DESTINATION), 1);
}

static void attachment_on_another_port_takes_the_flow_along(void **state)
{
    station_guests(&s, 2);
    station_udp(&s, 1, 2, 5, 6);
    world_attach(&s.w, 2, (struct attachment){.port = 7});
    station_settle(&s);
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(station_drain(7), 1);
}

static void small_mtu_is_enforced(void **state)
{
    struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, false, 1368};

    station_guests(&s, 2);
    world_attach(&s.w, 2, (struct attachment){.mtu = 1400});
    station_settle(&s);
    station_send(&s, 1, spec); /* 20 + 12 + 1368 */
    spec.payload++;
    station_send(&s, 1, spec);
    assert_int_equal(station_drain(2), 1);
    assert_int_equal(station_drops(&s, 1, DROP_MTU_EXCEEDED), 1);
}

/* Guest 1 on a trunk, guest 2 on an access port of VLAN 10: the tag is all that differs. */
static void tag_is_popped_and_pushed_byte_for_byte(void **state)
{
    struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, false, 5, 6, 0, 0x600a, true, 9};
    struct frame tagged = spec_frame(&spec), plain;
    struct rte_mbuf *m;

    spec.tagged = false;
    plain = spec_frame(&spec);
    station_guests(&s, 1);
    world_attach(&s.w, 2, (struct attachment){.vlan = {.mode = VLAN_ACCESS, .tag = 10}});
    station_settle(&s);
    for (int i = 0; i < 2; i++) {
        station_forward(&s, 1, station_mbuf(tagged.bytes, tagged.len));
        m = station_take(2);
        assert_int_equal(m->pkt_len, plain.len);
        assert_memory_equal(rte_pktmbuf_mtod(m, void *), plain.bytes, plain.len);
        station_forward(&s, 2, m);
        m = station_take(1);
        tagged.bytes[14] = 0; /* an untagged frame has no priority */
        assert_int_equal(m->pkt_len, tagged.len);
        assert_memory_equal(rte_pktmbuf_mtod(m, void *), tagged.bytes, 2);
        assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), tagged.bytes + 12, tagged.len - 12);
        rte_pktmbuf_free(m);
    }
}

/* A priority tag becomes the native VLAN's tag; each packet keeps its own priority. */
static void tag_that_is_changed_keeps_its_priority(void **state)
{
    struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, true, 0};
    struct vlan_config native = {.mode = VLAN_NATIVE_TAGGED, .tag = 7, .all_trunks = true};
    struct rte_mbuf *m;

    station_guests(&s, 2);
    world_attach(&s.w, 1, (struct attachment){.vlan = native});
    station_settle(&s);
    for (unsigned int priority = 0; priority < 8; priority++) {
        spec.tci = (uint16_t)(priority << 13);
        station_send(&s, 1, spec);
        m = station_take(2);
        assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[14], priority << 5);
        assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[15], 7);
        rte_pktmbuf_free(m);
    }
}

static void flood_makes_a_copy_for_each(void **state)
{
    station_guests(&s, 5);
    station_udp(&s, 1, 0xff, 5, 6);
    station_udp(&s, 1, 0xff, 5, 6);
    for (uint16_t port = 2; port <= 5; port++)
        assert_int_equal(station_drain(port), 2);
    assert_int_equal(station_misses(&s), 1);
}

/* More flooded flows than the pool of outputs holds: what cannot be remembered is forwarded all the same. */
static void full_output_pool_forwards_without_caching(void **state)
{
    station_guests(&s, 9);
    for (uint16_t i = 0; i < 60; i++)
        station_udp(&s, 1, 0xff, 5, i);
    for (uint16_t port = 2; port <= 9; port++)
        assert_int_equal(station_drain(port), 60);
    assert_int_equal(s.worker->published.lost, 0);
}

static void cache_share_leaves_room_for_others(void **state)
{
    station_guests(&s, 3);
    flow_cache_set_share(&s.worker->cache, 16);
    for (uint16_t i = 0; i < 1000; i++) {
        station_udp(&s, 1, 2, i, 6);
        station_drain(2);
    }
    assert_in_range(s.worker->cache.n_flows, 100, 1024 / 8);
    station_udp(&s, 3, 2, 1, 6);
    station_udp(&s, 3, 2, 1, 6);
    assert_int_equal(station_misses(&s), 1001);
}

static void full_or_absent_ports_are_counted(void **state)
{
    station_guests(&s, 2);
    for (int i = 0; i < STATION_SENT_MAX + 3; i++)
        station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drops(&s, 2, DROP_TX_QUEUE_FULL), 3);
    s.w.snapshot->ports[2]->ready = false;
    station_udp(&s, 1, 2, 5, 6);
    assert_int_equal(station_drops(&s, 2, DROP_TX_LINK_DOWN), 1);
}

static void malformed_frames_are_dropped_with_their_reason(void **state)
{
    struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, false, 0};
    struct frame f = spec_frame(&spec);

    station_guests(&s, 2);
    for (uint32_t len = 0; len < f.len; len++)
        station_forward(&s, 1, station_mbuf(f.bytes, len));
    assert_int_equal(station_drain(2), 0);
    assert_int_equal(station_drops(&s, 1, DROP_TRUNCATED), 14);
    assert_int_equal(station_drops(&s, 1, DROP_TRUNCATED) + station_drops(&s, 1, DROP_IP_HEADER), f.len);
}

/* A batch of four flows, each of them many times. */
static void send_batch_of_four(uint16_t first_port)
{
    struct rte_mbuf *batch[WORKER_BATCH];

    for (uint32_t i = 0; i < WORKER_BATCH; i++) {
        struct packet_spec spec = {1, 2, NULL, IPPROTO_UDP, false, (uint16_t)(first_port + i % 4), 6, 0, 0, false, 0};
        struct frame f = spec_frame(&spec);

        batch[i] = station_mbuf(f.bytes, f.len);
    }
    station_look_around(&s);
    worker_forward(s.worker, s.w.snapshot->ports[1], 1, batch, WORKER_BATCH);
    assert_int_equal(station_drain(2), WORKER_BATCH);
}

/* In a table of one set; where each flow's home is, chance decides. */
static void known_flows_hit_wherever_they_are(void **state)
{
    flow_cache_fini(&s.worker->cache);
    assert_int_equal(flow_cache_init(&s.worker->cache, FLOW_SET_LINES, station_on_remove, s.worker), 0);
    station_guests(&s, 2);
    for (uint16_t round = 0; round < 100; round++) {
        uint64_t misses;

        for (uint16_t i = 0; i < 4; i++)
            station_udp(&s, 1, 2, (uint16_t)(4 * round + i), 6);
        assert_int_equal(station_drain(2), 4);
        misses = station_misses(&s);
        send_batch_of_four((uint16_t)(4 * round));
        assert_int_equal(station_misses(&s), misses);
        s.tick++;
    }
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(second_packet_hits),
        TEST(ipv6_flow_hits),
        TEST(tick_and_foreign_change_keep_the_flow),
        TEST(policy_change_cuts_the_next_packet),
        TEST(established_tcp_needs_its_ack),
        TEST(packet_is_shown_to_its_session_once),
        TEST(refused_packet_passes_as_a_reply),
        TEST(moved_mac_moves_the_flow),
        TEST(flood_ends_when_the_address_is_learned),
        TEST(flood_ends_when_the_address_moves),
        TEST(port_that_is_gone_gets_nothing),
        TEST(attachment_on_another_port_takes_the_flow_along),
        TEST(small_mtu_is_enforced),
        TEST(tag_is_popped_and_pushed_byte_for_byte),
        TEST(tag_that_is_changed_keeps_its_priority),
        TEST(flood_makes_a_copy_for_each),
        TEST(known_flows_hit_wherever_they_are),
        TEST(full_output_pool_forwards_without_caching),
        TEST(cache_share_leaves_room_for_others),
        TEST(full_or_absent_ports_are_counted),
        TEST(malformed_frames_are_dropped_with_their_reason),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
