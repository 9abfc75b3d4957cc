// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"
#include "tests/unit/dataplane/sent_frame.h"

#include <net/if.h>

#include <rte_ethdev.h>

#include "dataplane/ethdev_tx.h"
#include "dataplane/packet_socket.h"

/* What devices can do, and DPDK's own tap as one that can: it sums and cuts by what the packet says, and the test reads
 * what comes out at the kernel's end. */

#define SUMS                                                                                       \
    (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | \
     RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM)
#define TSO (SUMS | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

static void capabilities_are_told_as_they_are(void **state)
{
    const struct rte_eth_dev_info any = {.driver_name = "net_any"};
    const uint32_t both = OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6;

    assert_int_equal(ethdev_tx_offloads(&any, 0), 0);
    assert_int_equal(ethdev_tx_offloads(&any, RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS), 0);
    assert_int_equal(ethdev_tx_offloads(&any, SUMS), OFFLOAD_CHECKSUM);
    assert_int_equal(ethdev_tx_offloads(&any, TSO & ~RTE_ETH_TX_OFFLOAD_MULTI_SEGS), OFFLOAD_CHECKSUM);
    assert_int_equal(ethdev_tx_offloads(&any, TSO), both);
    assert_int_equal(ethdev_tx_offloads(&any, TSO | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO), both | OFFLOAD_VXLAN);
    assert_int_equal(ethdev_tx_offloads(&any, TSO | RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO), both | OFFLOAD_GENEVE);
    assert_int_equal(
        ethdev_tx_offloads(&any, (TSO & ~RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM) | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO),
        both);
}

static void tso_may_be_switched_off(void **state)
{
    const struct rte_eth_dev_info info = {.driver_name = "net_any", .tx_offload_capa = UINT64_MAX};

    assert_int_equal(ethdev_tx_offloads(&info, ethdev_tx_capabilities(&info, false)),
                     OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_VXLAN | OFFLOAD_GENEVE);
    assert_int_equal(ethdev_tx_offloads(&info, ethdev_tx_capabilities(&info, true)), OFFLOAD_CHECKSUM);
}

static struct packet_socket kernel;
static struct port *port;

static int set_up(void **state)
{
    static const struct port_option option = {"dpdk-devargs", "net_tap0,iface=taptx0"};
    const struct port_config config = {
        .name = "tap", .type = "dpdk", .options = &option, .n_options = 1, .n_workers = 1};

    if (!port_fixture_has_namespace)
        return 0;
    port = port_fixture_open(&config);
    return packet_socket_open(&kernel, if_nametoindex("taptx0"));
}

static int tear_down(void **state)
{
    if (!port_fixture_has_namespace)
        return 0;
    packet_socket_close(&kernel);
    port_fixture_close(port);
    return 0;
}

/* The next frame from our source address. */
static bool receive_ours(struct packet_frame *seen)
{
    struct timespec start;

    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!port_fixture_expired(&start)) {
        packet_socket_receive(&kernel, 1);
        if (packet_socket_next(&kernel, seen) && seen->len > 12 && seen->data[6] == 2 && seen->data[11] == 1)
            return true;
    }
    return false;
}

static void device_finishes_what_is_pending(void **state)
{
    static struct sent_frame frame;

    port_fixture_need_namespace();
    assert_int_equal(atomic_load(&port->tx_offloads), OFFLOAD_CHECKSUM | OFFLOAD_TSO4);
    for (unsigned int i = 0; i < 6; i++) {
        const struct sent_spec spec = {
            .kind = i / 2, .v6 = i & 1, .payload_len = i / 2 == SENT_TSO ? 5000 : 901, .mss = 1400};
        uint32_t done = 0;
        struct rte_mbuf *packet;

        if (spec.kind == SENT_TSO && spec.v6)
            continue;
        sent_make(&frame, &spec);
        /* Not chained at odd bytes: DPDK 22.11's tap sums such packets wrongly. */
        packet = sent_packet(frame.bytes, frame.len, false);
        assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
        assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
        while (done < spec.payload_len) {
            struct packet_frame seen = {0};
            const uint8_t *l4;

            assert_true(receive_ours(&seen));
            l4 = seen.data + frame.l4;
            assert_true(seen.len <= 1514 && seen.len > frame.payload);
            assert_int_equal(sent_l4_sum(seen.data + frame.l3, l4, i / 2 == SENT_UDP ? 17 : 6, seen.len - frame.l4),
                             0xffff);
            if (!spec.v6)
                assert_int_equal(sent_sum(seen.data + frame.l3, 20, 0), 0xffff);
            assert_memory_equal(seen.data + frame.payload, frame.bytes + frame.payload + done,
                                seen.len - frame.payload);
            done += seen.len - frame.payload;
        }
        assert_int_equal(done, spec.payload_len);
    }
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capabilities_are_told_as_they_are),
        cmocka_unit_test(tso_may_be_switched_off),
        cmocka_unit_test_setup_teardown(device_finishes_what_is_pending, set_up, tear_down),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
