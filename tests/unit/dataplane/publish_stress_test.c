// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

#include <unistd.h>

#include "dataplane/dataplane.h"
#include "overlay/decap.h"

/* Two workers forward as fast as they can between ports that make packets up, while the configuration changes under
 * them all the time. Built with a sanitizer this looks for races and for what is read after it was freed; in any build:
 *
 *   guest 3 -> guest 2, UDP port 7777: every policy allows it, so what is sent arrives;
 *   any guest -> guest 1, UDP port 6666: no policy allows it, so it never arrives;
 *   a queue is never polled by two workers at once, nor one of a port that was closed. */
#define GUESTS     8u
#define ROUNDS     400u
#define KEPT_PORT  7777
#define NEVER_PORT 6666

static struct {
    atomic_flag polled;
    uint32_t random;
    _Atomic bool closed;
} sources[PORTS_MAX];

static _Atomic uint32_t n_sent, n_arrived, n_never, n_wrong;

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

static struct rte_mbuf *make_packet(uint16_t port)
{
    uint32_t r = next_random(&sources[port].random);
    struct packet_spec spec = {.src = port,
                               .dst = 1 + r % GUESTS,
                               .protocol = r & 0x100 ? IPPROTO_TCP : IPPROTO_UDP,
                               .v6 = r & 0x200,
                               .src_port = (uint16_t)(1000 + (r >> 10) % 64),
                               .dst_port = r & 0x400 ? NEVER_PORT : 80,
                               .tcp_flags = r & 0x800 ? SYN : ACK};
    struct frame f;
    struct rte_mbuf *m;

    if (port == 3)
        spec = (struct packet_spec){
            .src = 3, .dst = 2, .protocol = IPPROTO_UDP, .src_port = (uint16_t)(r % 999), .dst_port = KEPT_PORT};
    else if (spec.dst == 2)
        spec.dst = 0xff;
    m = rte_pktmbuf_alloc(packet_pool());
    if (m == NULL)
        return NULL;
    f = spec_frame(&spec);
    memcpy(rte_pktmbuf_append(m, (uint16_t)f.len), f.bytes, f.len);
    return m;
}

static uint16_t make_packets(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    uint16_t made = 0;

    if (atomic_load(&sources[port->index].closed) || atomic_flag_test_and_set(&sources[port->index].polled)) {
        atomic_fetch_add(&n_wrong, 1);
        return 0;
    }
    while (made < 8 && (packets[made] = make_packet(port->index)) != NULL)
        made++;
    if (port->index == 3)
        atomic_fetch_add(&n_sent, made);
    atomic_flag_clear(&sources[port->index].polled);
    return made;
}

static uint16_t take_packets(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    if (atomic_load(&sources[port->index].closed))
        atomic_fetch_add(&n_wrong, 1);
    for (uint16_t i = 0; i < n; i++) {
        const uint8_t *frame = rte_pktmbuf_mtod(packets[i], const uint8_t *);
        uint16_t dst_port = (uint16_t)(frame[36] << 8 | frame[37]);

        if (frame[12] == 0x08 && frame[23] == IPPROTO_UDP && frame[5] == port->index) {
            n_arrived += port->index == 2 && dst_port == KEPT_PORT;
            n_never += port->index == 1 && dst_port == NEVER_PORT;
        }
    }
    rte_pktmbuf_free_bulk(packets, n);
    return n;
}

static const struct port_ops stress_ops = {.type = "test", .rx_burst = make_packets, .tx_burst = take_packets};

static void add_port(struct snapshot *edit, uint16_t index)
{
    struct port *port = port_create("p", index, &stress_ops);

    assert_non_null(port);
    port->n_rxq = 1;
    port->ready = true;
    atomic_store(&sources[index].closed, false);
    sources[index].random = index * 7919u;
    assert_int_equal(snapshot_set_port(edit, index, port), 0);
}

static void set_guest(struct snapshot *edit, uint32_t id, uint32_t round)
{
    struct rule rules[2] = {world_rule(1, IPPROTO_UDP, KEPT_PORT), world_rule(2, IPPROTO_TCP, round & 1 ? 80 : 81)};
    struct attachment *a = calloc(1, sizeof *a);

    *a = (struct attachment){.port = (uint16_t)id, .bridge = 1, .has_policy = id != 4, .vlan = {.all_trunks = true}};
    if (id != 4)
        a->policy = world_policy(rules, 2);
    assert_int_equal(snapshot_set_attachment(edit, id, a), 0);
}

static void set_bridge(struct snapshot *edit, uint32_t round)
{
    const struct bridge *old = snapshot_bridge(edit, 1);
    struct bridge *bridge = calloc(1, sizeof *bridge);

    bridge->fdb = old ? old->fdb : fdb_create();
    bridge->forward_bpdu = round & 1;
    assert_int_equal(snapshot_set_bridge(edit, 1, bridge), 0);
}

/* Port and attachment 8 come and go; everything else is replaced by its like. */
static void change_something(struct snapshot *edit, uint32_t round)
{
    struct decap_endpoint own = {.addr = round, .bridge = 1};
    struct next_hop hop = {.state = NEXT_HOP_READY, .remote = round + 1, .bridge = 1};

    for (uint32_t id = 1; id < GUESTS; id++) {
        if ((round + id) % 3 == 0)
            set_guest(edit, id, round);
    }
    if (round % 4 == 1) {
        assert_int_equal(snapshot_set_attachment(edit, GUESTS, NULL), 0);
        assert_int_equal(snapshot_set_port(edit, GUESTS, NULL), 0);
    } else if (snapshot_port(edit, GUESTS) == NULL) {
        add_port(edit, GUESTS);
        set_guest(edit, GUESTS, round);
    }
    set_bridge(edit, round);
    assert_int_equal(snapshot_set_decap_table(edit, decap_table_create(&own, 1, NULL, 0)), 0);
    assert_int_equal(snapshot_set_next_hop(edit, 1 + round % 9, &hop), 0);
}

static void reclaim(void)
{
    struct port *port;

    dataplane_reclaim();
    while ((port = dataplane_next_closed_port()) != NULL) {
        atomic_store(&sources[port->index].closed, true);
        port_destroy(port);
    }
}

/* A port number is used again only after its former port is closed, as control does it. */
static void settle(uint32_t sequence)
{
    while (!dataplane_is_applied(sequence) || dataplane_reclaim())
        usleep(50);
    reclaim();
}

static void count_flow_copy(void *aux, const struct flow_copy *flow)
{
    (*(uint32_t *)aux)++;
}

static void set_workers(uint32_t round)
{
    unsigned int cpus[2] = {round & 1, !(round & 1)};
    long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    char *error = NULL;

    if (n_cpus < 2)
        cpus[0] = 0;
    assert_int_equal(dataplane_set_workers(cpus, n_cpus < 2 ? 1 : 1 + round / 2 % 2, &error), 0);
}

static void print_drops(void)
{
    for (uint16_t i = 1; i <= GUESTS; i++) {
        const struct port *port = snapshot_port(dataplane_current(), i);
        struct port_counters sum;

        if (port == NULL)
            continue;
        port_counters_sum(port, &sum);
        for (int reason = 0; reason < DROP_N_REASONS; reason++) {
            if (sum.drops[reason] > 0)
                print_message("port %u: %lu %s\n", i, (unsigned long)sum.drops[reason],
                              drop_reason_name((enum drop_reason)reason));
        }
    }
}

static void configuration_changes_under_traffic(void **state)
{
    struct dataplane_config config = {.flow_entries = 1024, .session_capacity = 262144};
    struct snapshot *edit;
    char *error = NULL;
    uint32_t n_flows = 0;

    assert_int_equal(dataplane_init(&config, &error), 0);
    edit = dataplane_edit();
    set_bridge(edit, 0);
    for (uint16_t id = 1; id <= GUESTS; id++) {
        add_port(edit, id);
        set_guest(edit, id, 0);
    }
    settle(dataplane_publish(edit));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (round % 16 == 0)
            set_workers(round / 16);
        change_something(dataplane_edit(), round);
        settle(dataplane_publish(dataplane_edit()));
        if (round % 32 == 0)
            dataplane_dump_flows(count_flow_copy, &n_flows);
        if (round % 8 == 0)
            dataplane_revalidate();
        if (round % 64 == 63)
            conntrack_flush(dataplane_conntrack(), 0, true);
        usleep(500);
    }
    dataplane_stop();
    reclaim();
    print_drops();
    print_message("%u sent, %u flows seen\n", n_sent, n_flows);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_never, 0);
    assert_true(n_sent > 0 && n_flows > 0);
    assert_int_equal(n_arrived, n_sent);
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(configuration_changes_under_traffic)};

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
