// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <stdio.h>

#include "tests/unit/acl/conntrack_fixture.h"

/* Random histories of a few hosts, shown to the session table and to a plain list with the rules written out once
 * more. A worker would do with each packet what step() does. */

#define SEED      20240229u
#define STEPS     200000
#define MODEL_MAX 4096
#define TURN      64u /* a session whose state shortened its time may be found this much longer */
#define N_HOSTS   4
#define N_PORTS   3
#define N_ZONES   2

struct model_session {
    struct ct_tuple original;
    enum session_state state;
    uint32_t last_seen;
};

struct model {
    struct model_session sessions[MODEL_MAX];
    size_t n;
    uint32_t random;
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

static bool is_closing(enum session_state state)
{
    return state == SESSION_FIN_WAIT || state == SESSION_CLOSE_WAIT || state == SESSION_LAST_ACK;
}

static bool is_over(enum session_state state)
{
    return state == SESSION_TIME_WAIT || state == SESSION_CLOSE;
}

static bool is_opening(enum session_state state)
{
    return state == SESSION_SYN_SENT || state == SESSION_SYN_SENT2;
}

static enum session_state after_syn(enum session_state state, bool reply, bool ack)
{
    if (!ack) {
        if (is_over(state))
            return TCP_REOPEN;
        if (state == SESSION_SYN_SENT && reply)
            return SESSION_SYN_SENT2;
        return is_closing(state) && reply ? SESSION_NONE : state;
    }
    if (state == SESSION_SYN_SENT2 || (state == SESSION_SYN_SENT && reply))
        return SESSION_SYN_RECV;
    return reply || state == SESSION_SYN_RECV || state == SESSION_ESTABLISHED ? state : SESSION_NONE;
}

static enum session_state after_ack(enum session_state state, bool reply)
{
    if (is_opening(state))
        return reply ? state : SESSION_NONE;
    if (state == SESSION_SYN_RECV)
        return reply ? state : SESSION_ESTABLISHED;
    if (state == SESSION_FIN_WAIT)
        return SESSION_CLOSE_WAIT;
    return state == SESSION_LAST_ACK ? SESSION_TIME_WAIT : state;
}

/* The segments that the test makes have no impossible flags but 0. */
static enum session_state after_segment(enum session_state state, enum ct_direction direction, uint8_t flags)
{
    if (flags == 0)
        return SESSION_NONE;
    if (flags & RST)
        return SESSION_CLOSE;
    if (flags & SYN)
        return after_syn(state, direction == CT_REPLY, flags & ACK);
    if (!(flags & TCP_FLAG_FIN))
        return after_ack(state, direction == CT_REPLY);
    if (is_opening(state))
        return SESSION_NONE;
    if (state == SESSION_SYN_RECV || state == SESSION_ESTABLISHED)
        return SESSION_FIN_WAIT;
    return is_closing(state) ? SESSION_LAST_ACK : state;
}

static bool model_admits(const struct packet *packet)
{
    if (packet->protocol == TCP)
        return packet->tcp_flags == SYN;
    return packet->protocol == UDP || packet->icmp_type == 8;
}

static struct packet random_packet(struct model *model)
{
    static const uint8_t protocols[] = {TCP, TCP, TCP, UDP, ICMP};
    static const uint8_t flags[] = {SYN, SYN, SYN_ACK, ACK, ACK, FIN_ACK, RST, 0};
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
    return packet;
}

/* What must come out of conntrack_track(); changes the model. */
static enum ct_result model_track(struct model *model, struct model_session *session, enum ct_direction direction,
                                  uint8_t flags, uint32_t now)
{
    enum session_state state = direction == CT_REPLY ? SESSION_TWO_WAY : session->state;

    if (session->original.protocol == TCP)
        state = after_segment(session->state, direction, flags);
    if (state == SESSION_NONE)
        return CT_INVALID;
    if (state == TCP_REOPEN) {
        model_remove(model, session);
        return CT_GONE;
    }
    session->state = state;
    session->last_seen = now;
    return state == SESSION_ESTABLISHED || state == SESSION_TWO_WAY ? CT_SETTLED : CT_TRACK;
}

/* Both must know the session, or neither; between its time and one turn more either may be. */
static struct model_session *expect_same_find(struct model *model, const struct ct_tuple *tuple, bool found,
                                              enum ct_direction found_direction, uint32_t now)
{
    enum ct_direction direction = CT_ORIGINAL;
    struct model_session *session = model_find(model, tuple, &direction);

    if (session == NULL) {
        assert_false(found);
        return NULL;
    }
    uint32_t silent = now - session->last_seen;
    uint32_t timeout = session_timeout(session->original.protocol, session->state);

    if (silent < timeout)
        assert_true(found);
    if (silent >= timeout + TURN)
        assert_false(found);
    if (!found) {
        model_remove(model, session);
        return NULL;
    }
    assert_int_equal(direction, found_direction);
    return session;
}

static void expect_same_open(struct model *model, struct conntrack *ct, const struct packet *packet,
                             const struct ct_tuple *tuple, uint32_t now)
{
    struct ct_match match;

    assert_int_equal(conntrack_admission(packet) == CT_ADMIT, model_admits(packet));
    if (!model_admits(packet))
        return;
    assert_int_equal(open_in(ct, pick(model, 2), packet, tuple->zone, now, &match), 0);
    assert_int_equal(match.direction, CT_ORIGINAL);
    assert_true(model->n < MODEL_MAX);
    model->sessions[model->n++] = (struct model_session){
        .original = *tuple, .state = packet->protocol == TCP ? SESSION_SYN_SENT : SESSION_ONE_WAY, .last_seen = now};
}

static void step(struct model *model, struct conntrack *ct, uint32_t now)
{
    struct packet packet = random_packet(model);
    struct ct_tuple tuple = tuple_of(&packet, 1 + pick(model, N_ZONES));
    struct ct_match match;
    bool found = conntrack_find(ct, &tuple, &match);
    struct model_session *session = expect_same_find(model, &tuple, found, match.direction, now);
    enum ct_result result = CT_GONE;

    if (session != NULL) {
        enum ct_result expected = model_track(model, session, match.direction, packet.tcp_flags, now);

        result = conntrack_track(ct, match.session, match.direction, packet.tcp_flags, now);
        assert_int_equal(result, expected);
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
            assert_int_equal(copies[i].expires,
                             session->last_seen + session_timeout(session->original.protocol, session->state));
        }
        total += (uint32_t)n;
    } while (n == 64);
    assert_int_equal(total, conntrack_count(ct));
    assert_true(total <= model->n);
}

static void random_histories_agree_with_the_model(void **state)
{
    struct model *model = calloc(1, sizeof *model);
    struct conntrack *ct = make_table(2048, 2);
    uint32_t now = START_TICK;

    assert_non_null(model);
    model->random = SEED;
    print_message("seed %u\n", SEED);
    for (unsigned int i = 0; i < STEPS; i++) {
        step(model, ct, now);
        if (pick(model, 20) == 0) {
            now += 1 + pick(model, pick(model, 50) == 0 ? 200 : 3);
            run_fully(ct, 0, now);
            run_fully(ct, 1, now);
        }
        if (pick(model, 5000) == 0)
            flush_zone(model, ct, 1 + pick(model, N_ZONES));
        if (i % 1000 == 0)
            expect_same_dump(model, ct);
    }
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
