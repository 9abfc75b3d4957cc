// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "dataplane/core/offload.h"
#include "dataplane/kernel_link.h"
#include "dataplane/packet_socket.h"
#include "dataplane/tx_finish.h"

/*   port "taptest0" 10.9.1.1/24 (under test) ---- the kernel: UDP, the test's packet socket */

static const struct port_config config = {.name = "taptest0",
                                          .type = "internal",
                                          .mtu = 2000,
                                          .has_mac = true,
                                          .mac = {{2, 0, 0, 0, 0, 0x11}},
                                          .n_workers = 1};
static struct port *port;

/* An experimental Ethernet type (IEEE 802), so that the kernel's own frames are not taken for ours. */
static const uint8_t experimental[60] = {2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 'h', 'i'};

static int set_up(void **state)
{
    if (!port_fixture_has_namespace)
        return 0;
    port = port_fixture_open(&config);
    port_fixture_run("ip addr add 10.9.1.1/24 dev taptest0");
    port_fixture_run("ip neigh add 10.9.1.2 lladdr 02:00:00:00:00:02 dev taptest0");
    return 0;
}

static int tear_down(void **state)
{
    if (port_fixture_has_namespace)
        port_fixture_close(port);
    return 0;
}

static bool is_datagram(const uint8_t *frame, uint32_t len)
{
    return len >= 42 && frame[12] == 8 && frame[13] == 0 && frame[23] == IPPROTO_UDP && frame[36] == 0x10;
}

/* Sums the pseudo-header and UDP of a frame whose IPv4 header has 20 bytes; 0 when the checksum is right. */
static uint16_t udp_residue(const uint8_t *frame)
{
    uint32_t total = (uint32_t)(frame[16] << 8 | frame[17]) + 14;
    uint32_t sum = frame[23] + total - 34;

    for (uint32_t i = 26; i < total; i++)
        sum += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Has the kernel send a datagram of 'len' bytes through the tap. */
static void send_datagram(size_t len)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(0x1000)};
    uint8_t payload[2000] = {1, 2, 3};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, "10.9.1.2", &to.sin_addr);
    assert_int_equal(sendto(fd, payload, len, 0, (const struct sockaddr *)&to, sizeof to), (int)len);
    close(fd);
}

/* ... takes it from the port and sums what was left to us. */
static uint32_t datagram_through(size_t len, uint8_t *frame, uint32_t size)
{
    struct rte_mbuf *packet;
    uint32_t received;

    send_datagram(len);
    packet = port_fixture_take(port, is_datagram);
    assert_int_equal(packet->ol_flags & OFFLOAD_PENDING, RTE_MBUF_F_TX_UDP_CKSUM);
    tx_finish_checksums(packet);
    received = packet->pkt_len;
    assert_true(received <= size);
    memcpy(frame, rte_pktmbuf_read(packet, 0, received, frame), received);
    rte_pktmbuf_free(packet);
    return received;
}

static void checksum_is_left_to_the_switch(void **state)
{
    uint8_t frame[2100];

    port_fixture_need_namespace();
    assert_int_equal(datagram_through(3, frame, sizeof frame), 45);
    assert_int_equal(udp_residue(frame), 0);
    assert_memory_equal(frame + 6, config.mac.bytes, 6);
}

static void frame_of_full_mtu_arrives(void **state)
{
    uint8_t frame[2100];

    port_fixture_need_namespace();
    assert_int_equal(datagram_through(2000 - 28, frame, sizeof frame), 2014);
    assert_int_equal(udp_residue(frame), 0);
}

static void frame_goes_to_the_kernel(void **state)
{
    struct packet_socket kernel;
    struct packet_frame seen = {0};
    struct rte_mbuf *packet;
    struct timespec start;

    port_fixture_need_namespace();
    assert_int_equal(packet_socket_open(&kernel, if_nametoindex("taptest0")), 0);
    packet = port_fixture_packet(experimental, 30);
    packet->next = port_fixture_packet(experimental + 30, 30);
    packet->nb_segs = 2;
    packet->pkt_len = 60;
    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (seen.len == 0 && !port_fixture_expired(&start)) {
        packet_socket_receive(&kernel, 1);
        packet_socket_next(&kernel, &seen);
    }
    assert_int_equal(seen.len, sizeof experimental);
    assert_memory_equal(seen.data, experimental, sizeof experimental);
    packet_socket_close(&kernel);
}

/* As many are counted as are lost. */
static void frame_without_a_buffer_is_counted(void **state)
{
    static struct rte_mbuf *hoard[16384];
    struct rte_mbuf *packets[PORT_BURST];
    uint64_t before = port->rx_no_buffer;
    unsigned int n = 0;
    uint8_t frame[2100];

    port_fixture_need_namespace();
    assert_int_equal(datagram_through(3, frame, sizeof frame), 45);
    while (n < RTE_DIM(hoard) && (hoard[n] = rte_pktmbuf_alloc(packet_pool())) != NULL)
        n++;
    assert_true(n > 0 && n < RTE_DIM(hoard));
    send_datagram(3);
    while (port->rx_no_buffer == before)
        assert_int_equal(port->ops->rx_burst(port, 0, packets, PORT_BURST), 0);
    before = port->rx_no_buffer;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(port->ops->rx_burst(port, 0, packets, PORT_BURST), 0);
    assert_in_range(port->rx_no_buffer, before, before + 20); /* the kernel may have frames of its own to send */
    rte_pktmbuf_free_bulk(hoard, n);
    assert_int_equal(datagram_through(3, frame, sizeof frame), 45);
}

static void send_small(void)
{
    send_datagram(3);
}

static void frame_wakes_who_waits_for_it(void **state)
{
    port_fixture_need_namespace();
    assert_true(port_fixture_wakes(port, send_small));
    rte_pktmbuf_free(port_fixture_take(port, is_datagram));
}

static void settings_change_while_open(void **state)
{
    struct port_config changed = config;
    struct port_status status = {0};
    char *error = NULL;

    port_fixture_need_namespace();
    changed.mtu = 1400;
    changed.mac.bytes[5] = 0x22;
    assert_int_equal(port->ops->reconfigure(port, &changed, &error), 0);
    port->ops->get_status(port, &status);
    assert_int_equal(status.mtu, 1400);
    assert_memory_equal(status.mac.bytes, changed.mac.bytes, 6);
    assert_true(status.admin_up && status.link_up);
    assert_int_equal(status.ifindex, if_nametoindex("taptest0"));
    assert_string_equal(status.pairs[0].key, "driver_name");
    assert_string_equal(status.pairs[0].value, "tun");
    changed.mtu = 60;
    assert_int_equal(port->ops->reconfigure(port, &changed, &error), -EINVAL);
    assert_string_equal(error, "taptest0: unsupported MTU 60: must be between 68 and 9702");
    free(error);
}

static void device_that_is_down_is_quiet(void **state)
{
    struct port_stats stats = {0};
    struct rte_mbuf *packet, *received[PORT_BURST];

    port_fixture_need_namespace();
    port_fixture_run("ip link set taptest0 down");
    packet = port_fixture_packet(experimental, sizeof experimental);
    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    rte_pktmbuf_free_bulk(received, port->ops->rx_burst(port, 0, received, PORT_BURST));
    port->ops->get_stats(port, &stats);
    assert_string_equal(stats.pairs[0].name, "tx_errors");
    assert_int_equal(stats.pairs[0].value, 1);
}

static void device_goes_with_the_port(void **state)
{
    port_fixture_need_namespace();
    port = port_fixture_open(&config);
    assert_true(kernel_link_exists("taptest0"));
    port_fixture_close(port);
    assert_false(kernel_link_exists("taptest0"));
}

static void bad_names_are_refused(void **state)
{
    const struct port_config too_long = {.name = "sixteen-letters0", .type = "internal"};
    const struct port_config pattern = {.name = "tap%d", .type = "internal"};
    const struct port_config taken = {.name = "lo", .type = "internal"};

    port_fixture_need_namespace();
    port_fixture_refused(&too_long, "could not open network device sixteen-letters0 (File name too long)");
    port_fixture_refused(&pattern, "could not open network device tap%d (Invalid argument)");
    port_fixture_refused(&taken, "could not open network device lo (Invalid argument)");
}

static void tap_attaches_to_what_exists(void **state)
{
    const struct port_config existing = {.name = "taptest1", .type = "tap"};
    const struct port_config fresh = {.name = "taptest2", .type = "tap"};

    port_fixture_need_namespace();
    port_fixture_run("ip tuntap add taptest1 mode tap");
    port = port_fixture_open(&existing);
    port_fixture_close(port);
    assert_true(kernel_link_exists("taptest1"));
    port_fixture_run("ip link del taptest1");
    port = port_fixture_open(&fresh);
    assert_true(kernel_link_exists("taptest2"));
    port_fixture_close(port);
    assert_false(kernel_link_exists("taptest2"));
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PORT(checksum_is_left_to_the_switch),   WITH_PORT(frame_of_full_mtu_arrives),
        WITH_PORT(frame_goes_to_the_kernel),         WITH_PORT(frame_without_a_buffer_is_counted),
        WITH_PORT(settings_change_while_open),       WITH_PORT(device_that_is_down_is_quiet),
        cmocka_unit_test(device_goes_with_the_port), cmocka_unit_test(bad_names_are_refused),
        WITH_PORT(frame_wakes_who_waits_for_it),     cmocka_unit_test(tap_attaches_to_what_exists),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
