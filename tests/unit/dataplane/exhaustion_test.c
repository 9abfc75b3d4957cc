// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

/* Someone holds every packet buffer there is: what then needs one is dropped as no_buffer, and only that; when buffers
 * come back everything goes on. */

static struct station s;
static struct rte_mbuf *hoard[16384];
static unsigned int n_hoard;

static int start(void **state)
{
    station_start(&s, 1024, 256);
    station_guests(&s, 4);
    return 0;
}

static int stop(void **state)
{
    station_stop(&s);
    return 0;
}

/* Leaves 'n' buffers. */
static void take_all_but(unsigned int n)
{
    while (n_hoard < RTE_DIM(hoard) && (hoard[n_hoard] = rte_pktmbuf_alloc(packet_pool())) != NULL)
        n_hoard++;
    assert_true(n_hoard > n && n_hoard < RTE_DIM(hoard));
    for (; n > 0; n--)
        rte_pktmbuf_free(hoard[--n_hoard]);
}

static void give_back(void)
{
    rte_pktmbuf_free_bulk(hoard, n_hoard);
    n_hoard = 0;
}

static void broadcast(unsigned int src)
{
    struct packet_spec spec = {src, 2, NULL, IPPROTO_UDP, false, 5, 6, 0, 0, false, 0};
    struct frame f = spec_frame(&spec);

    memset(f.bytes, 0xff, 6);
    station_forward(&s, src, station_mbuf(f.bytes, f.len));
}

static unsigned int drain_all(void)
{
    unsigned int n = 0;

    for (uint16_t port = 1; port <= 4; port++)
        n += station_drain(port);
    return n;
}

static void flood_without_buffers_reaches_one_and_is_counted(void **state)
{
    broadcast(1);
    assert_int_equal(drain_all(), 3);
    take_all_but(1);
    broadcast(1);
    /* Two copies are missing; the packet itself goes out. */
    assert_int_equal(drain_all(), 1);
    assert_int_equal(station_drops(&s, 1, DROP_NO_BUFFER), 2);
    give_back();
    broadcast(1);
    assert_int_equal(drain_all(), 3);
    assert_int_equal(station_drops(&s, 1, DROP_NO_BUFFER), 2);
}

static void known_flow_needs_no_buffer(void **state)
{
    station_udp(&s, 1, 2, 5, 6);
    take_all_but(1);
    for (int i = 0; i < 100; i++) {
        station_udp(&s, 1, 2, 5, 6);
        assert_true(station_drain(2) > 0);
    }
    assert_int_equal(station_drops(&s, 1, DROP_NO_BUFFER), 0);
    give_back();
}

/* Held up by a port that keeps what it was given, as the rings of a device may. */
static void buffers_kept_by_one_port_come_back(void **state)
{
    for (int i = 0; i < STATION_SENT_MAX; i++)
        station_udp(&s, 1, 2, 5, 6);
    take_all_but(1);
    broadcast(1);
    assert_int_equal(station_drops(&s, 1, DROP_NO_BUFFER), 2);
    assert_int_equal(station_drain(2), STATION_SENT_MAX);
    drain_all();
    broadcast(1);
    assert_int_equal(drain_all(), 3);
    give_back();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flood_without_buffers_reaches_one_and_is_counted, start, stop),
        cmocka_unit_test_setup_teardown(known_flow_needs_no_buffer, start, stop),
        cmocka_unit_test_setup_teardown(buffers_kept_by_one_port_come_back, start, stop),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
