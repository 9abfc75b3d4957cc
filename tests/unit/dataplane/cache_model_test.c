// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/station_fixture.h"

/* The same packets and changes through two switches: one with its flow cache, and one that forgets every flow at once,
 * so that each packet is resolved from the ground up. What leaves them must be the same, byte for byte. */
#define SEED    0x5eed2u
#define PACKETS 100000u
#define GUESTS  7u

static struct station cached, plain;
static uint32_t n_delivered;
static uint32_t random_state = SEED;

static uint32_t pick(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % n;
}

struct sent {
    uint32_t len; /* 0: nothing */
    uint8_t bytes[256];
};

/* Takes what each port was sent, at most one packet. */
static void collect(struct sent sent[GUESTS + 1])
{
    for (uint16_t port = 1; port <= GUESTS; port++) {
        struct rte_mbuf *m = station_take(port);

        sent[port].len = 0;
        if (m != NULL) {
            n_delivered++;
            sent[port].len = m->pkt_len;
            memcpy(sent[port].bytes, rte_pktmbuf_mtod(m, void *), m->pkt_len);
            rte_pktmbuf_free(m);
        }
        assert_null(station_take(port));
    }
}

/* Guests 5 and 6 are trunks, 7 tags its native VLAN; the others are on VLAN 0. */
static struct attachment place(uint32_t id)
{
    struct attachment a = {0};

    a.vlan.all_trunks = true;
    if (id == GUESTS)
        a.vlan = (struct vlan_config){.mode = VLAN_NATIVE_TAGGED, .tag = 0, .all_trunks = true};
    return a;
}

/* One random configuration of a guest, for both switches. */
static void change_guest(uint32_t id)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    struct rule rules[2] = {world_rule(1, protocols[pick(3)], 0), world_rule(2, IPPROTO_TCP, (uint16_t)(80 + pick(2)))};
    size_t n = pick(3);
    uint32_t kind = pick(8);
    struct station *stations[] = {&cached, &plain};

    for (int i = 0; i < 2; i++) {
        struct attachment a = place(id);

        a.disabled = kind == 0;
        a.has_policy = kind > 3;
        if (a.has_policy)
            a.policy = world_policy(rules, n);
        world_attach(&stations[i]->w, id, a);
        station_settle(stations[i]);
    }
}

/* Few guests and connections most of the time, so that flows are met again before they idle out. */
static uint32_t random_guest(void)
{
    return 1 + pick(pick(8) == 0 ? GUESTS : 3);
}

static uint8_t random_flags(void)
{
    static const uint8_t rare[] = {FIN | ACK, RST, SYN | FIN, 0};

    switch (pick(4)) {
    case 0:
        return pick(2) ? SYN : SYN | ACK;
    case 1:
        return pick(10) == 0 ? rare[pick(sizeof rare)] : ACK | 8;
    default:
        return ACK;
    }
}

static struct packet_spec random_packet(uint32_t from)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    struct packet_spec spec = {.src = pick(300) == 0 ? 1 + pick(GUESTS) : from,
                               .dst = pick(12) == 0 ? 0xff : random_guest(),
                               .protocol = protocols[pick(4)],
                               .tcp_flags = random_flags(),
                               .v6 = pick(8) == 0};
    bool server = pick(2);

    if (spec.v6 && spec.protocol == IPPROTO_ICMP)
        spec.protocol = IPPROTO_ICMPV6;
    spec.src_port = (uint16_t)(server ? 80 + !pick(9) : 5000);
    spec.dst_port = (uint16_t)(server ? 5000 : 80 + !pick(9));
    if (spec.protocol == IPPROTO_ICMP || spec.protocol == IPPROTO_ICMPV6) {
        spec.src_port = (uint16_t)(spec.v6 ? 128 + server : server ? 0 : 8);
        spec.dst_port = 1;
    }
    spec.tagged = from >= 5 && pick(3) == 0;
    spec.tci = (uint16_t)(pick(8) << 13 | pick(2) * 9);
    return spec;
}

static void advance_clock(uint32_t ticks)
{
    cached.tick = plain.tick += ticks;
    conntrack_run(cached.w.ct, 0, cached.tick);
    conntrack_run(plain.w.ct, 0, plain.tick);
}

static void change_something(void)
{
    uint32_t what = pick(400);

    if (what == 0) {
        change_guest(1 + pick(GUESTS));
    } else if (what == 1) {
        uint32_t id = pick(GUESTS + 1);

        fdb_flush(cached.w.snapshot->bridges[1]->fdb, id);
        fdb_flush(plain.w.snapshot->bridges[1]->fdb, id);
        atomic_fetch_add(&dataplane_shared.revalidations, 1);
    } else if (what <= 4) {
        advance_clock(what == 4 ? 1 + pick(20) : 1);
    }
}

static void compare_one(uint32_t n)
{
    static struct sent by_cache[GUESTS + 1], by_pipeline[GUESTS + 1];
    uint32_t from = random_guest();
    struct packet_spec spec = random_packet(from);

    station_send(&cached, from, spec);
    collect(by_cache);
    station_send(&plain, from, spec);
    collect(by_pipeline);
    flow_cache_sweep(&plain.worker->cache, flow_cache_line_count(&plain.worker->cache), station_remove_all, &plain);
    for (uint16_t port = 1; port <= GUESTS; port++) {
        if (by_cache[port].len != by_pipeline[port].len ||
            memcmp(by_cache[port].bytes, by_pipeline[port].bytes, by_cache[port].len) != 0)
            fail_msg(
                "packet %u, tick %u: from %u, guest %u to %u, protocol %u, %u to %u, flags %#x: port %u was sent %u "
                "bytes by the cache, %u by the pipeline",
                n, cached.tick, from, spec.src, spec.dst, spec.protocol, spec.src_port, spec.dst_port, spec.tcp_flags,
                port, by_cache[port].len, by_pipeline[port].len);
    }
    /* A settled flow is shown to its session once a tick, so it hears of a close by the other side with the next. */
    if (spec.protocol == IPPROTO_TCP && (spec.tcp_flags & (FIN | RST)) != 0)
        advance_clock(1);
}

static void cache_forwards_as_the_pipeline_does(void **state)
{
    print_message("seed %#x\n", SEED);
    station_start(&cached, 1024, 4096);
    station_start(&plain, 4, 4096);
    world_bridge(&cached.w, 1, false);
    world_bridge(&plain.w, 1, false);
    for (uint32_t id = 1; id <= GUESTS; id++)
        change_guest(id);
    for (uint32_t n = 0; n < PACKETS; n++) {
        change_something();
        compare_one(n);
    }
    print_message("%u delivered, %lu hits, %lu misses\n", n_delivered / 2, (unsigned long)cached.worker->published.hits,
                  (unsigned long)station_misses(&cached));
    assert_true(cached.worker->published.hits > PACKETS / 4);
    station_stop(&cached);
    station_stop(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cache_forwards_as_the_pipeline_does)};

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
