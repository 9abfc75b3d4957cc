// SPDX-License-Identifier: Apache-2.0
#include "tests/model/policed_station.h"

#include <inttypes.h>

#include "tests/model/model_print.h"
#include "tests/model/packet_log.h"
#include "tests/model/random_history.h"

/* The same packets, policies and time through the real pipeline, with its flow cache, and through the model
 * (model_switch.h). What becomes of each packet must be the same, and at the end the sessions.
 *
 *      MODEL_SEED=0x... repeats one round, MODEL_PACKETS=n makes rounds of n packets.
 *
 * A failure prints what the two guests said to each other before, and their policy. */

#if defined(__SANITIZE_ADDRESS__)
#define ROUND_PACKETS 40000u
#else
#define ROUND_PACKETS 400000u
#endif
/* A session whose state shortened its time is found for one turn of the timer wheel more. */
#define EXPIRY_SLACK   66u
#define REPLIES_A_TICK 100u

struct tally {
    uint64_t packets, delivered, replies, released, changes, flushed, either;
    uint64_t dropped[DROP_N_REASONS];
};

/* One round. */
static struct {
    uint32_t seed;
    struct policed_station p;
    struct model_switch model;
    struct random random;
    struct random_policy policy;
    struct history history;
    uint32_t replies; /* in this tick, to one guest at most */
    struct packet_log log;
    struct tally tally;
} r;

/* What became of one packet. */
struct actual {
    uint32_t receivers;
    unsigned int frames[MODEL_GUESTS + 1];
    uint32_t n_drops;
    enum drop_reason drop; /* the last of them */
    uint64_t reasons;
};

static void print_history(uint32_t a, uint32_t b, uint16_t vlan)
{
    packet_log_print(&r.log, &r.model, a, b, vlan);
    printf("repeat this round by MODEL_SEED=%#x\n", r.seed);
    fflush(stdout);
}

static void apply(const struct policy_change *change)
{
    r.model.policy++;
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        if (change->guests >> guest & 1)
            r.model.guests[guest] = r.model.policy;
    }
    for (uint32_t network = 0; network < 2; network++) {
        if (change->networks >> network & 1)
            r.model.networks[network] = r.model.policy;
    }
    policed_apply(&r.p, &r.model.policies, change);
    model_switch_flush(&r.model, change->flushed, change->n_flushed);
}

static void change_policy(void)
{
    struct logged *entry = packet_log_next(&r.log, r.p.s.tick);

    random_policy_change(&r.policy, &r.model.policies, &entry->change);
    entry->is_change = true;
    apply(&entry->change);
    r.tally.changes++;
    r.tally.flushed += entry->change.n_flushed;
}

static struct ct_tuple tuple_of(const struct model_packet *packet)
{
    return (struct ct_tuple){.src = packet->src,
                             .dst = packet->dst,
                             .zone = zone_of(1, packet->vlan),
                             .src_port = htons(packet->src_port),
                             .dst_port = htons(packet->dst_port),
                             .protocol = packet->protocol,
                             .icmp_type = packet->icmp_type};
}

/* Sessions live until their time is over, and hardly longer. */
static void expire(void)
{
    for (uint32_t i = 0; i < r.model.sessions.n; i++) {
        struct model_session *session = &r.model.sessions.list[i];
        struct ct_tuple tuple = tuple_of(&session->first);
        int32_t over = (int32_t)(r.p.s.tick - model_session_deadline(session));
        struct ct_match match;

        if (!session->alive)
            continue;
        session->alive = conntrack_find(r.p.s.w.ct, &tuple, &match);
        if ((!session->alive && over < 0) || (session->alive && over > (int32_t)EXPIRY_SLACK)) {
            model_print_session(session);
            print_history(session->first.from, session->first.to, session->first.vlan);
            fail_msg("seed %#x, tick %u: the session %s", r.seed, r.p.s.tick,
                     session->alive ? "outlives its time" : "ended before its time");
        }
    }
}

static void advance_clock(uint32_t ticks)
{
    r.model.dropped_cut = false;
    while (ticks-- > 0)
        policed_tick(&r.p);
    r.model.now = r.p.s.tick;
    r.replies = 0;
    expire();
}

/* Takes what each port was sent; the first frame for a receiver must be 'frame' as it was. */
static void collect(const struct model_packet *packet, const uint8_t *frame, uint32_t len, struct actual *actual)
{
    for (uint16_t port = 1; port <= MODEL_GUESTS; port++) {
        struct rte_mbuf *m = station_sent[port].n > 0 ? station_sent[port].packets[0] : NULL;

        actual->frames[port] = station_sent[port].n;
        if (m != NULL && port != packet->from) {
            actual->receivers |= 1u << port;
            if (m->pkt_len != len || memcmp(rte_pktmbuf_mtod(m, void *), frame, len) != 0)
                fail_msg("seed %#x, packet %" PRIu64 ": port %u was sent another frame", r.seed, r.tally.packets, port);
        }
        station_drain(port);
    }
}

static void send_real(const struct model_packet *packet, struct actual *actual)
{
    const struct port_counters *counters = r.p.s.w.snapshot->ports[packet->from]->counters[0];
    uint64_t before[DROP_N_REASONS];
    uint8_t frame[MODEL_FRAME_LEN];
    uint32_t len = model_frame_write(packet, frame);

    memset(actual, 0, sizeof *actual);
    memcpy(before, counters->drops, sizeof before);
    station_forward(&r.p.s, packet->from, station_mbuf(frame, len));
    collect(packet, frame, len, actual);
    for (int reason = 1; reason < DROP_N_REASONS; reason++) {
        if (counters->drops[reason] == before[reason])
            continue;
        actual->n_drops += (uint32_t)(counters->drops[reason] - before[reason]);
        actual->drop = (enum drop_reason)reason;
        actual->reasons |= 1ull << reason;
    }
}

/* NULL when the switch did what the model says, else what is wrong. */
static const char *difference(const struct model_packet *packet, const struct model_outcome *expected,
                              const struct actual *actual)
{
    if (expected->either && actual->receivers == 0)
        return NULL;
    if (actual->receivers != expected->receivers)
        return "the receivers are others";
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        if (guest != packet->from && (actual->receivers >> guest & 1) != 0 &&
            (actual->frames[guest] < 1 + expected->released ||
             actual->frames[guest] > 1 + expected->released + expected->perhaps))
            return "held fragments were released, or not";
    }
    if ((actual->reasons & ~expected->reasons) != 0)
        return "it was dropped for another reason";
    if (expected->reasons != 0 && actual->n_drops == 0)
        return "it was dropped without a reason";
    if (actual->frames[packet->from] != expected->reply)
        return expected->reply ? "its sender was not told that it was refused" : "its sender was sent an answer";
    return NULL;
}

static void print_expected(const struct model_outcome *expected)
{
    printf("expected: to %#x, %u released%s%s", expected->receivers, expected->released,
           expected->reply ? ", its sender is told" : "", expected->either ? ", or dropped" : "");
    for (int reason = 1; reason < DROP_N_REASONS; reason++) {
        if (expected->reasons >> reason & 1)
            printf(", %s", drop_reason_name((enum drop_reason)reason));
    }
    printf("\n");
}

static void count(const struct model_outcome *expected, const struct actual *actual)
{
    r.tally.packets++;
    r.tally.delivered += actual->receivers != 0;
    r.tally.replies += expected->reply;
    r.tally.released += expected->released;
    r.tally.either += expected->either;
    r.tally.dropped[actual->drop] += actual->n_drops > 0;
}

/* A packet that ends a connection, or says that it has ended. */
static bool closes(const struct model_packet *packet)
{
    if (packet->kind != MODEL_IPV4 && packet->kind != MODEL_IPV6)
        return false;
    return (packet->protocol == IPPROTO_TCP && (packet->tcp_flags & (FIN | RST)) != 0) ||
           (packet->protocol == IPPROTO_SCTP && packet->sctp_chunk > 5);
}

static void send_one(void)
{
    struct model_packet packet = history_next(&r.history, &r.model);
    struct model_outcome expected = model_switch_send(&r.model, &packet);
    struct logged *entry = packet_log_next(&r.log, r.p.s.tick);
    struct actual actual;
    const char *wrong;

    send_real(&packet, &actual);
    entry->packet = packet;
    entry->receivers = actual.receivers;
    entry->drop = actual.drop;
    wrong = difference(&packet, &expected, &actual);
    if (wrong != NULL) {
        print_history(packet.from, packet.to, packet.vlan);
        print_expected(&expected);
        printf("actual: to %#x, %u frames, %u dropped\n", actual.receivers,
               packet.to <= MODEL_GUESTS ? actual.frames[packet.to] : 0, actual.n_drops);
        fflush(stdout);
        fail_msg("seed %#x, packet %" PRIu64 ", tick %u: %s", r.seed, r.tally.packets, r.p.s.tick, wrong);
    }
    count(&expected, &actual);
    r.replies += expected.reply;
    /* A settled flow is shown to its session once a tick, so it hears of a close by the other side with the next. Nor does the cached
     * refusal of a session that was cut hear of its making way. */
    if (closes(&packet) || r.model.dropped_cut)
        advance_clock(1);
}

static void step(void)
{
    uint32_t what = random_pick(&r.random, 20000);

    if (what < 60)
        change_policy();
    else if (what < 62)
        advance_clock(60 + random_pick(&r.random, 200));
    else if (what < 100)
        advance_clock(2 + random_pick(&r.random, 20));
    else if (what < 1000 || r.replies >= REPLIES_A_TICK - 2)
        advance_clock(1);
    send_one();
}

static void compare_session(const struct session_copy *copy)
{
    struct model_session *session = NULL;

    for (uint32_t i = 0; i < r.model.sessions.n && session == NULL; i++) {
        struct ct_tuple tuple = tuple_of(&r.model.sessions.list[i].first);

        if (r.model.sessions.list[i].alive && memcmp(&tuple, &copy->original, sizeof tuple) == 0)
            session = &r.model.sessions.list[i];
    }
    if (session != NULL && copy->state == session->state && copy->verdict.allowed == session->allowed &&
        copy->verdict.egress_rule == session->egress.rule && copy->verdict.ingress_rule == session->ingress.rule &&
        copy->verdict.audit_rule == session->audit_rule)
        return;
    if (session != NULL) {
        model_print_session(session);
        print_history(session->first.from, session->first.to, session->first.vlan);
    }
    fail_msg("seed %#x: the switch has a session %s, %s, rules %u %u, audit %u", r.seed,
             session_state_name(copy->state), copy->verdict.allowed ? "allowed" : "cut", copy->verdict.egress_rule,
             copy->verdict.ingress_rule, copy->verdict.audit_rule);
}

static void compare_sessions(void)
{
    struct session_copy copies[64];
    uint32_t cursor = 0, n_alive = 0, n_dumped = 0;
    size_t n;

    do {
        n = conntrack_dump(r.p.s.w.ct, &cursor, copies, 64);
        for (size_t i = 0; i < n; i++)
            compare_session(&copies[i]);
        n_dumped += (uint32_t)n;
    } while (n == 64);
    for (uint32_t i = 0; i < r.model.sessions.n; i++)
        n_alive += r.model.sessions.list[i].alive;
    assert_int_equal(n_dumped, n_alive);
    assert_int_equal(conntrack_count(r.p.s.w.ct), n_alive);
}

static void print_tally(void)
{
    print_message("seed %#x: %" PRIu64 " packets, %" PRIu64 " delivered, %" PRIu64 " answered, %" PRIu64
                  " held and released, %" PRIu64 " changes of policy, %" PRIu64 " rules flushed, %" PRIu64
                  " open to either; %" PRIu64 " hits\n   ",
                  r.seed, r.tally.packets, r.tally.delivered, r.tally.replies, r.tally.released, r.tally.changes,
                  r.tally.flushed, r.tally.either, (uint64_t)r.p.s.worker->published.hits);
    for (int reason = 1; reason < DROP_N_REASONS; reason++) {
        if (r.tally.dropped[reason] != 0)
            print_message(" %s %" PRIu64, drop_reason_name((enum drop_reason)reason), r.tally.dropped[reason]);
    }
    print_message("\n");
}

static uint32_t number_from_environment(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (uint32_t)strtoul(text, NULL, 0) : otherwise;
}

static void run_round(uint32_t seed, bool limits)
{
    uint32_t packets = number_from_environment("MODEL_PACKETS", ROUND_PACKETS);

    memset(&r, 0, sizeof r);
    r.seed = number_from_environment("MODEL_SEED", seed);
    r.random.state = r.seed;
    r.policy = (struct random_policy){.random = &r.random, .limits = limits};
    history_start(&r.history, &r.random);
    random_policy_make(&r.policy, &r.model.policies);
    policed_start(&r.p, &r.model.policies);
    r.model.now = r.p.s.tick;
    while (r.tally.packets < packets)
        step();
    compare_sessions();
    print_tally();
    assert_true(r.tally.delivered > packets / 10);
    policed_stop(&r.p);
}

static void switch_does_what_the_model_does_1(void **state)
{
    run_round(0x5eed1, false);
}

static void switch_does_what_the_model_does_2(void **state)
{
    run_round(0x5eed2, false);
}

static void switch_does_what_the_model_does_3(void **state)
{
    run_round(0x5eed3, false);
}

static void switch_does_what_the_model_does_with_small_accounts_1(void **state)
{
    run_round(0x5eed4, true);
}

static void switch_does_what_the_model_does_with_small_accounts_2(void **state)
{
    run_round(0x5eed5, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switch_does_what_the_model_does_1),
        cmocka_unit_test(switch_does_what_the_model_does_2),
        cmocka_unit_test(switch_does_what_the_model_does_3),
        cmocka_unit_test(switch_does_what_the_model_does_with_small_accounts_1),
        cmocka_unit_test(switch_does_what_the_model_does_with_small_accounts_2),
    };

    return cmocka_run_group_tests(tests, station_group_start, station_group_stop);
}
