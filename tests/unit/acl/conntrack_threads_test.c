// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "acl/conntrack_private.h"
#include "tests/unit/acl/conntrack_fixture.h"

/* Two workers open, find, track and close the same few connections, each from its own side, while a third thread
 * flushes and dumps. Whatever the order, there is one session per connection and none is lost. */

#define N_ROUNDS      60000
#define N_CONNECTIONS 48
#define CAPACITY      256u
#define N_WORKERS     2u

struct worker {
    struct conntrack *ct;
    unsigned int id;
    uint32_t random;
    uint32_t now;
    unsigned int n_wrong; /* cmocka's assertions are for the main thread */
};

static _Atomic unsigned int n_running;

static uint32_t pick(struct worker *w, uint32_t n)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % n;
}

/* Connection 'i' as seen by worker 'side': 0 sends from .1, 1 sends from .2. */
static struct packet packet_of(uint32_t i, unsigned int side)
{
    struct packet packet = {.kind = PACKET_IPV4, .protocol = i % 2 == 0 ? UDP : TCP, .tcp_flags = i % 2 == 0 ? 0 : SYN};
    uint32_t a = htonl(0x0a000001);
    uint32_t b = htonl(0x0a000002);

    packet.src = inet_addr_from_v4(side == 0 ? a : b);
    packet.dst = inet_addr_from_v4(side == 0 ? b : a);
    packet.src_port = (uint16_t)(side == 0 ? i : 5000);
    packet.dst_port = (uint16_t)(side == 0 ? 5000 : i);
    return packet;
}

/* Until this worker is quiescent, the session it found cannot become another one, closed or not. */
static void check_match(struct worker *w, const struct ct_match *match, const struct ct_tuple *tuple)
{
    const struct session *s = ct_session(w->ct, match->session);
    const struct ct_tuple *own = match->direction == CT_ORIGINAL ? &s->original : &s->reply;

    if (match->session == 0 || match->session > CAPACITY || memcmp(own, tuple, sizeof *own) != 0)
        w->n_wrong++;
}

static void one_packet(struct worker *w)
{
    static const uint8_t flags[] = {SYN, SYN_ACK, ACK, ACK, FIN_ACK, RST};
    uint32_t i = pick(w, N_CONNECTIONS);
    struct packet packet = packet_of(i, w->id);
    struct ct_new new_session = {.packet = &packet, .source = i, .verdict = {.allowed = true}};
    struct ct_match match;

    if (!ct_tuple_from_packet(&packet, i % 3, &new_session.tuple))
        w->n_wrong++;
    if (!conntrack_find(w->ct, &new_session.tuple, &match) &&
        conntrack_open(w->ct, w->id, &new_session, w->now, &match) != 0)
        return; /* full: reuse waits for the other worker */
    check_match(w, &match, &new_session.tuple);
    conntrack_track(w->ct, match.session, match.direction, flags[pick(w, sizeof flags)], w->now);
    conntrack_set_verdict(w->ct, match.session, &(struct session_verdict){.sequence = w->now, .egress_rule = w->now});
    check_match(w, &match, &new_session.tuple);
    if (pick(w, 4) == 0)
        conntrack_close(w->ct, match.session);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    qsbr_reader_register(w->id);
    for (unsigned int round = 0; round < N_ROUNDS; round++) {
        one_packet(w);
        if (round % 8 == 0) {
            w->now++;
            conntrack_run(w->ct, w->id, w->now);
        }
        qsbr_reader_quiescent(w->id);
    }
    qsbr_reader_unregister(w->id);
    atomic_fetch_sub(&n_running, 1);
    return NULL;
}

static void flush_and_dump_meanwhile(struct conntrack *ct)
{
    struct session_copy copies[32];

    while (atomic_load(&n_running) > 0) {
        uint32_t cursor = 0;

        for (size_t n = 32; n == 32;) {
            n = conntrack_dump(ct, &cursor, copies, 32);
            for (size_t i = 0; i < n; i++) {
                struct ct_tuple reverse = ct_tuple_reverse(&copies[i].original);

                assert_memory_equal(&reverse, &copies[i].reply, sizeof reverse);
                assert_int_equal(copies[i].verdict.egress_rule, copies[i].verdict.sequence);
            }
        }
        conntrack_flush(ct, 1, false);
        usleep(200); /* leaves the cores to the workers */
    }
}

/* Every living session is found by both tuples, so no two of them share one. */
static void expect_consistent(struct conntrack *ct)
{
    struct session_copy copies[CAPACITY];
    uint32_t cursor = 0;
    size_t n = conntrack_dump(ct, &cursor, copies, CAPACITY);
    struct ct_match match;

    assert_int_equal(n, conntrack_count(ct));
    for (size_t i = 0; i < n; i++) {
        assert_true(conntrack_find(ct, &copies[i].original, &match));
        assert_int_equal(match.session, copies[i].id);
        assert_int_equal(match.direction, CT_ORIGINAL);
        assert_true(conntrack_find(ct, &copies[i].reply, &match));
        assert_int_equal(match.session, copies[i].id);
        assert_int_equal(match.direction, CT_REPLY);
    }
}

static void expect_all_free_after_flush(struct conntrack *ct, const struct worker *workers)
{
    uint32_t now = workers[0].now > workers[1].now ? workers[0].now : workers[1].now;
    uint32_t n_free = 0;

    conntrack_flush(ct, 0, true);
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        run_until(ct, id, now, now + SESSION_CACHE_IDLE + 1);
        n_free += ct->workers[id].n_cached;
    }
    assert_int_equal(n_free + ct->n_free, CAPACITY);
    for (uint32_t i = 0; i <= ct->bucket_mask; i++) {
        assert_int_equal(ct->buckets[i].passed, 0);
        for (unsigned int entry = 0; entry < CT_BUCKET_ENTRIES; entry++)
            assert_int_equal(ct->buckets[i].entries[entry], 0);
    }
}

static void two_workers_share_their_sessions(void **state)
{
    struct conntrack *ct = make_table(CAPACITY, N_WORKERS);
    struct worker workers[N_WORKERS];
    pthread_t threads[N_WORKERS];

    n_running = N_WORKERS;
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        workers[id] = (struct worker){.ct = ct, .id = id, .random = 4711 + id, .now = 1};
        assert_int_equal(pthread_create(&threads[id], NULL, worker_main, &workers[id]), 0);
    }
    flush_and_dump_meanwhile(ct);
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        pthread_join(threads[id], NULL);
        assert_int_equal(workers[id].n_wrong, 0);
    }
    expect_consistent(ct);
    expect_all_free_after_flush(ct, workers);
    conntrack_destroy(ct);
}

#define FLOOD_ROUNDS 40000u
#define FLOOD_MAX    60u

static uint32_t flooded; /* account */

/* Opens handshakes of one account, finishes some, closes some: from the other worker's as well as one's own. */
static void *flooder_main(void *arg)
{
    struct worker *w = arg;

    qsbr_reader_register(w->id);
    for (unsigned int round = 0; round < FLOOD_ROUNDS; round++) {
        struct packet packet = packet_of(1 + 2 * pick(w, 100), 0);
        struct ct_new new_session = {.packet = &packet, .account = flooded, .verdict = {.allowed = true}};
        struct ct_match match;

        if (!ct_tuple_from_packet(&packet, 0, &new_session.tuple))
            w->n_wrong++;
        if (conntrack_open(w->ct, w->id, &new_session, w->now, &match) == 0) {
            check_match(w, &match, &new_session.tuple);
            if (pick(w, 2) == 0)
                conntrack_track(w->ct, match.session, CT_REPLY, pick(w, 4) == 0 ? RST | ACK : SYN_ACK, w->now);
            if (pick(w, 3) == 0)
                conntrack_track(w->ct, match.session, CT_ORIGINAL, pick(w, 4) == 0 ? RST : ACK, w->now);
            if (pick(w, 4) == 0)
                conntrack_close(w->ct, match.session);
        }
        if (round % 4 == 0)
            conntrack_run(w->ct, w->id, ++w->now);
        qsbr_reader_quiescent(w->id);
    }
    qsbr_reader_unregister(w->id);
    atomic_fetch_sub(&n_running, 1);
    return NULL;
}

static void change_and_flush_meanwhile(struct conntrack *ct)
{
    struct ct_usage usage;

    for (uint32_t i = 0; atomic_load(&n_running) > 0; i++) {
        struct ct_limits limits = {.max = i % 3 == 0 ? FLOOD_MAX / 2 : FLOOD_MAX, .half_open = 1 + i % 8};

        assert_int_equal(conntrack_account_change(ct, flooded, &limits), 0);
        conntrack_account_usage(ct, flooded, &usage);
        assert_true(usage.sessions <= FLOOD_MAX + N_WORKERS);
        if (i % 64 == 0)
            conntrack_flush(ct, 0, true);
        usleep(100);
    }
}

static void counts_of_a_flooded_account_end_at_zero(void **state)
{
    struct conntrack *ct = make_table(CAPACITY, N_WORKERS);
    struct worker workers[N_WORKERS];
    pthread_t threads[N_WORKERS];
    struct ct_usage usage;

    flooded = conntrack_account_open(ct, &(struct ct_limits){.max = FLOOD_MAX, .half_open = 4});
    n_running = N_WORKERS;
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        workers[id] = (struct worker){.ct = ct, .id = id, .random = 815 + id, .now = 1};
        assert_int_equal(pthread_create(&threads[id], NULL, flooder_main, &workers[id]), 0);
    }
    change_and_flush_meanwhile(ct);
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        pthread_join(threads[id], NULL);
        assert_int_equal(workers[id].n_wrong, 0);
    }
    conntrack_account_usage(ct, flooded, &usage);
    assert_int_equal(usage.sessions, conntrack_count(ct));
    assert_true(usage.early_drops > 0);
    expect_consistent(ct);
    expect_all_free_after_flush(ct, workers);
    conntrack_account_usage(ct, flooded, &usage);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.half_open, 0);
    conntrack_account_close(ct, flooded);
    assert_int_equal(conntrack_account_open(ct, &(struct ct_limits){0}), flooded); /* nothing retired is left either */
    conntrack_destroy(ct);
}

#define N_RACES 8000u

static pthread_barrier_t start_line;
static uint32_t opened[N_WORKERS][N_RACES];

/* Opens connection after connection as soon as the other worker is there too. */
static void *racer_main(void *arg)
{
    struct worker *w = arg;

    qsbr_reader_register(w->id);
    for (uint32_t i = 0; i < N_RACES; i++) {
        struct packet packet = packet_of(2 * i, i % 3 == 0 ? 0 : w->id);
        struct ct_new new_session = {.packet = &packet};
        struct ct_match match;

        if (!ct_tuple_from_packet(&packet, 0, &new_session.tuple))
            w->n_wrong++;
        pthread_barrier_wait(&start_line);
        if (conntrack_open(w->ct, w->id, &new_session, w->now, &match) != 0)
            w->n_wrong++;
        opened[w->id][i] = match.session;
        qsbr_reader_quiescent(w->id);
    }
    qsbr_reader_unregister(w->id);
    return NULL;
}

static void opening_at_once_gives_one_session(void **state)
{
    struct conntrack *ct = make_table(2 * N_RACES, N_WORKERS);
    struct worker workers[N_WORKERS];
    pthread_t threads[N_WORKERS];

    pthread_barrier_init(&start_line, NULL, N_WORKERS);
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        workers[id] = (struct worker){.ct = ct, .id = id, .now = 1};
        assert_int_equal(pthread_create(&threads[id], NULL, racer_main, &workers[id]), 0);
    }
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        pthread_join(threads[id], NULL);
        assert_int_equal(workers[id].n_wrong, 0);
    }
    pthread_barrier_destroy(&start_line);
    assert_memory_equal(opened[0], opened[1], sizeof opened[0]);
    assert_int_equal(conntrack_count(ct), N_RACES);
    conntrack_destroy(ct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_workers_share_their_sessions),
        cmocka_unit_test(counts_of_a_flooded_account_end_at_zero),
        cmocka_unit_test(opening_at_once_gives_one_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
