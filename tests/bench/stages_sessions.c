// SPDX-License-Identifier: Apache-2.0
/* The session table, and the FDB: what is looked up by packets of new flows. */
#include <netinet/in.h>

#include "acl/conntrack.h"
#include "acl/tcp_states.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/fdb.h"
#include "tests/bench/stages_bench.h"
#include "tests/unit/dataplane/packet_spec.h"

#define CAPACITY   (1u << 17)
#define ROUNDS_MAX (CAPACITY / 2 / STAGE_BATCH)
#define ZONE       7u
#define NOW        100u

enum { SESSION_UDP, SESSION_TCP, SESSION_REPLY, SESSION_ABSENT };

static struct conntrack *table;
static uint32_t account;
static struct packet packets[STAGE_BATCH];
static struct ct_tuple tuples[STAGE_BATCH];
static struct ct_match matches[STAGE_BATCH];
static int results[STAGE_BATCH];
static uint32_t session_choice;

/* Packets of connections 'first' and following. */
static void make_packets(uint8_t protocol, uint32_t first)
{
    struct packet_spec spec = {1, 2, NULL, protocol, false, 0, 2000, TCP_FLAG_SYN, 0, false, 18};
    struct frame frame = spec_frame(&spec);

    stage_fill(&frame, STAGE_REQUEST, first);
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        const struct rte_mbuf *packet = stage_packets[i];

        stage_expect(packet_parse(rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len, packet->pkt_len,
                                  &packets[i]) == DROP_NONE &&
                         ct_tuple_from_packet(&packets[i], ZONE, &tuples[i]),
                     "packets that may have sessions");
    }
}

static void start_table(uint32_t choice)
{
    struct conntrack_config config = {.capacity = CAPACITY, .n_workers = 1};
    struct ct_limits limits = {.max = CAPACITY, .half_open = CT_HALF_OPEN_MAX};

    session_choice = choice;
    table = conntrack_create(&config);
    stage_expect(table != NULL, "memory for a session table");
    account = conntrack_account_open(table, &limits);
}

static void destroy_table(void)
{
    conntrack_destroy(table);
}

static void open_all(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        struct ct_new session = {.tuple = tuples[i],
                                 .packet = &packets[i],
                                 .account = account,
                                 .source = 1,
                                 .destination = 2,
                                 .verdict = {.sequence = 1, .allowed = true}};

        results[i] = conntrack_open(table, 0, &session, NOW, &matches[i]);
    }
}

static void track_all(enum ct_direction direction, uint8_t flags)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        results[i] = (int)conntrack_track(table, matches[i].session, direction, flags, NOW);
}

/* A batch of sessions that have settled. */
static void start_settled(uint32_t choice)
{
    start_table(choice);
    make_packets(choice == SESSION_TCP ? IPPROTO_TCP : IPPROTO_UDP, 0);
    open_all();
    track_all(CT_REPLY, TCP_FLAG_SYN | TCP_FLAG_ACK);
    track_all(CT_ORIGINAL, TCP_FLAG_ACK);
    if (choice == SESSION_ABSENT)
        make_packets(IPPROTO_UDP, STAGE_BATCH);
    for (uint32_t i = 0; i < STAGE_BATCH && choice == SESSION_REPLY; i++)
        tuples[i] = ct_tuple_reverse(&tuples[i]);
}

static void run_tuple(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        results[i] = ct_tuple_from_packet(&packets[i], ZONE, &tuples[i]);
}

static void run_session_find(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        results[i] = conntrack_find(table, &tuples[i], &matches[i]);
}

static void sessions_were_found(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        stage_expect(results[i] == (session_choice != SESSION_ABSENT), "sessions of the kind that was opened");
        stage_expect(!results[i] || matches[i].direction == (session_choice == SESSION_REPLY ? CT_REPLY : CT_ORIGINAL),
                     "another direction");
    }
    destroy_table();
}

static void run_session_track(void)
{
    track_all(CT_ORIGINAL, TCP_FLAG_ACK);
}

static void sessions_were_settled(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(results[i] == CT_SETTLED, "settled sessions");
    destroy_table();
}

static void next_udp(uint32_t round)
{
    make_packets(IPPROTO_UDP, round * STAGE_BATCH);
}

static void next_tcp(uint32_t round)
{
    make_packets(IPPROTO_TCP, round * STAGE_BATCH);
}

static void run_session_open(void)
{
    open_all();
}

static void open_next(uint32_t round)
{
    next_udp(round);
    open_all();
}

static void run_session_close(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        conntrack_close(table, matches[i].session);
}

static void sessions_were_opened(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(results[i] == 0 && matches[i].session != 0, "new sessions");
    stage_expect(conntrack_count(table) > STAGE_BATCH, "a session for each packet");
    destroy_table();
}

static void sessions_were_closed(void)
{
    stage_expect(conntrack_count(table) == 0, "no session left");
    destroy_table();
}

/* The SYN/ACK and the ACK of connections whose SYN opened them. */
static void run_session_handshake(void)
{
    track_all(CT_REPLY, TCP_FLAG_SYN | TCP_FLAG_ACK);
    track_all(CT_ORIGINAL, TCP_FLAG_ACK);
}

static void open_next_tcp(uint32_t round)
{
    next_tcp(round);
    open_all();
}

static struct fdb *fdb;
static uint32_t led_to[STAGE_BATCH];
static uint32_t fdb_first;

static struct mac_addr mac_of(uint32_t i)
{
    return (struct mac_addr){{2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

/* A thousand addresses are known; from 'first' on is asked. */
static void start_fdb(uint32_t first)
{
    fdb = fdb_create();
    stage_expect(fdb != NULL, "memory for an FDB");
    fdb_first = first;
    for (uint32_t i = 0; i < 1000; i++) {
        struct mac_addr mac = mac_of(i);

        fdb_learn(fdb, 0, &mac, i + 1, NOW);
    }
}

static void run_fdb_lookup(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        struct mac_addr mac = mac_of(fdb_first + i);

        led_to[i] = fdb_lookup(fdb, 0, &mac);
    }
}

static void addresses_were_known(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(led_to[i] == (fdb_first < 1000 ? fdb_first + i + 1 : 0), "the attachment of an address");
    fdb_destroy(fdb);
}

const struct stage stages_of_sessions[] = {
    {"session_tuple", "ct_tuple_from_packet(), IPv4", run_tuple, start_settled, NULL, destroy_table, SESSION_UDP, 0},
    {"session_find", "conntrack_find(), original direction", run_session_find, start_settled, NULL, sessions_were_found,
     SESSION_UDP, 0},
    {"session_find_reply", "conntrack_find(), reply direction", run_session_find, start_settled, NULL,
     sessions_were_found, SESSION_REPLY, 0},
    {"session_find_miss", "conntrack_find(), no such session", run_session_find, start_settled, NULL,
     sessions_were_found, SESSION_ABSENT, 0},
    {"session_track_udp", "conntrack_track(), settled", run_session_track, start_settled, NULL, sessions_were_settled,
     SESSION_UDP, 0},
    {"session_track_tcp", "conntrack_track(), established", run_session_track, start_settled, NULL,
     sessions_were_settled, SESSION_TCP, 0},
    {"session_handshake", "conntrack_track() of SYN/ACK and ACK", run_session_handshake, start_table, open_next_tcp,
     sessions_were_settled, SESSION_TCP, ROUNDS_MAX},
    {"session_open_udp", "conntrack_open()", run_session_open, start_table, next_udp, sessions_were_opened, SESSION_UDP,
     ROUNDS_MAX},
    {"session_open_tcp", "conntrack_open()", run_session_open, start_table, next_tcp, sessions_were_opened, SESSION_TCP,
     ROUNDS_MAX},
    {"session_close", "conntrack_close(), UDP", run_session_close, start_table, open_next, sessions_were_closed,
     SESSION_UDP, ROUNDS_MAX},
    {"fdb_lookup", "fdb_lookup(), a thousand addresses", run_fdb_lookup, start_fdb, NULL, addresses_were_known, 0, 0},
    {"fdb_lookup_miss", "fdb_lookup(), unknown address", run_fdb_lookup, start_fdb, NULL, addresses_were_known, 1000,
     0},
    {.name = NULL},
};
