// SPDX-License-Identifier: Apache-2.0
/* The stages compiled for each level of processors do the same to the same packets. */
#include "tests/unit/dataplane/station_fixture.h"

#include "dataplane/stages.h"

#define BATCHES 6000u
#define GUESTS  6u

static struct station station;
/* Of the last run: packets that came, and what the account by stage has. */
static uint64_t n_packets, counted[CYCLES_N];

/* What left the switch and what was dropped, in order. */
struct outcome {
    uint64_t digest; /* FNV-1a of ports, lengths and bytes */
    uint64_t n_sent;
    uint64_t drops[DROP_N_REASONS];
};

static void digest(struct outcome *outcome, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        outcome->digest = (outcome->digest ^ bytes[i]) * 0x100000001b3u;
}

static void collect(struct outcome *outcome)
{
    for (uint16_t port = 1; port <= GUESTS; port++) {
        for (unsigned int i = 0; i < station_sent[port].n; i++) {
            const struct rte_mbuf *m = station_sent[port].packets[i];

            outcome->n_sent++;
            digest(outcome, (const uint8_t *)&port, sizeof port);
            digest(outcome, (const uint8_t *)&m->pkt_len, sizeof m->pkt_len);
            digest(outcome, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
        }
        station_drain(port);
    }
}

/* Guests 1 and 2 are policed (TCP to port 80), 5 and 6 are trunks. */
static void start(void)
{
    struct station *s = &station;

    station_start(s, 65536, 4096);
    /* Which flows push one another out follows from the hash, and why a packet is dropped may follow from that. */
    s->worker->cache.seed = (struct hash_seed){{0x0123456789abcdef, 0xfedcba9876543210, 0x1357, 0x2468}};
    world_bridge(&s->w, 1, false);
    for (uint32_t id = 1; id <= GUESTS; id++) {
        struct attachment a = {0};

        a.vlan.all_trunks = id >= 5;
        if (id <= 2)
            world_police(&s->w, id, IPPROTO_TCP, 80);
        else
            world_attach(&s->w, id, a);
    }
    station_settle(s);
}

static struct rte_mbuf *random_frame(uint32_t from, unsigned int *seed)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    static const uint8_t flags[] = {0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x11, 0x04, 0x00};
    struct packet_spec spec = {.src = from,
                               .dst = rand_r(seed) % 20 == 0 ? 0xff : 1 + (uint32_t)rand_r(seed) % GUESTS,
                               .protocol = protocols[rand_r(seed) % 4],
                               .v6 = rand_r(seed) % 6 == 0,
                               .src_port = (uint16_t)(rand_r(seed) % 2 ? 80 : 5000 + rand_r(seed) % 4),
                               .dst_port = (uint16_t)(rand_r(seed) % 2 ? 80 : 5000 + rand_r(seed) % 4),
                               .tcp_flags = flags[(size_t)rand_r(seed) % sizeof flags],
                               .tagged = from >= 5 && rand_r(seed) % 3 == 0,
                               .tci = (uint16_t)(rand_r(seed) % 3),
                               .payload = (uint16_t)(rand_r(seed) % 30)};
    struct frame frame;

    if (spec.protocol == IPPROTO_ICMP) {
        spec.protocol = spec.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
        spec.src_port = spec.v6 ? 128 : 8;
    }
    frame = spec_frame(&spec);
    if (rand_r(seed) % 10 == 0)
        frame.bytes[(uint32_t)rand_r(seed) % frame.len] = (uint8_t)rand_r(seed);
    if (rand_r(seed) % 20 == 0)
        frame.len -= (uint32_t)rand_r(seed) % (frame.len - 1);
    return station_mbuf(frame.bytes, frame.len);
}

static struct outcome run(const char *level, bool timed)
{
    struct outcome outcome = {.digest = 0xcbf29ce484222325u};
    unsigned int seed = 11;

    n_packets = 0;
    assert_int_equal(stages_choose(level), 0);
    start();
    for (uint32_t n = 0; n < BATCHES; n++) {
        struct rte_mbuf *packets[WORKER_BATCH];
        uint16_t size = (uint16_t)(1 + rand_r(&seed) % WORKER_BATCH);
        uint32_t from = 1 + (uint32_t)rand_r(&seed) % GUESTS;

        n_packets += size;
        for (uint16_t i = 0; i < size; i++)
            packets[i] = random_frame(from, &seed);
        if (rand_r(&seed) % 100 == 0)
            conntrack_run(station.w.ct, 0, ++station.tick);
        station_look_around(&station);
        (timed ? stages_current()->forward_timed
               : stages_current()->forward)(station.worker, station.w.snapshot->ports[from], from, packets, size);
        tx_flush(&station.worker->tx, station.w.snapshot);
        collect(&outcome);
    }
    for (uint16_t port = 1; port <= GUESTS; port++) {
        for (int reason = 0; reason < DROP_N_REASONS; reason++)
            outcome.drops[reason] += station_drops(&station, port, reason);
    }
    print_message("%s: %lu sent, %lu hits\n", level, (unsigned long)outcome.n_sent,
                  (unsigned long)station.worker->published.hits);
    assert_true(station.worker->published.hits > BATCHES);
    for (int stage = 0; stage < CYCLES_N; stage++)
        counted[stage] = atomic_load(&station.worker->cycles.stages[stage].packets);
    held_fragments_clear(&station.worker->held);
    station_stop(&station);
    return outcome;
}

static uint64_t all_drops(const struct outcome *outcome)
{
    uint64_t sum = 0;

    for (int reason = 0; reason < DROP_N_REASONS; reason++)
        sum += outcome->drops[reason];
    return sum;
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->n_sent, b->n_sent);
    assert_true(a->digest == b->digest);
    assert_int_equal(all_drops(a), all_drops(b));
}

static void levels_forward_alike(void **state)
{
    static const char *const levels[] = {"x86-64-v3", "x86-64-v4"};
    struct outcome baseline = run("x86-64-v2", false);

    for (size_t i = 0; i < RTE_DIM(levels); i++) {
        struct outcome outcome;

        if (stages_choose(levels[i]) == -ENOTSUP) {
            print_message("%s: not on this processor\n", levels[i]);
            continue;
        }
        outcome = run(levels[i], false);
        assert_same(&outcome, &baseline);
    }
}

static void account_by_stage_changes_nothing_and_counts_every_packet(void **state)
{
    struct outcome plain = run("x86-64-v2", false), timed = run("x86-64-v2", true);

    assert_same(&timed, &plain);
    assert_memory_equal(timed.drops, plain.drops, sizeof plain.drops);
    assert_int_equal(n_packets, counted[CYCLES_KEYS]);
    assert_true(counted[CYCLES_ACT] > 0 && counted[CYCLES_ACT] <= n_packets);
    assert_true(counted[CYCLES_MISS] > 0 && counted[CYCLES_MISS] <= counted[CYCLES_ACT]);
    assert_int_equal(counted[CYCLES_DECAP], 0);
}

static void level_of_no_processor_is_refused(void **state)
{
    assert_int_equal(stages_choose("x86-64-v5"), -ENOENT);
    assert_int_equal(stages_choose(NULL), 0);
    assert_non_null(stages_current());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_forward_alike),
                                       cmocka_unit_test(account_by_stage_changes_nothing_and_counts_every_packet),
                                       cmocka_unit_test(level_of_no_processor_is_refused)};

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
