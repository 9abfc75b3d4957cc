// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

#include <unistd.h>

#include "dataplane/dataplane.h"

/* Connections whose requests one worker forwards and whose replies another, while snapshots are published, rules change,
 * sessions expire and the two workers exchange their queues:
 *
 *   guest 1 (clients) ── worker A ──► guest 2 (servers): what its rules let in
 *   guest 1           ◄── worker B ── guest 2: replies only, guest 1 lets nothing in
 *
 * An end sends the next packet of a connection when the former one has arrived, so a single lost reply leaves a connection
 * unfinished. The ports are the guests: what is sent to one is read, and answered when its queue is polled. */
#define CLIENT       1u
#define SERVER       2u
#define LIVE         256u /* connections at once */
#define DATA_ROUNDS  6u
#define ROUNDS       1500u
#define OPEN_PORT    80   /* always allowed, TCP and UDP */
#define SOMETIMES    7000 /* UDP, allowed in half of the rounds */
#define NEVER_PORT   6666
#define FIRST_PORT   2000u
#define PORTS_N      60000u
#define HELD         500u /* connections that stay open at the end */
#define TICKS_FASTER 40u  /* a second of sessions is so much shorter, so that they expire */
/* Offsets in an untagged IPv4 frame. */
#define SRC_PORT_AT 34
#define DST_PORT_AT 36
#define FLAGS_AT    47
#define LENGTH_AT   17
#define MARK        40 /* bytes of payload more */

enum kind { KIND_FIN, KIND_RESET, KIND_UDP, KIND_N };

/* Belongs to the end that has its last packet. */
struct connection {
    enum kind kind;
    uint16_t port; /* the client's */
    unsigned int step;
};

/* From the worker that sends to an end to the one that polls it. */
struct inbox {
    uint32_t connections[1024];
    _Atomic uint32_t head, tail;
};

static struct connection connections[PORTS_N];
static struct inbox inboxes[3];
static uint32_t next_port;    /* the client's */
static uint32_t n_live;       /* the client's */
static _Atomic uint32_t done; /* connections that are over */
static _Atomic uint32_t n_started, n_arrived, n_wrong, n_forbidden, n_sometimes;
static _Atomic bool stop_opening, hold;
static _Atomic bool forbidden; /* what 'SOMETIMES' is for is refused by every worker */
static uint32_t randoms[3];
static atomic_flag polled[3];

static uint32_t next_random(unsigned int end)
{
    randoms[end] = randoms[end] * 1664525u + 1013904223u;
    return randoms[end] >> 8;
}

static struct rte_mbuf *make(unsigned int from, uint8_t protocol, uint16_t src_port, uint16_t dst_port, uint8_t flags,
                             uint16_t payload)
{
    struct packet_spec spec = {.src = from,
                               .dst = from == CLIENT ? SERVER : CLIENT,
                               .protocol = protocol,
                               .src_port = src_port,
                               .dst_port = dst_port,
                               .tcp_flags = flags,
                               .payload = payload};
    struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
    struct frame f;

    if (m == NULL) {
        atomic_fetch_add(&n_wrong, 1);
        return NULL;
    }
    f = spec_frame(&spec);
    memcpy(rte_pktmbuf_append(m, (uint16_t)f.len), f.bytes, f.len);
    return m;
}

/* Even steps are the client's. */
static uint8_t flags_of(const struct connection *c)
{
    static const uint8_t closing[] = {FIN | ACK, FIN | ACK, ACK};

    if (c->step == 0)
        return SYN;
    if (c->step == 1)
        return SYN | ACK;
    if (c->step < 2 + 2 * DATA_ROUNDS)
        return ACK;
    return c->kind == KIND_RESET ? RST | ACK : closing[c->step - 2 - 2 * DATA_ROUNDS];
}

static unsigned int last_step(const struct connection *c)
{
    return 2 + 2 * DATA_ROUNDS + (c->kind == KIND_FIN ? 2 : 0);
}

static struct rte_mbuf *make_next(struct connection *c)
{
    unsigned int from = c->step % 2 == 0 ? CLIENT : SERVER;
    uint16_t src_port = from == CLIENT ? c->port : OPEN_PORT;
    uint16_t dst_port = from == CLIENT ? OPEN_PORT : c->port;

    return make(from, c->kind == KIND_UDP ? IPPROTO_UDP : IPPROTO_TCP, src_port, dst_port, flags_of(c), 0);
}

static struct connection *open_next(void)
{
    struct connection *c = &connections[next_port++ % PORTS_N];

    *c = (struct connection){.kind = (enum kind)(next_random(CLIENT) % KIND_N),
                             .port = (uint16_t)(FIRST_PORT + (uint32_t)(c - connections))};
    atomic_fetch_add_explicit(&n_started, 1, memory_order_relaxed);
    return c;
}

/* A packet that must not arrive, or one that may only at times. */
static struct rte_mbuf *make_other(unsigned int from)
{
    uint32_t r = next_random(from);
    uint16_t port = (uint16_t)(1000 + r % 500);

    if (from == SERVER)
        return make(SERVER, r & 0x10000 ? IPPROTO_TCP : IPPROTO_UDP, 9, port, SYN, 0);
    if (r & 0x20000)
        return make(CLIENT, r & 0x10000 ? IPPROTO_TCP : IPPROTO_UDP, port, NEVER_PORT, SYN, 0);
    /* The length tells whether it was sent while nobody may let it in. */
    return make(CLIENT, IPPROTO_UDP, port, SOMETIMES, 0, atomic_load(&forbidden) ? MARK : 0);
}

static uint16_t poll_end(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n)
{
    unsigned int end = port->index;
    struct inbox *inbox = &inboxes[end];
    uint32_t tail = atomic_load_explicit(&inbox->tail, memory_order_relaxed);
    uint16_t made = 0;

    if (atomic_flag_test_and_set(&polled[end])) {
        atomic_fetch_add(&n_wrong, 1);
        return 0;
    }
    for (; made < 16 && tail != atomic_load_explicit(&inbox->head, memory_order_acquire); tail++)
        packets[made++] = make_next(&connections[inbox->connections[tail % 1024]]);
    atomic_store_explicit(&inbox->tail, tail, memory_order_release);
    if (end == CLIENT) {
        for (uint32_t over = atomic_load(&done); made < 24 && n_live - over < LIVE && !atomic_load(&stop_opening);
             n_live++)
            packets[made++] = make_next(open_next());
    }
    if (next_random(end) % 4 == 0)
        packets[made++] = make_other(end);
    atomic_flag_clear(&polled[end]);
    return made;
}

/* The next step of the connection is for the end that has just got this packet, unless it is over. */
static void take_one(unsigned int end, const uint8_t *frame)
{
    uint16_t src_port = (uint16_t)(frame[SRC_PORT_AT] << 8 | frame[SRC_PORT_AT + 1]);
    uint16_t dst_port = (uint16_t)(frame[DST_PORT_AT] << 8 | frame[DST_PORT_AT + 1]);
    uint16_t port = end == SERVER ? src_port : dst_port;
    struct inbox *inbox = &inboxes[end];
    uint32_t head = atomic_load_explicit(&inbox->head, memory_order_relaxed);
    struct connection *c;

    if (end == SERVER && dst_port == SOMETIMES) {
        atomic_fetch_add(&n_sometimes, 1);
        atomic_fetch_add(&n_forbidden, frame[LENGTH_AT] > MARK);
        return;
    }
    if (port < FIRST_PORT || (end == SERVER ? dst_port : src_port) != OPEN_PORT) {
        atomic_fetch_add(&n_forbidden, 1);
        return;
    }
    c = &connections[port - FIRST_PORT];
    atomic_fetch_add_explicit(&n_arrived, 1, memory_order_relaxed);
    if (c->kind != KIND_UDP && frame[FLAGS_AT] != flags_of(c))
        atomic_fetch_add(&n_wrong, 1);
    if (c->step == last_step(c) || (c->step == 3 && atomic_load(&hold))) {
        atomic_fetch_add(&done, 1);
        return;
    }
    c->step++;
    inbox->connections[head % 1024] = (uint32_t)(c - connections);
    atomic_store_explicit(&inbox->head, head + 1, memory_order_release);
}

static uint16_t take(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++)
        take_one(port->index, rte_pktmbuf_mtod(packets[i], const uint8_t *));
    rte_pktmbuf_free_bulk(packets, n);
    return n;
}

static const struct port_ops end_ops = {.type = "test", .rx_burst = poll_end, .tx_burst = take};

static void set_end(struct snapshot *edit, uint16_t id, bool sometimes)
{
    struct rule rules[3] = {world_rule(1, IPPROTO_TCP, OPEN_PORT), world_rule(2, IPPROTO_UDP, OPEN_PORT),
                            world_rule(3, IPPROTO_UDP, SOMETIMES)};
    struct attachment *a = calloc(1, sizeof *a);

    *a = (struct attachment){.port = id, .bridge = 1, .has_policy = true, .vlan = {.all_trunks = true}};
    a->policy = world_policy(rules, id == CLIENT ? 0 : sometimes ? 3 : 2);
    assert_int_equal(snapshot_set_attachment(edit, id, a), 0);
}

static void add_end(struct snapshot *edit, uint16_t id)
{
    struct port *port = port_create("end", id, &end_ops);

    assert_non_null(port);
    port->n_rxq = 1;
    port->ready = true;
    randoms[id] = id;
    assert_int_equal(snapshot_set_port(edit, id, port), 0);
    set_end(edit, id, true);
}

/* The control thread's part between two steps: what main loop does. */
static void settle(uint32_t sequence)
{
    while (!dataplane_is_applied(sequence) || dataplane_reclaim() || dataplane_run_queues())
        usleep(50);
}

static int start(void **state)
{
    struct dataplane_config config = {.flow_entries = 4096, .session_capacity = 262144};
    struct bridge *bridge = calloc(1, sizeof *bridge);
    unsigned int cpus[2] = {0, 1};
    struct snapshot *edit;
    char *error = NULL;

    assert_int_equal(dataplane_init(&config, &error), 0);
    dataplane_shared.tsc_hz /= TICKS_FASTER;
    edit = dataplane_edit();
    bridge->fdb = fdb_create();
    for (uint8_t id = CLIENT; id <= SERVER; id++)
        fdb_learn(bridge->fdb, 0, &(struct mac_addr){{2, 0, 0, 0, 0, id}}, id, dataplane_now());
    assert_int_equal(snapshot_set_bridge(edit, 1, bridge), 0);
    add_end(edit, CLIENT);
    add_end(edit, SERVER);
    for (uint32_t rule = 1; rule <= 3; rule++)
        rule_counters_begin(rule);
    settle(dataplane_publish(edit));
    return dataplane_set_workers(cpus, sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1, &error);
}

static int stop(void **state)
{
    dataplane_stop();
    settle(0);
    return 0;
}

static void exchange_queues(uint32_t round)
{
    snapshot_port(dataplane_current(), CLIENT)->rxq_places[0].cpu = (uint16_t)(1 + round % 2);
    snapshot_port(dataplane_current(), SERVER)->rxq_places[0].cpu = (uint16_t)(2 - round % 2);
}

static void change_something(uint32_t round)
{
    bool sometimes = round / 4 % 2 == 0;
    struct snapshot *edit = dataplane_edit();

    /* From here on until it is refused everywhere, both is right. */
    atomic_store(&forbidden, false);
    if (round % 100 == 0)
        exchange_queues(round / 100);
    set_end(edit, SERVER, sometimes);
    if (round % 3 == 0)
        set_end(edit, CLIENT, false);
    settle(dataplane_publish(edit));
    atomic_store(&forbidden, !sometimes);
    if (round % 8 == 0)
        dataplane_revalidate();
}

static void await_all(void)
{
    for (int i = 0; i < 200000 && atomic_load(&done) != atomic_load(&n_started); i++)
        usleep(100);
    assert_int_equal(atomic_load(&done), atomic_load(&n_started));
}

static uint64_t count_packets(uint32_t first_rule, uint32_t last_rule)
{
    uint64_t packets = 0;

    dataplane_harvest();
    for (uint32_t rule = first_rule; rule <= last_rule; rule++) {
        struct rule_counter sum;

        rule_counters_sum(rule, &sum);
        packets += sum.packets;
    }
    return packets;
}

static void connections_live_while_everything_changes(void **state)
{
    uint32_t most = 0;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t n = conntrack_count(dataplane_conntrack());

        most = n > most ? n : most;
        change_something(round);
        usleep(500);
    }
    atomic_store(&stop_opening, true);
    await_all();
    print_message("%u connections, %u packets, at most %u sessions, %u in the end\n", n_started, n_arrived, most,
                  conntrack_count(dataplane_conntrack()));
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_forbidden, 0);
    assert_true(n_sometimes > 0);
    assert_int_equal(count_packets(1, 2), n_arrived);
}

/* Refused packets go on; they have no session. */
static void each_open_connection_has_one_session(void **state)
{
    uint32_t before = atomic_load(&n_started);

    set_end(dataplane_edit(), SERVER, false);
    settle(dataplane_publish(dataplane_edit()));
    conntrack_flush(dataplane_conntrack(), 0, true);
    dataplane_revalidate();
    assert_int_equal(conntrack_count(dataplane_conntrack()), 0);
    atomic_store(&hold, true);
    atomic_store(&stop_opening, false);
    while (atomic_load(&n_started) < before + HELD)
        usleep(10);
    atomic_store(&stop_opening, true);
    await_all();
    assert_int_equal(conntrack_count(dataplane_conntrack()), atomic_load(&n_started) - before);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_forbidden, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_live_while_everything_changes),
        cmocka_unit_test(each_open_connection_has_one_session),
    };

    if (station_group_start(NULL) != 0)
        return 1;
    return cmocka_run_group_tests(tests, start, stop);
}
