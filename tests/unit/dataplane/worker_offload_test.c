// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/sent_frame.h"
#include "tests/unit/dataplane/station_fixture.h"

#include "overlay/decap.h"

/* Unfinished packets on their way through a worker: what is left to do stays described rightly whatever is put in front
 * of the packet or taken from it. Guests 1, 2 on bridge 1; see build_tunnel() for the rest. */
static struct station s;
static struct sent_frame frame;

#define ALL (OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_ECN | OFFLOAD_VXLAN | OFFLOAD_GENEVE)

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

/* From guest 1 to guest 2, of 'payload_len' bytes that are to be cut to 'mss'. */
static struct rte_mbuf *make_large(uint32_t payload_len, uint16_t mss, bool vlan)
{
    const struct sent_spec spec = {.kind = SENT_TSO, .vlan = vlan, .payload_len = payload_len, .mss = mss};
    struct rte_mbuf *packet;

    sent_make(&frame, &spec);
    packet = sent_packet(frame.bytes, frame.len, true);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    return packet;
}

static void take_all(uint16_t port)
{
    s.w.snapshot->ports[port]->tx_offloads = ALL;
}

/* The packet is as it was sent, 'before' bytes in front of its IP header. */
static void expect_untouched(const struct rte_mbuf *packet, uint32_t before)
{
    static uint8_t bytes[SENT_FRAME_MAX];
    struct virtio_net_hdr header;

    assert_non_null(packet);
    offload_to_virtio(packet, &header);
    assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    assert_int_equal(header.gso_size, frame.header.gso_size);
    assert_int_equal(header.csum_start, before + 20);
    assert_int_equal(header.hdr_len, before + 40);
    assert_int_equal(sent_bytes(packet, bytes), before + frame.len - frame.l3);
    assert_memory_equal(bytes + before, frame.bytes + frame.l3, frame.len - frame.l3);
}

static void large_frame_passes_in_one_piece(void **state)
{
    struct rte_mbuf *out;

    station_guests(&s, 2);
    take_all(2);
    for (int i = 0; i < 2; i++) {
        station_forward(&s, 1, make_large(30000, 1448, false));
        out = station_take(2);
        expect_untouched(out, 14);
        rte_pktmbuf_free(out);
    }
    assert_int_equal(s.w.snapshot->ports[2]->counters[0]->tx_packets, 2);
}

/* The MTU bounds what a frame will be cut to, not the frame. */
static void mtu_bounds_the_segments(void **state)
{
    station_guests(&s, 2);
    world_attach(&s.w, 2, (struct attachment){.mtu = 1400});
    station_settle(&s);
    take_all(2);
    station_forward(&s, 1, make_large(30000, 1360, false));
    assert_int_equal(station_drain(2), 1);
    station_forward(&s, 1, make_large(30000, 1361, false));
    assert_int_equal(station_drain(2), 0);
    assert_int_equal(station_drops(&s, 1, DROP_MTU_EXCEEDED), 1);
}

/* Guest 1 on a trunk, guest 2 on an access port of VLAN 7. */
static void tags_move_what_is_pending(void **state)
{
    struct rte_mbuf *out;

    station_guests(&s, 2);
    world_attach(&s.w, 1, (struct attachment){.vlan = {.mode = VLAN_TRUNK, .all_trunks = true}});
    world_attach(&s.w, 2, (struct attachment){.vlan = {.mode = VLAN_ACCESS, .tag = 7}});
    station_settle(&s);
    take_all(1);
    take_all(2);
    station_forward(&s, 1, make_large(5000, 1000, true));
    out = station_take(2);
    expect_untouched(out, 14);
    rte_pktmbuf_free(out);
    out = make_large(5000, 1000, false);
    rte_pktmbuf_mtod(out, uint8_t *)[5] = 1;
    rte_pktmbuf_mtod(out, uint8_t *)[11] = 2;
    station_forward(&s, 2, out);
    out = station_take(1);
    expect_untouched(out, 18);
    rte_pktmbuf_free(out);
}

static void copies_of_a_flood_are_described_alike(void **state)
{
    station_guests(&s, 3);
    take_all(2);
    take_all(3);
    {
        struct rte_mbuf *packet = make_large(5000, 1000, false);

        memset(rte_pktmbuf_mtod(packet, uint8_t *), 0xff, 6);
        station_forward(&s, 1, packet);
    }
    for (uint16_t port = 2; port <= 3; port++) {
        struct rte_mbuf *out = station_take(port);

        expect_untouched(out, 14);
        rte_pktmbuf_free(out);
    }
}

/* Bridge 2 is the underlay: the host's own port 5 (MAC ..:05, 192.0.2.1), uplink 6. Guest 2 is behind tunnel 3 to
 * 192.0.2.2, MAC ..:77. */
static void build_tunnel(bool checksum)
{
    const uint32_t here = RTE_BE32(0xc0000201), there = RTE_BE32(0xc0000202);
    struct tunnel_config tunnel = {
        .type = TUNNEL_VXLAN, .remote = there, .vni = 7, .dst_port = TUNNEL_PORT_VXLAN, .ttl = 64, .csum = checksum};
    struct decap_endpoint own = {.addr = here, .bridge = 2, .mac = {{2, 0, 0, 0, 0, 5}}};
    struct decap_entry entry = {
        .type = TUNNEL_VXLAN, .remote = there, .vni = 7, .dst_port = TUNNEL_PORT_VXLAN, .attachment = 3};
    struct next_hop hop = {.state = NEXT_HOP_READY,
                           .remote = there,
                           .local = here,
                           .bridge = 2,
                           .src_mac = {{2, 0, 0, 0, 0, 5}},
                           .dst_mac = {{2, 0, 0, 0, 0, 0x77}}};
    struct mac_addr guest = {{2, 0, 0, 0, 0, 2}};

    station_guests(&s, 1);
    world_bridge(&s.w, 2, false);
    world_attach(&s.w, 3, (struct attachment){.kind = ATTACHMENT_TUNNEL, .next_hop = 1, .tunnel = tunnel});
    world_attach(&s.w, 5, (struct attachment){.bridge = 2, .internal = true, .mac = own.mac});
    world_attach(&s.w, 6, (struct attachment){.bridge = 2, .mtu = 1500});
    snapshot_set_decap_table(world_edit(&s.w), decap_table_create(&own, 1, &entry, 1));
    assert_int_equal(snapshot_set_next_hop(world_edit(&s.w), 1, &hop), 0);
    fdb_learn(snapshot_bridge(world_edit(&s.w), 2)->fdb, 0, &hop.dst_mac, 6, s.tick - 10);
    station_settle(&s);
    fdb_learn(s.w.snapshot->bridges[1]->fdb, 0, &guest, 3, s.tick - 10);
}

/* Checks a packet without pending work whose outer headers come 'n_tunnels' times before the frame. */
static void expect_segment(const struct rte_mbuf *packet, uint32_t n_tunnels, bool checksum)
{
    static uint8_t bytes[2000];
    uint32_t len = sent_bytes(packet, bytes);
    const uint8_t *at = bytes;

    assert_false(offload_is_pending(packet));
    for (uint32_t i = 0; i < n_tunnels; i++, at += 50, len -= 50) {
        assert_int_equal(sent_get16(at + 16), len - 14);
        assert_int_equal(sent_sum(at + 14, 20, 0), 0xffff);
        if (checksum)
            assert_int_equal(sent_l4_sum(at + 14, at + 34, 17, len - 34), 0xffff);
    }
    assert_int_equal(sent_get16(at + 16), len - 14);
    assert_int_equal(sent_l4_sum(at + 14, at + 34, 6, len - 34), 0xffff);
}

static void frame_is_cut_behind_a_tunnel(void **state)
{
    for (int checksum = 0; checksum < 2; checksum++) {
        struct rte_mbuf *out;
        unsigned int n = 0;

        build_tunnel(checksum);
        station_forward(&s, 1, make_large(30000, 1410, false)); /* 1500 with all headers */
        for (; (out = station_take(6)) != NULL; n++) {
            expect_segment(out, 1, checksum);
            rte_pktmbuf_free(out);
        }
        assert_int_equal(n, 22);
        assert_int_equal(s.w.snapshot->ports[3]->counters[0]->tx_packets, 1); /* what went in */
        station_forward(&s, 1, make_large(30000, 1411, false));
        assert_int_equal(station_drain(6), 0);
        assert_int_equal(station_drops(&s, 1, DROP_MTU_EXCEEDED), 1);
        if (checksum == 0) {
            station_stop(&s);
            station_start(&s, 1024, 256);
        }
    }
}

/* A frame that was put into the tunnel in one piece, as the kernel at the other end sends it. */
static struct rte_mbuf *large_from_tunnel(void)
{
    struct rte_mbuf *packet;
    uint8_t *outer;

    take_all(6);
    station_forward(&s, 1, make_large(20000, 1000, false));
    packet = station_take(6);
    expect_untouched(packet, 64);
    outer = rte_pktmbuf_mtod(packet, uint8_t *);
    memcpy(outer, ((uint8_t[]){2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 0x77}), 12);
    memcpy(outer + 26, ((uint8_t[]){192, 0, 2, 2, 192, 0, 2, 1}), 8);
    outer[55] = 1;
    outer[61] = 2;
    return packet;
}

static void frame_comes_out_of_a_tunnel_in_one_piece(void **state)
{
    struct rte_mbuf *out;

    build_tunnel(false);
    take_all(1);
    station_forward(&s, 6, large_from_tunnel());
    out = station_take(1);
    expect_untouched(out, 14);
    assert_int_equal(out->ol_flags & OFFLOAD_TUNNEL, 0);
    rte_pktmbuf_free(out);
}

/* Where the described headers are not those behind the tunnel's, the packet is not believed. */
static void misplaced_description_is_dropped(void **state)
{
    struct rte_mbuf *packet;

    build_tunnel(false);
    packet = large_from_tunnel();
    packet->l2_len += 6;
    station_forward(&s, 6, packet);
    assert_int_equal(station_drain(1), 0);
    assert_int_equal(station_drops(&s, 6, DROP_TUNNEL_HEADER), 1);
}

/* The outer UDP checksum that a sender on this host has not summed needs no summing any more. */
static void open_outer_checksum_is_forgotten(void **state)
{
    struct rte_mbuf *packet, *out;

    build_tunnel(false);
    packet = large_from_tunnel();
    rte_pktmbuf_mtod(packet, uint8_t *)[40] = 0x12;
    packet->tx_offload = rte_mbuf_tx_offload(14, 20, 8, 0, 0, 0, 0);
    packet->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
    station_forward(&s, 6, packet);
    out = station_take(1);
    assert_non_null(out);
    assert_int_equal(out->ol_flags, 0);
    rte_pktmbuf_free(out);
}

static void tunnel_inside_a_tunnel_is_cut_first(void **state)
{
    struct rte_mbuf *packet, *out;
    unsigned int n = 0;

    build_tunnel(true);
    s.w.snapshot->ports[6]->tx_offloads = 0;
    packet = make_large(20000, 1000, false);
    {
        /* What guest 1's own tunnel endpoint would send to guest 2. */
        static const uint8_t outer[50] = {2, 0, 0,    0,    0, 2,  2,  0, 0, 0,  0, 1, 8, 0,  0x45, 0, 0,
                                          0, 0, 9,    0,    0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2,
                                          1, 2, 0x12, 0xb5, 0, 0,  0,  1, 8, 0,  0, 0, 0, 0,  9,    0};
        uint8_t *at = (uint8_t *)rte_pktmbuf_prepend(packet, sizeof outer);

        memcpy(at, outer, sizeof outer);
        sent_put16(at + 16, RTE_MIN(packet->pkt_len - 14, 65535u));
        sent_put16(at + 38, packet->pkt_len - 34);
        packet->tx_offload = rte_mbuf_tx_offload(30, 20, 20, 1000, 20, 14, 0);
        packet->ol_flags |= RTE_MBUF_F_TX_TUNNEL_UDP | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
    }
    station_forward(&s, 1, packet);
    for (; (out = station_take(6)) != NULL; n++) {
        expect_segment(out, 2, true);
        rte_pktmbuf_free(out);
    }
    assert_int_equal(n, 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(large_frame_passes_in_one_piece),     TEST(mtu_bounds_the_segments),
        TEST(tags_move_what_is_pending),           TEST(copies_of_a_flood_are_described_alike),
        TEST(frame_is_cut_behind_a_tunnel),        TEST(frame_comes_out_of_a_tunnel_in_one_piece),
        TEST(misplaced_description_is_dropped),    TEST(open_outer_checksum_is_forgotten),
        TEST(tunnel_inside_a_tunnel_is_cut_first),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
