// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include <rte_ethdev.h>
#include <rte_version.h>

static struct port *open_with(const char *name, const struct port_option *options, size_t n, char **error)
{
    const struct port_config config = {
        .name = name, .type = "dpdk", .options = options, .n_options = n, .n_workers = 2};

    return port_fixture_try(&config, error);
}

static struct port *open_device(const char *name, const char *devargs)
{
    const struct port_option option = {"dpdk-devargs", devargs};
    char *error;
    struct port *port = open_with(name, &option, 1, &error);

    if (port == NULL)
        fail_msg("%s", error);
    return port;
}

static void refuse(const char *devargs, const char *key, const char *value, const char *expected)
{
    const struct port_option options[] = {{"dpdk-devargs", devargs}, {key, value}};
    char *error;

    assert_null(devargs == NULL ? open_with("p1", NULL, 0, &error)
                                : open_with("p1", options, key != NULL ? 2 : 1, &error));
    assert_string_equal(error, expected);
    free(error);
}

static const char *status_value(const struct port_status *status, const char *key)
{
    for (size_t i = 0; i < status->n_pairs; i++) {
        if (strcmp(status->pairs[i].key, key) == 0)
            return status->pairs[i].value;
    }
    return "";
}

static void device_is_attached_and_removed(void **state)
{
    struct port *port = open_device("p1", "net_null0");

    assert_int_equal(rte_eth_dev_count_avail(), 1);
    assert_int_equal(port->n_rxq, 1);
    assert_true(port->n_txq >= 1 && port->n_txq <= 2);
    assert_true(port->ready);
    port_fixture_close(port);
    assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void device_may_be_opened_again(void **state)
{
    for (int i = 0; i < 3; i++)
        port_fixture_close(open_device("p1", "net_null0,size=128"));
    assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void frames_come_and_go(void **state)
{
    struct port *port = open_device("p1", "net_null0,size=100");
    struct rte_mbuf *packets[PORT_BURST];

    assert_int_equal(port->ops->rx_burst(port, 0, packets, PORT_BURST), PORT_BURST);
    assert_int_equal(packets[0]->pkt_len, 100);
    assert_int_equal(port->ops->tx_burst(port, 0, packets, PORT_BURST), PORT_BURST);
    port_fixture_close(port);
}

static void ring_returns_what_was_sent(void **state)
{
    struct port *port = open_device("p1", "net_ring0");
    struct rte_mbuf *packet = port_fixture_packet((const uint8_t *)"0123456789abcdef", 16);
    struct rte_mbuf *received[PORT_BURST];

    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    assert_int_equal(port->ops->rx_burst(port, 0, received, PORT_BURST), 1);
    assert_ptr_equal(received[0], packet);
    rte_pktmbuf_free(packet);
    port_fixture_close(port);
}

static void bad_devargs_are_explained(void **state)
{
    refuse(NULL, NULL, NULL, "'p1' is missing 'options:dpdk-devargs'. The old 'dpdk<port_id>' names are not supported");
    refuse("", NULL, NULL, "Error attaching device '' to DPDK");
    refuse("0000:99:00.0", NULL, NULL, "Error attaching device '0000:99:00.0' to DPDK");
    refuse("net_nosuch0", NULL, NULL, "Error attaching device 'net_nosuch0' to DPDK");
    refuse("not a device,=,", NULL, NULL, "Error attaching device 'not a device,=,' to DPDK");
    refuse("class=eth,mac=02:00:00:00:00:01", NULL, NULL,
           "Error attaching device 'class=eth,mac=02:00:00:00:00:01' to DPDK");
    refuse("class=eth,mac=nonsense", NULL, NULL, "Error attaching device 'class=eth,mac=nonsense' to DPDK");
    assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void bad_options_are_explained(void **state)
{
    refuse("net_null0", "n_rxq", "0", "p1: bad 'n_rxq' '0': must be between 1 and 16");
    refuse("net_null0", "n_rxq", "many", "p1: bad 'n_rxq' 'many': must be between 1 and 16");
    refuse("net_null0", "n_rxq_desc", "5000", "p1: bad 'n_rxq_desc' '5000': must be between 1 and 4096");
    refuse("net_null0", "n_txq_desc", "-1", "p1: bad 'n_txq_desc' '-1': must be between 1 and 4096");
    assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void device_belongs_to_one_port(void **state)
{
    struct port *port = open_device("p0", "net_null0");

    refuse("net_null0", NULL, NULL, "'p1' is trying to use device 'net_null0' which is already in use by 'p0'");
    port_fixture_close(port);
    port_fixture_close(open_device("p1", "net_null0"));
}

static void device_is_found_by_mac(void **state)
{
    struct port *port = open_device("p0", "net_null0");
    struct port_status status = {0};
    char devargs[64], mac[MAC_TEXT_LEN], expected[160];

    port->ops->get_status(port, &status);
    snprintf(devargs, sizeof devargs, "class=eth,mac=%s", mac_addr_format(&status.mac, mac));
    snprintf(expected, sizeof expected, "'p1' is trying to use device '%s' which is already in use by 'p0'", devargs);
    refuse(devargs, NULL, NULL, expected);
    port_fixture_close(port);
}

static void status_describes_the_device(void **state)
{
    struct port *port = open_device("p0", "net_null0");
    struct port_status status = {0};
    char expected[100];

    port->ops->get_status(port, &status);
    snprintf(expected, sizeof expected, "%s net_null", rte_version());
    assert_true(status.admin_up && status.link_up);
    assert_int_equal(status.mtu, 1500);
    assert_int_equal(status.link_speed, 10000000000);
    assert_true(status.ifindex > 0 && status.ifindex < 1 << 24);
    assert_string_equal(status_value(&status, "driver_name"), "net_null");
    assert_string_equal(status_value(&status, "if_descr"), expected);
    assert_string_equal(status_value(&status, "link_speed"), "10Gbps");
    assert_string_equal(status_value(&status, "bus_info"), "bus_name=vdev");
    port_fixture_close(port);
}

static void change_of_queues_needs_reopening(void **state)
{
    const struct port_option options[] = {{"dpdk-devargs", "net_null0"}, {"n_rxq", "2"}};
    struct port_config config = {.name = "p0", .type = "dpdk", .options = options, .n_options = 1, .n_workers = 2};
    struct port *port = port_fixture_open(&config);
    char *error = NULL;

    assert_int_equal(port->ops->reconfigure(port, &config, &error), 0);
    config.mtu = 9000;
    assert_int_equal(port->ops->reconfigure(port, &config, &error), -EAGAIN);
    config.mtu = 0;
    config.n_options = 2;
    assert_int_equal(port->ops->reconfigure(port, &config, &error), -EAGAIN);
    port_fixture_close(port);
    port_fixture_close(port_fixture_open(&config));
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_is_attached_and_removed),
        cmocka_unit_test(device_may_be_opened_again),
        cmocka_unit_test(frames_come_and_go),
        cmocka_unit_test(ring_returns_what_was_sent),
        cmocka_unit_test(bad_devargs_are_explained),
        cmocka_unit_test(bad_options_are_explained),
        cmocka_unit_test(device_belongs_to_one_port),
        cmocka_unit_test(device_is_found_by_mac),
        cmocka_unit_test(status_describes_the_device),
        cmocka_unit_test(change_of_queues_needs_reopening),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
