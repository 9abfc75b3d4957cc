// SPDX-License-Identifier: Apache-2.0
#include "acl/sctp_states.h"

#include "tests/unit/acl/conntrack_fixture.h"

/* A history: packets in order, and the state after each. */
struct step {
    enum ct_direction direction;
    enum sctp_class class;
    enum session_state state;
};

#define ORIG CT_ORIGINAL
#define REPL CT_REPLY

static void expect_history(const struct step *steps, size_t n)
{
    enum session_state state = SESSION_NONE;

    for (size_t i = 0; i < n; i++) {
        state = sctp_next_state(state, steps[i].direction, steps[i].class);
        assert_string_equal(session_state_name(state), session_state_name(steps[i].state));
        assert_int_equal(state, steps[i].state);
    }
}

#define EXPECT_HISTORY(steps) expect_history(steps, sizeof(steps) / sizeof((steps)[0]))
#define HANDSHAKE                                                                       \
    {ORIG, SCTP_INIT, SESSION_COOKIE_WAIT}, {REPL, SCTP_INIT_ACK, SESSION_COOKIE_WAIT}, \
        {ORIG, SCTP_COOKIE_ECHO, SESSION_COOKIE_ECHOED},                                \
    {                                                                                   \
        REPL, SCTP_COOKIE_ACK, SESSION_ESTABLISHED                                      \
    }

static void four_way_handshake_establishes(void **state)
{
    static const struct step steps[] = {HANDSHAKE, {REPL, SCTP_PLAIN, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
}

static void lost_chunks_of_the_handshake_are_resent(void **state)
{
    static const struct step steps[] = {
        {ORIG, SCTP_INIT, SESSION_COOKIE_WAIT},          {ORIG, SCTP_INIT, SESSION_COOKIE_WAIT},
        {REPL, SCTP_INIT_ACK, SESSION_COOKIE_WAIT},      {REPL, SCTP_INIT_ACK, SESSION_COOKIE_WAIT},
        {ORIG, SCTP_COOKIE_ECHO, SESSION_COOKIE_ECHOED}, {ORIG, SCTP_COOKIE_ECHO, SESSION_COOKIE_ECHOED},
        {REPL, SCTP_COOKIE_ACK, SESSION_ESTABLISHED},    {ORIG, SCTP_COOKIE_ECHO, SESSION_ESTABLISHED},
        {REPL, SCTP_COOKIE_ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
}

/* RFC 9260 5.2.1 */
static void both_sides_beginning_establish_one_association(void **state)
{
    static const struct step steps[] = {
        {ORIG, SCTP_INIT, SESSION_COOKIE_WAIT},          {REPL, SCTP_INIT, SESSION_COOKIE_WAIT},
        {ORIG, SCTP_INIT_ACK, SESSION_COOKIE_WAIT},      {REPL, SCTP_INIT_ACK, SESSION_COOKIE_WAIT},
        {REPL, SCTP_COOKIE_ECHO, SESSION_COOKIE_ECHOED}, {ORIG, SCTP_COOKIE_ECHO, SESSION_COOKIE_ECHOED},
        {ORIG, SCTP_COOKIE_ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
}

static void shutdown_by_either_side_closes(void **state)
{
    static const struct step original[] = {HANDSHAKE,
                                           {ORIG, SCTP_SHUTDOWN, SESSION_SHUTDOWN_SENT},
                                           {REPL, SCTP_PLAIN, SESSION_SHUTDOWN_SENT},
                                           {REPL, SCTP_SHUTDOWN_ACK, SESSION_SHUTDOWN_ACK_SENT},
                                           {ORIG, SCTP_SHUTDOWN_COMPLETE, SESSION_CLOSED},
                                           {ORIG, SCTP_INIT, SESSION_REOPEN}};
    static const struct step reply[] = {HANDSHAKE,
                                        {REPL, SCTP_SHUTDOWN, SESSION_SHUTDOWN_RECD},
                                        {ORIG, SCTP_SHUTDOWN_ACK, SESSION_SHUTDOWN_ACK_SENT},
                                        {REPL, SCTP_SHUTDOWN_COMPLETE, SESSION_CLOSED},
                                        {REPL, SCTP_INIT, SESSION_REOPEN}};

    EXPECT_HISTORY(original);
    EXPECT_HISTORY(reply);
}

static void abort_is_false_when_the_association_goes_on(void **state)
{
    static const struct step steps[] = {HANDSHAKE,
                                        {REPL, SCTP_ABORT, SESSION_ABORTED},
                                        {ORIG, SCTP_INIT, SESSION_ABORTED},
                                        {REPL, SCTP_ABORT, SESSION_ABORTED},
                                        {REPL, SCTP_PLAIN, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
    assert_string_equal(session_state_name(SESSION_ABORTED), "CLOSED");
}

static void association_after_an_abort_opens_between_the_same_ports(void **state)
{
    static const struct step steps[] = {HANDSHAKE,
                                        {ORIG, SCTP_ABORT, SESSION_ABORTED},
                                        {ORIG, SCTP_INIT, SESSION_ABORTED},
                                        {REPL, SCTP_INIT_ACK, SESSION_ABORTED},
                                        {ORIG, SCTP_COOKIE_ECHO, SESSION_COOKIE_ECHOED},
                                        {REPL, SCTP_COOKIE_ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
}

static void only_an_init_of_the_original_side_opens(void **state)
{
    for (enum sctp_class class = 0; class < SCTP_N_CLASSES; class ++) {
        assert_int_equal(sctp_next_state(SESSION_NONE, CT_ORIGINAL, class),
                         class == SCTP_INIT ? SESSION_COOKIE_WAIT : SESSION_NONE);
        assert_int_equal(sctp_next_state(SESSION_NONE, CT_REPLY, class), SESSION_NONE);
    }
}

static void chunks_that_skip_the_handshake_do_not_fit(void **state)
{
    assert_int_equal(sctp_next_state(SESSION_COOKIE_WAIT, CT_ORIGINAL, SCTP_PLAIN), SESSION_NONE);
    assert_int_equal(sctp_next_state(SESSION_COOKIE_WAIT, CT_REPLY, SCTP_COOKIE_ACK), SESSION_NONE);
    assert_int_equal(sctp_next_state(SESSION_COOKIE_WAIT, CT_REPLY, SCTP_SHUTDOWN), SESSION_NONE);
    assert_int_equal(sctp_next_state(SESSION_COOKIE_ECHOED, CT_REPLY, SCTP_SHUTDOWN), SESSION_NONE);
}

static void table_has_no_states_of_others(void **state)
{
    for (enum session_state s = SESSION_COOKIE_WAIT; s <= SESSION_ABORTED; s++) {
        for (unsigned int cell = 0; cell < 2 * SCTP_N_CLASSES; cell++) {
            enum session_state next = sctp_next_state(s, cell & 1, cell >> 1);

            assert_true(next == SESSION_NONE || next == SESSION_ESTABLISHED || next == SESSION_REOPEN ||
                        (next >= SESSION_COOKIE_WAIT && next <= SESSION_ABORTED));
            assert_true(next != SESSION_REOPEN || s == SESSION_CLOSED);
        }
    }
}

static void classes_by_flags(void **state)
{
    assert_int_equal(sctp_class_of(PACKET_SCTP_PLAIN), SCTP_PLAIN);
    assert_int_equal(sctp_class_of(PACKET_SCTP_CHUNK | 1), SCTP_INIT);
    assert_int_equal(sctp_class_of(PACKET_SCTP_CHUNK | 6), SCTP_ABORT);
    assert_int_equal(sctp_class_of(PACKET_SCTP_CHUNK | 14), SCTP_SHUTDOWN_COMPLETE);
    assert_int_equal(sctp_class_of(PACKET_SCTP_CHUNK), SCTP_IMPOSSIBLE);
    assert_int_equal(sctp_class_of(PACKET_SCTP_CHUNK | 15), SCTP_IMPOSSIBLE);
    assert_int_equal(sctp_class_of(0), SCTP_IMPOSSIBLE);
    assert_int_equal(sctp_class_of(0xff), SCTP_IMPOSSIBLE);
}

static void association_is_tracked_like_a_connection(void **state)
{
    struct conntrack *ct = make_table(64, 1);
    struct packet init = make_sctp(1000, 3868, PACKET_SCTP_CHUNK | 1);
    uint32_t session = open_ok(ct, &init, START_TICK);

    assert_int_equal(conntrack_track(ct, session, REPL, PACKET_SCTP_PLAIN, START_TICK), CT_INVALID);
    assert_int_equal(conntrack_track(ct, session, REPL, 0, START_TICK), CT_INVALID);
    assert_int_equal(conntrack_track(ct, session, REPL, PACKET_SCTP_CHUNK | 2, START_TICK), CT_TRACK);
    assert_int_equal(conntrack_track(ct, session, ORIG, PACKET_SCTP_CHUNK | 10, START_TICK), CT_TRACK);
    assert_int_equal(conntrack_track(ct, session, REPL, PACKET_SCTP_CHUNK | 11, START_TICK), CT_SETTLED);
    run_fully(ct, 0, START_TICK + 209);
    assert_int_equal(conntrack_count(ct), 1);
    run_fully(ct, 0, START_TICK + 210);
    assert_int_equal(conntrack_count(ct), 0);
    conntrack_destroy(ct);
}

static void admission_takes_an_init_alone(void **state)
{
    for (uint8_t type = 0; type < 16; type++) {
        struct packet packet = make_sctp(1, 2, PACKET_SCTP_CHUNK | type);

        assert_int_equal(conntrack_admission(&packet), type == 1 ? CT_ADMIT : CT_REFUSE);
    }
    struct packet plain = make_sctp(1, 2, PACKET_SCTP_PLAIN);

    assert_int_equal(conntrack_admission(&plain), CT_PICK_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_way_handshake_establishes),
        cmocka_unit_test(lost_chunks_of_the_handshake_are_resent),
        cmocka_unit_test(both_sides_beginning_establish_one_association),
        cmocka_unit_test(shutdown_by_either_side_closes),
        cmocka_unit_test(abort_is_false_when_the_association_goes_on),
        cmocka_unit_test(association_after_an_abort_opens_between_the_same_ports),
        cmocka_unit_test(only_an_init_of_the_original_side_opens),
        cmocka_unit_test(chunks_that_skip_the_handshake_do_not_fit),
        cmocka_unit_test(table_has_no_states_of_others),
        cmocka_unit_test(classes_by_flags),
        cmocka_unit_test(association_is_tracked_like_a_connection),
        cmocka_unit_test(admission_takes_an_init_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
