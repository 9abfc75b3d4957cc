// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "dataplane/core/offload.h"
#include "dataplane/packet_socket.h"
#include "dataplane/segment.h"
#include "dataplane/tx_finish.h"

/*   port "veth-port" (under test) ---- "veth-peer" 10.9.0.1/24: the test's packet socket, the kernel's UDP */

static struct packet_socket peer;
static struct port *port;

/* An experimental Ethernet type (IEEE 802), so that the kernel's own frames are not taken for ours. */
static const uint8_t experimental[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 'h', 'i'};

static bool is_experimental(const uint8_t *frame, uint32_t len)
{
    return len >= 14 && frame[12] == 0x88 && frame[13] == 0xb5;
}

/* Until the kernel has taken note that both ends have a carrier, which may take a second when many links come and go, it
 * silently drops what is sent through them. */
static void await_carrier(void)
{
    port_fixture_run("n=0; until [ $(ip -o link | grep -c 'veth-p.*state UP') = 2 ]; do"
                     " n=$((n + 1)); [ $n -lt 1000 ] || exit 1; sleep 0.01; done");
}

static int set_up(void **state)
{
    const struct port_config config = {.name = "veth-port", .type = "system", .n_workers = 1};

    if (!port_fixture_has_namespace)
        return 0;
    port_fixture_run("ip link add veth-port type veth peer name veth-peer");
    port_fixture_run("ip addr add 10.9.0.1/24 dev veth-peer");
    port_fixture_run("ip link set veth-peer up");
    port = port_fixture_open(&config);
    await_carrier();
    port_fixture_run("ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev veth-peer");
    return packet_socket_open(&peer, if_nametoindex("veth-peer"));
}

static int tear_down(void **state)
{
    if (!port_fixture_has_namespace)
        return 0;
    packet_socket_close(&peer);
    port_fixture_close(port);
    return system("ip link del veth-peer 2>/dev/null") >= 0 ? 0 : -1;
}

/* Sends through a socket with the offload state that 'header' tells. */
static void send_from(const struct packet_socket *from, const struct virtio_net_hdr *header, const uint8_t *frame,
                      size_t len)
{
    struct iovec pieces[2] = {{(void *)(uintptr_t)header, sizeof *header}, {(void *)(uintptr_t)frame, len}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};

    assert_int_equal(sendmsg(from->fd, &message, 0), (int)(sizeof *header + len));
}

static void peer_send_whole(const uint8_t *frame, size_t len)
{
    const struct virtio_net_hdr header = {0};

    send_from(&peer, &header, frame, len);
}

/* The next experimental frame the peer sees. */
static uint32_t peer_receive(uint8_t *frame, uint32_t size)
{
    struct packet_frame seen;
    struct timespec start;

    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!port_fixture_expired(&start)) {
        packet_socket_receive(&peer, 1);
        if (packet_socket_next(&peer, &seen) && is_experimental(seen.data, seen.len) && seen.len <= size) {
            memcpy(frame, seen.data, seen.len);
            return seen.len;
        }
    }
    fail_msg("nothing arrived");
    return 0;
}

static void frame_comes_in_whole(void **state)
{
    uint8_t frame[100];

    port_fixture_need_namespace();
    peer_send_whole(experimental, sizeof experimental);
    assert_int_equal(port_fixture_receive(port, is_experimental, frame, sizeof frame), sizeof experimental);
    assert_memory_equal(frame, experimental, sizeof experimental);
}

static void send_experimental(void)
{
    peer_send_whole(experimental, sizeof experimental);
}

static void frame_wakes_who_waits_for_it(void **state)
{
    port_fixture_need_namespace();
    assert_true(port_fixture_wakes(port, send_experimental));
    rte_pktmbuf_free(port_fixture_take(port, is_experimental));
}

static void frames_go_out_in_order(void **state)
{
    struct rte_mbuf *packets[3];
    uint8_t frame[100];

    port_fixture_need_namespace();
    for (uint8_t i = 0; i < 3; i++) {
        packets[i] = port_fixture_packet(experimental, sizeof experimental);
        rte_pktmbuf_mtod(packets[i], uint8_t *)[20] = i;
    }
    assert_int_equal(port->ops->tx_burst(port, 0, packets, 3), 3);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(peer_receive(frame, sizeof frame), sizeof experimental);
        assert_int_equal(frame[20], i);
    }
}

static void own_frames_do_not_come_back(void **state)
{
    struct rte_mbuf *packet;
    uint8_t frame[100];

    port_fixture_need_namespace();
    packet = port_fixture_packet(experimental, sizeof experimental);
    rte_pktmbuf_mtod(packet, uint8_t *)[20] = 77;
    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    peer_send_whole(experimental, sizeof experimental);
    port_fixture_receive(port, is_experimental, frame, sizeof frame);
    assert_int_equal(frame[20], 0);
}

static bool is_tagged(const uint8_t *frame, uint32_t len)
{
    return len >= 18 && frame[12] == 0x81 && frame[13] == 0 && frame[16] == 0x88 && frame[17] == 0xb5;
}

static void tag_is_put_back(void **state)
{
    uint8_t tagged[64], frame[100];

    port_fixture_need_namespace();
    memcpy(tagged, experimental, 12);
    memcpy(tagged + 12, ((uint8_t[]){0x81, 0, 0xa0, 5}), 4); /* priority 5, VLAN 5 */
    memcpy(tagged + 16, experimental + 12, sizeof experimental - 12);
    peer_send_whole(tagged, sizeof tagged);
    assert_int_equal(port_fixture_receive(port, is_tagged, frame, sizeof frame), sizeof tagged);
    assert_memory_equal(frame, tagged, sizeof tagged);
}

static bool is_udp(const uint8_t *frame, uint32_t len)
{
    return len >= 42 && frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_UDP && frame[36] == 0x10;
}

/* Sums the pseudo-header and everything after the IPv4 header of 20 bytes; 0 when the L4 checksum is right. */
static uint16_t l4_residue(const uint8_t *frame)
{
    uint32_t total = (uint32_t)(frame[16] << 8 | frame[17]) + 14;
    uint32_t sum = frame[23] + total - 34;

    for (uint32_t i = 26; i < total; i++)
        sum += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void kernels_partial_checksum_stays_partial(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(0x1000)};
    struct rte_mbuf *packet;
    int fd;

    port_fixture_need_namespace();
    inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, "odd", 3, 0, (const struct sockaddr *)&to, sizeof to), 3);
    close(fd);
    packet = port_fixture_take(port, is_udp);
    assert_int_equal(packet->ol_flags & OFFLOAD_PENDING, RTE_MBUF_F_TX_UDP_CKSUM);
    assert_int_not_equal(l4_residue(rte_pktmbuf_mtod(packet, const uint8_t *)), 0);
    tx_finish_checksums(packet);
    assert_int_equal(l4_residue(rte_pktmbuf_mtod(packet, const uint8_t *)), 0);
    rte_pktmbuf_free(packet);
}

static bool is_tcp(const uint8_t *frame, uint32_t len)
{
    return len >= 54 && frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_TCP;
}

/* TCP with 3000 bytes of payload, to be cut into pieces of 1000. */
static const struct virtio_net_hdr large_offload = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                                    .gso_size = 1000,
                                                    .hdr_len = 54,
                                                    .csum_start = 34,
                                                    .csum_offset = 16};
static const uint8_t large_frame[3054] = {2,    0, 0, 0, 0, 2,  2, 0,  0, 0,  0, 1, 8,    0,    0x45, 0, 0x0b,
                                          0xe0, 0, 1, 0, 0, 64, 6, 0,  0, 10, 9, 0, 1,    10,   9,    0, 2,
                                          0,    1, 0, 2, 0, 0,  0, 10, 0, 0,  0, 0, 0x50, 0x18, 1,    0};

/* Cuts the packet and looks at its three segments; 'tcp_frame' is where the frame with the TCP header begins. */
static void expect_segments(struct rte_mbuf *packet, uint32_t tcp_frame)
{
    struct segmenter segmenter;

    assert_int_equal(packet->ol_flags & OFFLOAD_PENDING, RTE_MBUF_F_TX_TCP_SEG);
    assert_int_equal(packet->tso_segsz, 1000);
    assert_int_equal(segmenter_init(&segmenter, packet), 0);
    for (unsigned int i = 0; i < 3; i++) {
        struct rte_mbuf *segment = segmenter_next(&segmenter, packet_pool());
        const uint8_t *outer = rte_pktmbuf_mtod(segment, const uint8_t *);
        const uint8_t *frame = outer + tcp_frame;

        assert_int_equal(segment->pkt_len, tcp_frame + 1054);
        assert_int_equal(frame[40] << 8 | frame[41], 10 + 1000 * (int)i);
        assert_int_equal(frame[47], i == 2 ? 0x18 : 0x10);
        assert_int_equal(l4_residue(outer), 0);
        assert_int_equal(l4_residue(frame), 0);
        rte_pktmbuf_free(segment);
    }
    assert_false(segmenter_has_next(&segmenter));
    rte_pktmbuf_free(packet);
}

static void large_tcp_frame_stays_large(void **state)
{
    struct rte_mbuf *packet;

    port_fixture_need_namespace();
    send_from(&peer, &large_offload, large_frame, sizeof large_frame);
    packet = port_fixture_take(port, is_tcp);
    assert_int_equal(packet->pkt_len, sizeof large_frame);
    expect_segments(packet, 0);
}

static bool is_vxlan(const uint8_t *frame, uint32_t len)
{
    return len >= 104 && frame[23] == IPPROTO_UDP && frame[36] == 0x12 && frame[37] == 0xb5 && is_tcp(frame + 50, len);
}

/* The kernel leaves the cutting to us also when it has put a tunnel around the frame. */
static void large_frame_of_kernels_tunnel_stays_large(void **state)
{
    struct packet_socket tunnel;
    struct rte_mbuf *packet;

    port_fixture_need_namespace();
    port_fixture_run("ip link add vx type vxlan id 7 remote 10.9.0.2 dstport 4789 dev veth-peer udpcsum");
    port_fixture_run("ip link set vx up");
    assert_int_equal(packet_socket_open(&tunnel, if_nametoindex("vx")), 0);
    send_from(&tunnel, &large_offload, large_frame, sizeof large_frame);
    packet_socket_close(&tunnel);
    packet = port_fixture_take(port, is_vxlan);
    assert_int_equal(packet->pkt_len, 50 + sizeof large_frame);
    assert_true(packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_UDP);
    expect_segments(packet, 50);
    port_fixture_run("ip link del vx");
}

/* What goes out unfinished is whole for the kernel that receives it. */
static void large_tcp_frame_goes_out_large(void **state)
{
    struct packet_frame seen = {0};
    struct rte_mbuf *packet;
    struct timespec start;

    port_fixture_need_namespace();
    packet = port_fixture_packet(large_frame, 1500);
    rte_pktmbuf_chain(packet, port_fixture_packet(large_frame + 1500, sizeof large_frame - 1500));
    assert_int_equal(offload_from_virtio(packet, &large_offload), 0);
    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        assert_false(port_fixture_expired(&start));
        packet_socket_receive(&peer, 1);
    } while (!packet_socket_next(&peer, &seen) || !is_tcp(seen.data, seen.len));
    assert_int_equal(seen.len, sizeof large_frame);
    assert_int_equal(seen.header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    assert_int_equal(seen.header.gso_size, 1000);
    assert_int_equal(seen.header.csum_start, 34);
}

static void unsupported_offload_is_counted(void **state)
{
    const struct virtio_net_hdr offload = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                           .gso_type = 5, /* UDP segmentation, virtio 1.2 5.1.6 */
                                           .gso_size = 100,
                                           .hdr_len = 42,
                                           .csum_start = 34,
                                           .csum_offset = 6};
    uint8_t datagrams[42 + 300] = {2, 0, 0,  0,  0, 2, 2,  0, 0, 0, 0,  1, 8, 0, 0x45, 0, 1,  0x48, 0, 1,
                                   0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2, 16,   0, 16, 0,    1, 0x34};
    struct port_counters sum;
    uint8_t frame[100];

    port_fixture_need_namespace();
    send_from(&peer, &offload, datagrams, sizeof datagrams);
    peer_send_whole(experimental, sizeof experimental);
    port_fixture_receive(port, is_experimental, frame, sizeof frame);
    port_counters_sum(port, &sum);
    assert_int_equal(sum.drops[DROP_RX_UNSUPPORTED], 1);
}

static void frame_larger_than_a_buffer_is_chained(void **state)
{
    static uint8_t large[8000], frame[8000];
    struct rte_mbuf *packet;
    const struct port_config config = {.name = "veth-port", .type = "system", .mtu = 9000, .n_workers = 1};
    char *error = NULL;

    port_fixture_need_namespace();
    port_fixture_run("ip link set veth-peer mtu 9000");
    assert_int_equal(port->ops->reconfigure(port, &config, &error), 0);
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = i < sizeof experimental ? experimental[i] : (uint8_t)(i * 3);
    peer_send_whole(large, sizeof large);
    assert_int_equal(port_fixture_receive(port, is_experimental, frame, sizeof frame), sizeof large);
    assert_memory_equal(frame, large, sizeof large);

    packet = port_fixture_packet(large, 2000);
    packet->next = port_fixture_packet(large + 2000, 1500);
    packet->nb_segs = 2;
    packet->pkt_len = 3500;
    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    assert_int_equal(peer_receive(frame, sizeof frame), 3500);
    assert_memory_equal(frame, large, 3500);
}

static void frame_beyond_the_mtu_hurts_no_other(void **state)
{
    static uint8_t large[1900];
    struct port_stats stats = {0};
    struct rte_mbuf *packets[2];
    uint8_t frame[100];

    port_fixture_need_namespace();
    memcpy(large, experimental, sizeof experimental);
    packets[0] = port_fixture_packet(large, sizeof large);
    packets[1] = port_fixture_packet(experimental, sizeof experimental);
    assert_int_equal(port->ops->tx_burst(port, 0, packets, 2), 2);
    assert_int_equal(peer_receive(frame, sizeof frame), sizeof experimental);
    port->ops->get_stats(port, &stats);
    assert_string_equal(stats.pairs[1].name, "tx_errors");
    assert_int_equal(stats.pairs[1].value, 1);
}

static void status_is_the_devices(void **state)
{
    struct port_status status = {0};

    port_fixture_need_namespace();
    port->ops->get_status(port, &status);
    assert_true(status.admin_up && status.link_up);
    assert_int_equal(status.mtu, 1500);
    assert_int_equal(status.ifindex, if_nametoindex("veth-port"));
    assert_false(mac_addr_is_zero(&status.mac));
    assert_true(status.n_pairs > 0);
    assert_string_equal(status.pairs[0].key, "driver_name");
    assert_string_equal(status.pairs[0].value, "veth");
}

static void deleted_device_is_quiet(void **state)
{
    const struct port_config config = {.name = "veth-port", .type = "system", .n_workers = 1};
    struct port_status status = {0};
    struct rte_mbuf *packet, *received[PORT_BURST];
    char *error = NULL;

    port_fixture_need_namespace();
    port_fixture_run("ip link del veth-peer");
    packet = port_fixture_packet(experimental, sizeof experimental);
    if (port->ops->tx_burst(port, 0, &packet, 1) == 0)
        rte_pktmbuf_free(packet);
    rte_pktmbuf_free_bulk(received, port->ops->rx_burst(port, 0, received, PORT_BURST));
    port->ops->get_status(port, &status);
    assert_false(status.link_up);
    assert_int_equal(port->ops->reconfigure(port, &config, &error), -EAGAIN);
}

static void missing_device_is_refused(void **state)
{
    const struct port_config missing = {.name = "nosuch0", .type = "system"};
    const struct port_config too_long = {.name = "a-name-that-is-too-long", .type = "system"};

    port_fixture_need_namespace();
    port_fixture_refused(&missing, "could not open network device nosuch0 (No such device)");
    port_fixture_refused(&too_long, "could not open network device a-name-that-is-too-long (No such device)");
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PORT(frame_comes_in_whole),
        WITH_PORT(frame_wakes_who_waits_for_it),
        WITH_PORT(frames_go_out_in_order),
        WITH_PORT(own_frames_do_not_come_back),
        WITH_PORT(tag_is_put_back),
        WITH_PORT(kernels_partial_checksum_stays_partial),
        WITH_PORT(large_tcp_frame_stays_large),
        WITH_PORT(large_frame_of_kernels_tunnel_stays_large),
        WITH_PORT(large_tcp_frame_goes_out_large),
        WITH_PORT(unsupported_offload_is_counted),
        WITH_PORT(frame_larger_than_a_buffer_is_chained),
        WITH_PORT(frame_beyond_the_mtu_hurts_no_other),
        WITH_PORT(status_is_the_devices),
        WITH_PORT(deleted_device_is_quiet),
        cmocka_unit_test(missing_device_is_refused),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
