// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

#include <unistd.h>

#include "dataplane/dataplane.h"

/* Workers with threads of their own, and a guest 1 that sends a given number of datagrams to guest 2, whose rule 1 lets
 * them in. Nothing of what is counted in a worker's cache gets lost, however it comes out. */
static _Atomic uint32_t to_send, n_arrived;

static uint16_t make_packets(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    struct frame f =
        spec_frame(&(struct packet_spec){.src = 1, .dst = 2, .protocol = IPPROTO_UDP, .src_port = 5, .dst_port = 53});
    uint16_t made = 0;

    while (port->index == 1 && made < n && atomic_load(&to_send) > 0) {
        packets[made++] = station_mbuf(f.bytes, f.len);
        atomic_fetch_sub(&to_send, 1);
    }
    return made;
}

static uint16_t take_packets(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    if (port->index == 2)
        atomic_fetch_add(&n_arrived, n);
    rte_pktmbuf_free_bulk(packets, n);
    return n;
}

static const struct port_ops ops = {.type = "test", .rx_burst = make_packets, .tx_burst = take_packets};

static void add_guest(struct snapshot *edit, uint16_t id)
{
    struct rule rule = world_rule(1, IPPROTO_UDP, 53);
    struct attachment *a = calloc(1, sizeof *a);
    struct port *port = port_create("p", id, &ops);

    port->n_rxq = 1;
    port->ready = true;
    assert_int_equal(snapshot_set_port(edit, id, port), 0);
    *a = (struct attachment){.port = id, .bridge = 1, .has_policy = id == 2, .vlan = {.all_trunks = true}};
    if (id == 2)
        a->policy = world_policy(&rule, 1);
    assert_int_equal(snapshot_set_attachment(edit, id, a), 0);
}

static void reclaim(void)
{
    struct port *port;

    dataplane_reclaim();
    while ((port = dataplane_next_closed_port()) != NULL)
        port_destroy(port);
}

static int start(void **state)
{
    struct dataplane_config config = {.flow_entries = 1024, .session_capacity = 1024};
    struct bridge *bridge = calloc(1, sizeof *bridge);
    struct mac_addr mac = {{2, 0, 0, 0, 0, 2}};
    unsigned int cpu = 0;
    struct snapshot *edit;
    char *error = NULL;

    assert_int_equal(dataplane_init(&config, &error), 0);
    rule_counters_begin(1);
    edit = dataplane_edit();
    bridge->fdb = fdb_create();
    fdb_learn(bridge->fdb, 0, &mac, 2, dataplane_now());
    assert_int_equal(snapshot_set_bridge(edit, 1, bridge), 0);
    add_guest(edit, 1);
    add_guest(edit, 2);
    dataplane_publish(edit);
    return dataplane_set_workers(&cpu, 1, &error);
}

static int stop(void **state)
{
    dataplane_stop();
    reclaim();
    return 0;
}

static void send_packets(uint32_t n)
{
    atomic_store(&n_arrived, 0);
    atomic_store(&to_send, n);
    while (atomic_load(&n_arrived) < n)
        usleep(50);
}

static uint64_t packets_of(uint32_t rule)
{
    struct rule_counter sum;

    rule_counters_sum(rule, &sum);
    return sum.packets;
}

static void harvest_has_what_workers_forwarded_until_now(void **state)
{
    send_packets(1000);
    dataplane_harvest();
    assert_int_equal(packets_of(1), 1000);
    send_packets(500);
    dataplane_harvest();
    dataplane_harvest();
    assert_int_equal(packets_of(1), 1500);
}

static void worker_that_stops_takes_no_counts_with_it(void **state)
{
    uint64_t before = packets_of(1);
    char *error = NULL;

    send_packets(1000);
    assert_int_equal(dataplane_set_workers(NULL, 0, &error), 0);
    assert_int_equal(packets_of(1) - before, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harvest_has_what_workers_forwarded_until_now),
        cmocka_unit_test(worker_that_stops_takes_no_counts_with_it),
    };

    if (station_group_start(NULL) != 0)
        return 1;
    return cmocka_run_group_tests(tests, start, stop);
}
