// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

#include "overlay/decap.h"

/* One host: guest 1 and tunnel 3 on bridge 1; the host's own port 5 (MAC ..:05, 192.0.2.1) and uplink 6 on bridge 2.
 * Behind the tunnel: guest 9, endpoint 192.0.2.2 with MAC ..:77. What leaves by the uplink is sent back in by it, with
 * the outer ends exchanged, as if the other host had sent it. */
static struct station s;

static uint32_t endpoint(uint8_t last)
{
    return htonl(0xc0000200u | last);
}

static void set_next_hop(uint8_t mac, enum next_hop_state state)
{
    struct next_hop hop = {.state = state,
                           .remote = endpoint(2),
                           .local = endpoint(1),
                           .bridge = 2,
                           .src_mac = {{2, 0, 0, 0, 0, 5}},
                           .dst_mac = {{2, 0, 0, 0, 0, mac}}};
    struct mac_addr gateway = hop.dst_mac;

    assert_int_equal(snapshot_set_next_hop(world_edit(&s.w), 1, &hop), 0);
    fdb_learn(snapshot_bridge(world_edit(&s.w), 2)->fdb, 0, &gateway, 6, s.tick - 10);
}

static void build_host(enum tunnel_type type)
{
    uint16_t port = type == TUNNEL_VXLAN ? TUNNEL_PORT_VXLAN : TUNNEL_PORT_GENEVE;
    struct tunnel_config tunnel = {.type = type, .remote = endpoint(2), .vni = 77, .dst_port = port, .ttl = 64};
    struct decap_endpoint own = {.addr = endpoint(1), .bridge = 2, .mac = {{2, 0, 0, 0, 0, 5}}};
    struct decap_entry entry = {.type = type, .remote = endpoint(2), .vni = 77, .dst_port = port, .attachment = 3};
    struct mac_addr guest = {{2, 0, 0, 0, 0, 9}};

    station_guests(&s, 1);
    world_bridge(&s.w, 2, false);
    world_attach(&s.w, 3, (struct attachment){.kind = ATTACHMENT_TUNNEL, .next_hop = 1, .tunnel = tunnel});
    world_attach(&s.w, 5, (struct attachment){.bridge = 2, .internal = true, .mac = {{2, 0, 0, 0, 0, 5}}});
    world_attach(&s.w, 6, (struct attachment){.bridge = 2});
    snapshot_set_decap_table(world_edit(&s.w), decap_table_create(&own, 1, &entry, 1));
    set_next_hop(0x77, NEXT_HOP_READY);
    station_settle(&s);
    fdb_learn(s.w.snapshot->bridges[1]->fdb, 0, &guest, 3, s.tick - 10);
}

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

/* Exchanges the outer MACs and addresses (the header checksum does not mind). */
static void turn_round(struct rte_mbuf *m)
{
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
    uint8_t swap[6];

    memcpy(swap, frame, 6);
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, swap, 6);
    memcpy(swap, frame + 26, 4);
    memcpy(frame + 26, frame + 30, 4);
    memcpy(frame + 30, swap, 4);
}

static void round_trip(enum tunnel_type type)
{
    struct packet_spec out = {1, 9, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, false, 40};
    struct frame f = spec_frame(&out);
    struct rte_mbuf *m;
    uint8_t *inner;

    build_host(type);
    for (int i = 0; i < 2; i++) {
        station_forward(&s, 1, station_mbuf(f.bytes, f.len));
        m = station_take(6);
        assert_non_null(m);
        assert_int_equal(m->pkt_len, f.len + 50);
        inner = rte_pktmbuf_mtod_offset(m, uint8_t *, 50);
        assert_memory_equal(inner, f.bytes, f.len);
        turn_round(m);
        memcpy(inner, f.bytes + 6, 6);
        memcpy(inner + 6, f.bytes, 6);
        station_forward(&s, 6, m);
        m = station_take(1);
        assert_non_null(m);
        assert_int_equal(m->pkt_len, f.len);
        assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), f.bytes + 12, f.len - 12);
        rte_pktmbuf_free(m);
    }
    assert_int_equal(station_misses(&s), 2);
    assert_int_equal(s.w.snapshot->ports[3]->counters[0]->tx_packets, 2);
    assert_int_equal(s.w.snapshot->ports[3]->counters[0]->rx_packets, 2);
}

static void vxlan_there_and_back_is_the_same_frame(void **state)
{
    round_trip(TUNNEL_VXLAN);
}

static void geneve_there_and_back_is_the_same_frame(void **state)
{
    round_trip(TUNNEL_GENEVE);
}

static void changed_next_hop_is_on_the_next_packet(void **state)
{
    struct rte_mbuf *m;

    build_host(TUNNEL_VXLAN);
    station_udp(&s, 1, 9, 5, 6);
    assert_int_equal(station_drain(6), 1);
    set_next_hop(0x78, NEXT_HOP_READY);
    station_settle(&s);
    station_udp(&s, 1, 9, 5, 6);
    m = station_take(6);
    assert_non_null(m);
    assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[5], 0x78);
    rte_pktmbuf_free(m);
}

static void lost_route_drops_the_next_packet(void **state)
{
    build_host(TUNNEL_VXLAN);
    station_udp(&s, 1, 9, 5, 6);
    set_next_hop(0x77, NEXT_HOP_NO_ROUTE);
    station_settle(&s);
    station_udp(&s, 1, 9, 5, 6);
    assert_int_equal(station_drain(6), 1);
    assert_int_equal(station_drops(&s, 1, DROP_TUNNEL_NO_ROUTE), 1);
}

static void flood_reaches_a_tunnel_that_becomes_ready(void **state)
{
    build_host(TUNNEL_VXLAN);
    world_attach(&s.w, 2, (struct attachment){0});
    set_next_hop(0x77, NEXT_HOP_NO_NEIGHBOUR);
    station_settle(&s);
    station_udp(&s, 1, 0xff, 5, 6);
    assert_int_equal(station_drain(6), 0);
    set_next_hop(0x77, NEXT_HOP_READY);
    station_settle(&s);
    station_udp(&s, 1, 0xff, 5, 6);
    assert_int_equal(station_drain(6), 1);
    assert_int_equal(station_drain(2), 2);
}

static void moved_next_hop_moves_the_tunnel(void **state)
{
    struct mac_addr gateway = {{2, 0, 0, 0, 0, 0x77}};

    build_host(TUNNEL_VXLAN);
    world_attach(&s.w, 7, (struct attachment){.bridge = 2});
    station_settle(&s);
    station_udp(&s, 1, 9, 5, 6);
    assert_int_equal(station_drain(6), 1);
    fdb_learn(s.w.snapshot->bridges[2]->fdb, 0, &gateway, 7, s.tick);
    atomic_fetch_add(&dataplane_shared.revalidations, 1);
    station_udp(&s, 1, 9, 5, 6);
    assert_int_equal(station_drain(6), 0);
    assert_int_equal(station_drain(7), 1);
}

static void encapsulated_frame_over_the_uplinks_mtu_is_dropped(void **state)
{
    struct packet_spec spec = {1, 9, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, false, 1500 - 32 - 50};

    build_host(TUNNEL_VXLAN);
    world_attach(&s.w, 6, (struct attachment){.bridge = 2, .mtu = 1500});
    station_settle(&s);
    station_send(&s, 1, spec);
    assert_int_equal(station_drain(6), 1);
    spec.payload++;
    station_send(&s, 1, spec);
    assert_int_equal(station_drain(6), 0);
    assert_int_equal(station_drops(&s, 1, DROP_MTU_EXCEEDED), 1);
}

/* Sends the frame out by the tunnel and back in from it, with 'damage' put into its first byte after the MACs. */
static void send_back(const struct frame *f, uint8_t damage)
{
    struct rte_mbuf *m;
    uint8_t *inner;

    station_forward(&s, 1, station_mbuf(f->bytes, f->len));
    m = station_take(6);
    assert_non_null(m);
    turn_round(m);
    inner = rte_pktmbuf_mtod_offset(m, uint8_t *, 50);
    memcpy(inner, f->bytes + 6, 6);
    memcpy(inner + 6, f->bytes, 6);
    inner[14] ^= damage;
    station_forward(&s, 6, m);
}

static void drops_behind_a_tunnel_count_for_the_tunnel(void **state)
{
    struct packet_spec out = {1, 9, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, false, 40};
    struct frame f = spec_frame(&out);

    build_host(TUNNEL_VXLAN);
    send_back(&f, 0xf0);
    assert_int_equal(station_drops(&s, 3, DROP_IP_HEADER), 1);
    assert_int_equal(station_drops(&s, 6, DROP_IP_HEADER), 0);
}

static void unknown_network_is_dropped(void **state)
{
    struct rte_mbuf *m;

    build_host(TUNNEL_VXLAN);
    station_udp(&s, 1, 9, 5, 6);
    m = station_take(6);
    assert_non_null(m);
    turn_round(m);
    rte_pktmbuf_mtod(m, uint8_t *)[48]++;
    station_forward(&s, 6, m);
    assert_int_equal(station_drops(&s, 6, DROP_TUNNEL_UNKNOWN_VNI), 1);
}

/* The encapsulated frame must not be taken from a port that anybody may send by. */
static void guest_cannot_send_tunnel_packets(void **state)
{
    struct rte_mbuf *m;

    build_host(TUNNEL_VXLAN);
    world_attach(&s.w, 8, (struct attachment){.bridge = 2, .has_policy = true});
    station_settle(&s);
    station_udp(&s, 1, 9, 5, 6);
    m = station_take(6);
    assert_non_null(m);
    turn_round(m);
    station_forward(&s, 8, m);
    assert_int_equal(station_drain(1), 0);
    assert_int_equal(station_drain(5), 1);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vxlan_there_and_back_is_the_same_frame),
        TEST(geneve_there_and_back_is_the_same_frame),
        TEST(changed_next_hop_is_on_the_next_packet),
        TEST(lost_route_drops_the_next_packet),
        TEST(flood_reaches_a_tunnel_that_becomes_ready),
        TEST(moved_next_hop_moves_the_tunnel),
        TEST(encapsulated_frame_over_the_uplinks_mtu_is_dropped),
        TEST(drops_behind_a_tunnel_count_for_the_tunnel),
        TEST(unknown_network_is_dropped),
        TEST(guest_cannot_send_tunnel_packets),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
