// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/sent_frame.h"
#include "tests/unit/dataplane/station_fixture.h"

#include "dataplane/snapshot_private.h"
#include "dataplane/tx.h"
#include "dataplane/tx_finish.h"
#include "overlay/encap.h"

/* Every kind of unfinished packet through every kind of tunnel to every kind of port. */

#define CUT_MSS     1001
#define OUT_PORT    1
#define OUTER_LEN   50u
#define OUT_MAX     4096
#define EVERYTHING  (OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_ECN)
#define TUNNELS_TOO (EVERYTHING | OFFLOAD_VXLAN | OFFLOAD_GENEVE)

static struct {
    struct rte_mbuf *packets[OUT_MAX];
    unsigned int n;
    unsigned int taken_max;
} out;

static uint16_t keep_burst(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    uint16_t taken = 0;

    while (taken < n && out.n < out.taken_max)
        out.packets[out.n++] = packets[taken++];
    return taken;
}

static const struct port_ops keep_ops = {.type = "keep", .tx_burst = keep_burst};
static struct snapshot *snapshot;
static struct port *port;
static struct tx tx;
static struct sent_frame frame;

static int set_up(void **state)
{
    snapshot = calloc(1, sizeof *snapshot);
    port = port_create("out", OUT_PORT, &keep_ops);
    assert_true(snapshot != NULL && port != NULL);
    atomic_store(&port->ready, true);
    snapshot->ports[OUT_PORT] = port;
    out.n = 0;
    out.taken_max = OUT_MAX;
    return tx_prepare_port(&tx, OUT_PORT);
}

static int tear_down(void **state)
{
    rte_pktmbuf_free_bulk(out.packets, out.n);
    tx_fini(&tx);
    port_destroy(port);
    free(snapshot);
    return rte_mempool_in_use_count(packet_pool()) == 0 ? 0 : -1;
}

static void transmit(struct rte_mbuf *packet, uint32_t offloads)
{
    rte_pktmbuf_free_bulk(out.packets, out.n);
    out.n = 0;
    atomic_store(&port->tx_offloads, offloads);
    tx_add(&tx, snapshot, OUT_PORT, packet);
    tx_flush(&tx, snapshot);
}

/* What is around the frame. */
struct tunnel_spec {
    bool present;
    bool geneve;
    bool checksum;
};

static void encapsulate(const struct tunnel_spec *spec, struct rte_mbuf *packet)
{
    const struct tunnel_config tunnel = {.type = spec->geneve ? TUNNEL_GENEVE : TUNNEL_VXLAN,
                                         .vni = 7,
                                         .dst_port = spec->geneve ? TUNNEL_PORT_GENEVE : TUNNEL_PORT_VXLAN,
                                         .csum = spec->checksum};
    const struct next_hop hop = {.remote = RTE_BE32(0xc0000202), .local = RTE_BE32(0xc0000201)};
    struct encap_template template;

    encap_template_init(&template, &tunnel, &hop, 0);
    assert_int_equal(encap_apply(&template, packet, 12345, 9), 0);
}

/* Returns where the inner frame is. */
static const uint8_t *judge_outer(const struct tunnel_spec *spec, const uint8_t *bytes, uint32_t len)
{
    const uint8_t *ip = bytes + 14, *udp = bytes + 34;

    assert_int_equal(sent_sum(ip, 20, 0), 0xffff);
    assert_int_equal(sent_get16(ip + 2), len - 14);
    assert_int_equal(sent_get16(udp + 4), len - 34);
    if (spec->checksum) {
        assert_int_not_equal(sent_get16(udp + 6), 0);
        assert_int_equal(sent_l4_sum(ip, udp, 17, len - 34), 0xffff);
    } else {
        assert_int_equal(sent_get16(udp + 6), 0);
    }
    return bytes + OUTER_LEN;
}

/* Looks at the 'nth' frame that came out; 'done' payload bytes have come before. Returns those in this one. */
static uint32_t judge_frame(const struct sent_spec *spec, const uint8_t *bytes, uint32_t len, uint32_t nth,
                            uint32_t done)
{
    const uint8_t *ip = bytes + frame.l3, *l4 = bytes + frame.l4;
    uint8_t protocol = spec->kind == SENT_UDP ? 17 : 6;
    uint32_t payload_len = len - frame.payload;

    assert_true(len >= frame.payload);
    assert_memory_equal(bytes, frame.bytes, frame.l3);
    if (spec->v6) {
        assert_int_equal(sent_get16(ip + 4), len - frame.l3 - 40);
        assert_memory_equal(ip + 8, frame.bytes + frame.l3 + 8, 32);
    } else {
        assert_int_equal(sent_get16(ip + 2), len - frame.l3);
        assert_int_equal(sent_get16(ip + 4), (0xfffe + nth) & 0xffff);
        assert_int_equal(sent_sum(ip, 20, 0), 0xffff);
    }
    assert_int_equal(sent_l4_sum(ip, l4, protocol, len - frame.l4), 0xffff);
    if (protocol == 17) {
        assert_int_not_equal(sent_get16(l4 + 6), 0);
    } else {
        assert_int_equal(sent_get16(l4 + 6), (0xf000 + done) & 0xffff); /* sequence */
        assert_int_equal(l4[13], done + payload_len == spec->payload_len ? 0x19 : 0x10);
    }
    assert_true(done + payload_len <= spec->payload_len);
    assert_memory_equal(bytes + frame.payload, frame.bytes + frame.payload + done, payload_len);
    return payload_len;
}

/* Everything that came out is finished. */
static void judge_finished(const struct sent_spec *spec, const struct tunnel_spec *tunnel)
{
    static uint8_t bytes[SENT_FRAME_MAX];
    uint32_t done = 0;

    for (uint32_t i = 0; i < out.n; i++) {
        uint32_t len = sent_bytes(out.packets[i], bytes);
        const uint8_t *inner = bytes;
        uint32_t part;

        rte_mbuf_sanity_check(out.packets[i], 1);
        assert_int_equal(out.packets[i]->ol_flags & (OFFLOAD_PENDING | OFFLOAD_TUNNEL), 0);
        assert_int_equal(len, out.packets[i]->pkt_len);
        if (tunnel->present) {
            inner = judge_outer(tunnel, bytes, len);
            len -= OUTER_LEN;
        }
        part = judge_frame(spec, inner, len, i, done);
        if (spec->kind == SENT_TSO && i + 1 < out.n)
            assert_int_equal(part, spec->mss);
        done += part;
    }
    assert_int_equal(done, spec->payload_len);
    if (spec->kind == SENT_TSO)
        assert_int_equal(out.n, (spec->payload_len + spec->mss - 1) / spec->mss);
    else
        assert_int_equal(out.n, 1);
}

/* The frame came out as it went in, with a description that the far side can finish it by. */
static void judge_untouched(const struct sent_spec *spec, const struct tunnel_spec *tunnel)
{
    static uint8_t bytes[SENT_FRAME_MAX];
    uint32_t before = tunnel->present ? OUTER_LEN : 0;
    struct virtio_net_hdr header;
    const struct rte_mbuf *packet = out.packets[0];

    assert_int_equal(out.n, 1);
    assert_int_equal(sent_bytes(packet, bytes), frame.len + before);
    assert_memory_equal(bytes + before, frame.bytes, frame.len);
    offload_to_virtio(packet, &header);
    assert_int_equal(header.flags, frame.header.flags);
    assert_int_equal(header.gso_type, frame.header.gso_type);
    assert_int_equal(header.gso_size, frame.header.gso_size);
    assert_int_equal(header.csum_start, frame.header.csum_start + before);
    assert_int_equal(header.csum_offset, frame.header.csum_offset);
    assert_int_equal(header.hdr_len, spec->kind == SENT_TSO ? frame.header.hdr_len + before : 0);
    if (tunnel->present) {
        assert_int_equal(packet->outer_l2_len, 14);
        assert_int_equal(packet->outer_l3_len, 20);
        assert_int_equal(packet->l2_len, 16 + frame.l3);
        assert_int_equal(packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK,
                         tunnel->geneve ? RTE_MBUF_F_TX_TUNNEL_GENEVE : RTE_MBUF_F_TX_TUNNEL_VXLAN);
        assert_int_equal(sent_sum(bytes + 14, 20, 0), 0xffff);
    }
}

/* By the rules of offload.h, written down once more. */
static bool is_to_pass(const struct sent_spec *spec, const struct tunnel_spec *tunnel, uint32_t offloads)
{
    if (spec->kind == SENT_DONE || !(offloads & OFFLOAD_CHECKSUM))
        return false;
    if (tunnel->present && (tunnel->checksum || !(offloads & (tunnel->geneve ? OFFLOAD_GENEVE : OFFLOAD_VXLAN))))
        return false;
    return spec->kind != SENT_TSO || (offloads & (spec->v6 ? OFFLOAD_TSO6 : OFFLOAD_TSO4));
}

static void try_one(const struct sent_spec *spec, const struct tunnel_spec *tunnel, uint32_t offloads, bool chained)
{
    struct rte_mbuf *packet;

    sent_make(&frame, spec);
    packet = sent_packet(frame.bytes, frame.len, chained);
    if (spec->kind != SENT_DONE)
        assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    if (tunnel->present)
        encapsulate(tunnel, packet);
    transmit(packet, offloads);
    if (is_to_pass(spec, tunnel, offloads))
        judge_untouched(spec, tunnel);
    else
        judge_finished(spec, tunnel);
}

static const struct tunnel_spec tunnel_specs[] = {
    {0},
    {.present = true},
    {.present = true, .checksum = true},
    {.present = true, .geneve = true},
    {.present = true, .geneve = true, .checksum = true},
};

static void every_combination_comes_out_right(void **state)
{
    static const uint32_t ports[] = {0, OFFLOAD_CHECKSUM, EVERYTHING, TUNNELS_TOO,
                                     OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_VXLAN};
    unsigned int n = 0;

    for (unsigned int i = 0; i < SENT_KINDS * 8u; i++) {
        struct sent_spec spec = {.kind = i / 8, .v6 = i & 1, .vlan = i & 2, .mss = CUT_MSS};

        spec.payload_len = spec.kind == SENT_TSO ? 5500 + i : 1331;
        for (unsigned int t = 0; t < RTE_DIM(tunnel_specs); t++) {
            for (unsigned int p = 0; p < RTE_DIM(ports); p++, n++)
                try_one(&spec, &tunnel_specs[t], ports[p], i & 4);
        }
    }
    print_message("%u combinations\n", n);
}

static void any_length_comes_out_right(void **state)
{
    unsigned int seed = 4;

    print_message("seed %u\n", seed);
    for (int round = 0; round < 1000; round++) {
        struct sent_spec spec = {.kind = (unsigned int)rand_r(&seed) % SENT_KINDS,
                                 .v6 = rand_r(&seed) & 1,
                                 .vlan = rand_r(&seed) & 1,
                                 .mss = (uint16_t)(200 + rand_r(&seed) % 5000)};

        spec.payload_len = (uint32_t)rand_r(&seed) % (spec.kind == SENT_TSO ? 65000 : 3000);
        if (spec.kind == SENT_TSO && spec.payload_len <= spec.mss)
            continue;
        try_one(&spec, &tunnel_specs[(unsigned int)rand_r(&seed) % RTE_DIM(tunnel_specs)],
                (uint32_t)rand_r(&seed) & TUNNELS_TOO, rand_r(&seed) & 1);
    }
}

/* The largest frame of all is beyond 64 KiB with its outer headers: no device could say how long it is. */
static void largest_frame_in_a_tunnel_is_cut(void **state)
{
    const struct sent_spec spec = {.kind = SENT_TSO, .payload_len = 65535 - 40, .mss = 1400};

    sent_make(&frame, &spec);
    try_one(&spec, &tunnel_specs[0], TUNNELS_TOO, true);
    sent_make(&frame, &spec);
    {
        struct rte_mbuf *packet = sent_packet(frame.bytes, frame.len, true);

        assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
        encapsulate(&tunnel_specs[2], packet);
        transmit(packet, TUNNELS_TOO);
        judge_finished(&spec, &tunnel_specs[2]);
    }
}

/* CWR goes out once, and only to who knows how. */
static void congestion_is_told_once(void **state)
{
    const struct sent_spec spec = {.kind = SENT_TSO, .payload_len = 3000, .mss = 1000};

    for (int knows = 0; knows < 2; knows++) {
        struct rte_mbuf *packet;

        sent_make(&frame, &spec);
        frame.bytes[frame.l4 + 13] |= 0x80;
        packet = sent_packet(frame.bytes, frame.len, false);
        assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
        transmit(packet, knows ? EVERYTHING : EVERYTHING & ~OFFLOAD_ECN);
        assert_int_equal(out.n, knows ? 1 : 3);
        for (unsigned int i = 0; i < out.n; i++)
            assert_int_equal(*rte_pktmbuf_mtod_offset(out.packets[i], uint8_t *, frame.l4 + 13) >> 7, i == 0);
        if (knows) {
            struct virtio_net_hdr header;

            offload_to_virtio(out.packets[0], &header);
            assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
        }
    }
}

/* Packets keep their order, whatever becomes of them, and counters count what the port was given. */
static void order_is_kept_across_a_large_frame(void **state)
{
    const struct sent_spec large = {.kind = SENT_TSO, .payload_len = 60000, .mss = 500};
    const struct sent_spec small = {.kind = SENT_DONE, .payload_len = 10};

    for (int i = 0; i < 3; i++) {
        struct rte_mbuf *packet;

        sent_make(&frame, i == 1 ? &large : &small);
        packet = sent_packet(frame.bytes, frame.len, false);
        if (i == 1)
            assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
        tx_add(&tx, snapshot, OUT_PORT, packet);
    }
    tx_flush(&tx, snapshot);
    assert_int_equal(out.n, 122);
    assert_int_equal(out.packets[0]->pkt_len, 64);
    assert_int_equal(out.packets[1]->pkt_len, 554);
    assert_int_equal(out.packets[121]->pkt_len, 64);
    assert_int_equal(port->counters[0]->tx_packets, 122);
    assert_int_equal(port->counters[0]->tx_bytes, 2 * 64 + 120 * 54 + 60000);
}

static void full_port_drops_by_segment(void **state)
{
    const struct sent_spec spec = {.kind = SENT_TSO, .payload_len = 60000, .mss = 500};
    struct rte_mbuf *packet;

    sent_make(&frame, &spec);
    packet = sent_packet(frame.bytes, frame.len, false);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    out.taken_max = 100;
    transmit(packet, 0);
    assert_int_equal(port->counters[0]->tx_packets, 100);
    assert_int_equal(port->counters[0]->drops[DROP_TX_QUEUE_FULL], 20);
}

/* A frame that cannot be cut to its end for want of buffers is one drop, and nothing is lost in the pool. */
static void lack_of_buffers_is_one_drop(void **state)
{
    static struct rte_mbuf *rest[16384];
    const struct sent_spec spec = {.kind = SENT_TSO, .payload_len = 20000, .mss = 500};
    struct rte_mbuf *packet;
    unsigned int n = 0;

    sent_make(&frame, &spec);
    packet = sent_packet(frame.bytes, frame.len, false);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    while (n < RTE_DIM(rest) && (rest[n] = rte_pktmbuf_alloc(packet_pool())) != NULL)
        n++;
    rte_pktmbuf_free_bulk(rest, 10);
    transmit(packet, 0);
    assert_int_equal(out.n, 10);
    assert_int_equal(port->counters[0]->drops[DROP_NO_BUFFER], 1);
    rte_pktmbuf_free_bulk(rest + 10, n - 10);
}

int main(void)
{
#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PORT(every_combination_comes_out_right),  WITH_PORT(any_length_comes_out_right),
        WITH_PORT(largest_frame_in_a_tunnel_is_cut),   WITH_PORT(congestion_is_told_once),
        WITH_PORT(order_is_kept_across_a_large_frame), WITH_PORT(full_port_drops_by_segment),
        WITH_PORT(lack_of_buffers_is_one_drop),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
