// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/acl/conntrack_rules.h"

/* Random histories of a few hosts, shown to the session table and to a plain list with the rules written out once
 * more. A worker would do with each packet what step() does. */

#define SEED      20240229u
#define STEPS     200000
#define MODEL_MAX 4096
#define TURN      64u /* a session whose state shortened its time may be found this much longer */
#define N_HOSTS   4
#define N_PORTS   3
#define N_ZONES   2

/* Zone 1 is charged to an account with these limits; in zone 2 connections are picked up in mid-stream. */
#define ACCOUNT_ZONE 1u
#define PICK_UP_ZONE 2u
#define MAX          40u
#define HALF_OPEN    5u
#define TIMES        6u /* number of the set of timeouts of zone 2 */
#define UDP_SINGLE   45u

struct model_session {
    struct ct_tuple original;
    enum session_state state;
    uint32_t last_seen;
    uint32_t half_open_since; /* number of the step */
};

struct model {
    struct model_session sessions[MODEL_MAX];
    size_t n;
    uint32_t random;
    uint32_t account;
    uint32_t step;
    uint32_t refused;
    uint32_t early_drops;
};

static uint32_t pick(struct model *model, uint32_t n)
{
    model->random = model->random * 1664525u + 1013904223u;
    return (model->random >> 8) % n;
}

static bool same_tuple(const struct ct_tuple *a, const struct ct_tuple *b)
{
    return inet_addr_equal(&a->src, &b->src) && inet_addr_equal(&a->dst, &b->dst) && a->src_port == b->src_port &&
           a->dst_port == b->dst_port && a->protocol == b->protocol && a->icmp_type == b->icmp_type &&
           a->zone == b->zone;
}

static struct model_session *model_find(struct model *model, const struct ct_tuple *tuple, enum ct_direction *direction)
{
    struct ct_tuple reverse = ct_tuple_reverse(tuple);

    for (size_t i = 0; i < model->n; i++) {
        *direction = same_tuple(&model->sessions[i].original, tuple) ? CT_ORIGINAL : CT_REPLY;
        if (*direction == CT_ORIGINAL || same_tuple(&model->sessions[i].original, &reverse))
            return &model->sessions[i];
    }
    return NULL;
}

static void model_remove(struct model *model, struct model_session *session)
{
    *session = model->sessions[--model->n];
}

static uint32_t timeout_of(const struct model_session *session)
{
    if (session->original.zone == PICK_UP_ZONE && session->state == SESSION_ONE_WAY &&
        session->original.protocol == UDP)
        return UDP_SINGLE;
    return session_timeout(session->original.protocol, session->state);
}

/* Of the account's sessions: how many there are, and which has been half-open for the longest time (NULL: none). */
static uint32_t count_charged(struct model *model, uint32_t *n_half_open, struct model_session **oldest)
{
    uint32_t n = 0;

    *n_half_open = 0;
    *oldest = NULL;
    for (size_t i = 0; i < model->n; i++) {
        struct model_session *session = &model->sessions[i];

        if (session->original.zone != ACCOUNT_ZONE)
            continue;
        n++;
        if (session->original.protocol != TCP || !is_half_open(session->state))
            continue;
        ++*n_half_open;
        if (*oldest == NULL || session->half_open_since < (*oldest)->half_open_since)
            *oldest = session;
    }
    return n;
}

static void model_early_drop(struct model *model, struct model_session *oldest)
{
    model_remove(model, oldest);
    model->early_drops++;
}

/* After a session has become half-open. */
static void model_limit_half_open(struct model *model)
{
    struct model_session *oldest = NULL;
    uint32_t n_half_open = 0;

    count_charged(model, &n_half_open, &oldest);
    if (n_half_open > HALF_OPEN)
        model_early_drop(model, oldest);
}

/* Room for one more of the account? */
static bool model_charge(struct model *model)
{
    struct model_session *oldest = NULL;
    uint32_t n_half_open = 0;

    if (count_charged(model, &n_half_open, &oldest) < MAX)
        return true;
    if (oldest != NULL)
        model_early_drop(model, oldest);
    else
        model->refused++;
    return oldest != NULL;
}

/* The state of a session that the packet opens; SESSION_NONE: it cannot. */
static enum session_state model_opens(const struct packet *packet, uint32_t zone)
{
    bool pick_up = zone == PICK_UP_ZONE && packet->tcp_flags == ACK;

    switch (packet->protocol) {
    case TCP:
        return pick_up ? SESSION_ESTABLISHED : packet->tcp_flags == SYN ? SESSION_SYN_SENT : SESSION_NONE;
    case SCTP:
        return pick_up                                        ? SESSION_ESTABLISHED
               : packet->tcp_flags == (PACKET_SCTP_CHUNK | 1) ? SESSION_COOKIE_WAIT
                                                              : SESSION_NONE;
    case UDP:
        return SESSION_ONE_WAY;
    default:
        return packet->icmp_type == 8 ? SESSION_ONE_WAY : SESSION_NONE;
    }
}

static struct packet random_packet(struct model *model)
{
    static const uint8_t protocols[] = {TCP, TCP, TCP, TCP, UDP, ICMP, SCTP};
    static const uint8_t flags[] = {SYN, SYN, SYN_ACK, ACK, ACK, FIN_ACK, RST, RST | ACK, 0};
    static const uint8_t chunks[] = {1, 1, 2, 6, 7, 8, 10, 10, 11, 11, 14}; /* RFC 9260 3.2 */
    struct packet packet = make_packet("10.0.0.0", "10.0.0.0", protocols[pick(model, sizeof protocols)]);

    packet.src.bytes[15] = (uint8_t)pick(model, N_HOSTS);
    packet.dst.bytes[15] = (uint8_t)((packet.src.bytes[15] + 1 + pick(model, N_HOSTS - 1)) % N_HOSTS);
    if (packet.protocol == ICMP) {
        packet.icmp_type = pick(model, 2) * 8;
        packet.icmp_id = (uint16_t)pick(model, N_PORTS);
        return packet;
    }
    packet.src_port = (uint16_t)pick(model, N_PORTS);
    packet.dst_port = (uint16_t)pick(model, N_PORTS);
    if (packet.protocol == TCP)
        packet.tcp_flags = flags[pick(model, sizeof flags)];
    if (packet.protocol == SCTP)
        packet.tcp_flags =
            pick(model, 4) == 0 ? PACKET_SCTP_PLAIN : PACKET_SCTP_CHUNK | chunks[pick(model, sizeof chunks)];
    return packet;
}

/* What must come out of conntrack_track(); changes the model. */
static enum ct_result model_track(struct model *model, struct model_session *session, enum ct_direction direction,
                                  uint8_t flags, uint32_t now)
{
    enum session_state state = direction == CT_REPLY ? SESSION_TWO_WAY : session->state;
    bool was_half_open = is_half_open(session->state);

    if (session->original.protocol == TCP)
        state = after_segment(session->state, direction == CT_REPLY, flags);
    else if (session->original.protocol == SCTP)
        state = after_chunk(session->state, direction == CT_REPLY, sctp_class_of(flags));
    if (state == SESSION_NONE)
        return CT_INVALID;
    if (state == SESSION_REOPEN) {
        model_remove(model, session);
        return CT_GONE;
    }
    session->state = state;
    session->last_seen = now;
    if (is_half_open(state) && !was_half_open) {
        session->half_open_since = model->step;
        model_limit_half_open(model);
    }
    return state == SESSION_ESTABLISHED || state == SESSION_TWO_WAY || state == SESSION_ONE_WAY ? CT_SETTLED : CT_TRACK;
}

/* After the clock went on: a session whose time is over may be found for one turn more. From here until the clock goes
 * on again, the table and the model know the same sessions. */
static void forget_expired(struct model *model, struct conntrack *ct, uint32_t now)
{
    for (size_t i = model->n; i-- > 0;) {
        struct model_session *session = &model->sessions[i];
        uint32_t silent = now - session->last_seen;
        uint32_t timeout = timeout_of(session);
        struct ct_match match;

        if (silent < timeout)
            continue;
        if (!conntrack_find(ct, &session->original, &match))
            model_remove(model, session);
        else
            assert_true(silent < timeout + TURN);
    }
}

static void expect_same_open(struct model *model, struct conntrack *ct, const struct packet *packet,
                             const struct ct_tuple *tuple, uint32_t now)
{
    bool charged = tuple->zone == ACCOUNT_ZONE;
    enum session_state state = model_opens(packet, tuple->zone);
    struct ct_new new_session = {
        .tuple = *tuple,
        .packet = packet,
        .account = charged ? model->account : 0,
        .timeouts = tuple->zone == PICK_UP_ZONE ? TIMES : 0,
        .pick_up = tuple->zone == PICK_UP_ZONE,
    };
    struct ct_match match;
    int expected = state == SESSION_NONE ? -EINVAL : charged && !model_charge(model) ? -EDQUOT : 0;

    assert_int_equal(conntrack_open(ct, pick(model, 2), &new_session, now, &match), expected);
    if (expected != 0)
        return;
    assert_int_equal(match.direction, CT_ORIGINAL);
    assert_true(model->n < MODEL_MAX);
    model->sessions[model->n++] =
        (struct model_session){.original = *tuple, .state = state, .last_seen = now, .half_open_since = model->step};
    if (is_half_open(state))
        model_limit_half_open(model);
}

static void step(struct model *model, struct conntrack *ct, uint32_t now)
{
    struct packet packet = random_packet(model);
    struct ct_tuple tuple = tuple_of(&packet, 1 + pick(model, N_ZONES));
    enum ct_direction direction = CT_ORIGINAL;
    struct model_session *session = model_find(model, &tuple, &direction);
    enum ct_result result = CT_GONE;
    struct ct_match match;

    model->step++;
    assert_int_equal(conntrack_find(ct, &tuple, &match), session != NULL);
    if (session != NULL) {
        assert_int_equal(match.direction, direction);
        result = conntrack_track(ct, match.session, match.direction, packet.tcp_flags, now);
        assert_int_equal(result, model_track(model, session, match.direction, packet.tcp_flags, now));
    }
    if (result == CT_GONE)
        expect_same_open(model, ct, &packet, &tuple, now);
}

static void flush_zone(struct model *model, struct conntrack *ct, uint32_t zone)
{
    conntrack_flush(ct, zone, false);
    for (size_t i = model->n; i-- > 0;) {
        if (model->sessions[i].original.zone == zone)
            model_remove(model, &model->sessions[i]);
    }
}

/* The dump holds nothing that the model does not know, and counts agree with it. */
static void expect_same_dump(struct model *model, const struct conntrack *ct)
{
    struct session_copy copies[64];
    uint32_t cursor = 0;
    uint32_t total = 0;
    size_t n = 0;

    do {
        n = conntrack_dump(ct, &cursor, copies, 64);
        for (size_t i = 0; i < n; i++) {
            enum ct_direction direction;
            const struct model_session *session = model_find(model, &copies[i].original, &direction);

            assert_non_null(session);
            assert_int_equal(direction, CT_ORIGINAL);
            assert_int_equal(copies[i].state, session->state);
            assert_int_equal(copies[i].expires, session->last_seen + timeout_of(session));
        }
        total += (uint32_t)n;
    } while (n == 64);
    assert_int_equal(total, conntrack_count(ct));
    assert_int_equal(total, model->n);
}

static void expect_same_usage(struct model *model, const struct conntrack *ct)
{
    struct model_session *oldest = NULL;
    uint32_t n_half_open = 0;
    uint32_t n = count_charged(model, &n_half_open, &oldest);
    struct ct_usage usage;

    conntrack_account_usage(ct, model->account, &usage);
    assert_int_equal(usage.sessions, n);
    assert_int_equal(usage.half_open, n_half_open);
    assert_int_equal(usage.refused, model->refused);
    assert_int_equal(usage.early_drops, model->early_drops);
}

static struct conntrack *make_limited_table(struct model *model)
{
    struct conntrack *ct = make_table(2048, 2);
    struct session_timeouts times = {0};

    model->account = conntrack_account_open(ct, &(struct ct_limits){.max = MAX, .half_open = HALF_OPEN});
    assert_int_not_equal(model->account, 0);
    assert_int_equal(session_timeouts_set(&times, "udp_single", UDP_SINGLE), 0);
    conntrack_set_timeouts(ct, TIMES, &times);
    return ct;
}

static void random_histories_agree_with_the_model(void **state)
{
    struct model *model = calloc(1, sizeof *model);
    struct conntrack *ct = NULL;
    uint32_t now = START_TICK;

    assert_non_null(model);
    model->random = SEED;
    ct = make_limited_table(model);
    print_message("seed %u\n", SEED);
    for (unsigned int i = 0; i < STEPS; i++) {
        step(model, ct, now);
        if (pick(model, 20) == 0) {
            now += 1 + pick(model, pick(model, 50) == 0 ? 200 : 3);
            run_fully(ct, 0, now);
            run_fully(ct, 1, now);
            forget_expired(model, ct, now);
        }
        if (pick(model, 5000) == 0)
            flush_zone(model, ct, 1 + pick(model, N_ZONES));
        if (i % 100 == 0)
            expect_same_usage(model, ct);
        if (i % 1000 == 0)
            expect_same_dump(model, ct);
    }
    print_message("%u refused, %u early drops\n", model->refused, model->early_drops);
    assert_true(model->refused > 100 && model->early_drops > 100);
    conntrack_destroy(ct);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
