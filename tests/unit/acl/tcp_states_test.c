// SPDX-License-Identifier: Apache-2.0
#include "acl/tcp_states.h"

#include "tests/unit/acl/conntrack_fixture.h"

/* A history: segments in order, and the state after each. */
struct step {
    enum ct_direction direction;
    uint8_t flags;
    enum session_state state;
};

#define ORIG CT_ORIGINAL
#define REPL CT_REPLY

static void expect_history(const struct step *steps, size_t n)
{
    enum session_state state = SESSION_NONE;

    for (size_t i = 0; i < n; i++) {
        enum tcp_class class = tcp_class_of(steps[i].flags);

        assert_int_not_equal(class, TCP_IMPOSSIBLE);
        state = tcp_next_state(state, steps[i].direction, class);
        assert_string_equal(session_state_name(state), session_state_name(steps[i].state));
        assert_int_equal(state, steps[i].state);
    }
}

#define EXPECT_HISTORY(steps) expect_history(steps, sizeof(steps) / sizeof((steps)[0]))

static const struct step handshake[] = {
    {ORIG, SYN, SESSION_SYN_SENT}, {REPL, SYN_ACK, SESSION_SYN_RECV}, {ORIG, ACK, SESSION_ESTABLISHED}};

static void handshake_establishes(void **state)
{
    EXPECT_HISTORY(handshake);
}

static void lost_handshake_segments_are_resent(void **state)
{
    static const struct step steps[] = {{ORIG, SYN, SESSION_SYN_SENT},        {ORIG, SYN, SESSION_SYN_SENT},
                                        {REPL, SYN_ACK, SESSION_SYN_RECV},    {ORIG, SYN, SESSION_SYN_RECV},
                                        {REPL, SYN_ACK, SESSION_SYN_RECV},    {ORIG, ACK, SESSION_ESTABLISHED},
                                        {REPL, SYN_ACK, SESSION_ESTABLISHED}, {ORIG, ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
}

static void refused_connection_closes(void **state)
{
    static const struct step steps[] = {
        {ORIG, SYN, SESSION_SYN_SENT}, {REPL, RST | ACK, SESSION_CLOSE}, {ORIG, SYN, SESSION_REOPEN}};

    EXPECT_HISTORY(steps);
}

static void orderly_close_goes_through_every_state(void **state)
{
    static const struct step steps[] = {{ORIG, SYN, SESSION_SYN_SENT},    {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED}, {ORIG, FIN_ACK, SESSION_FIN_WAIT},
                                        {REPL, ACK, SESSION_CLOSE_WAIT},  {REPL, FIN_ACK, SESSION_LAST_ACK},
                                        {ORIG, ACK, SESSION_TIME_WAIT},   {REPL, FIN_ACK, SESSION_TIME_WAIT},
                                        {ORIG, ACK, SESSION_TIME_WAIT},   {ORIG, SYN, SESSION_REOPEN}};

    EXPECT_HISTORY(steps);
}

static void close_by_the_server_goes_the_same_way(void **state)
{
    static const struct step steps[] = {{ORIG, SYN, SESSION_SYN_SENT},    {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED}, {REPL, FIN_ACK, SESSION_FIN_WAIT},
                                        {ORIG, ACK, SESSION_CLOSE_WAIT},  {ORIG, FIN_ACK, SESSION_LAST_ACK},
                                        {REPL, ACK, SESSION_TIME_WAIT},   {REPL, SYN, SESSION_REOPEN}};

    EXPECT_HISTORY(steps);
}

static void half_closed_connection_carries_data(void **state)
{
    static const struct step steps[] = {{ORIG, SYN, SESSION_SYN_SENT},
                                        {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED},
                                        {ORIG, FIN_ACK, SESSION_FIN_WAIT},
                                        {REPL, ACK | TCP_FLAG_PSH, SESSION_CLOSE_WAIT},
                                        {ORIG, ACK, SESSION_CLOSE_WAIT},
                                        {REPL, ACK | TCP_FLAG_PSH, SESSION_CLOSE_WAIT},
                                        {ORIG, ACK, SESSION_CLOSE_WAIT}};

    EXPECT_HISTORY(steps);
}

static void simultaneous_close_ends_in_time_wait(void **state)
{
    static const struct step steps[] = {{ORIG, SYN, SESSION_SYN_SENT},     {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED},  {ORIG, FIN_ACK, SESSION_FIN_WAIT},
                                        {REPL, FIN_ACK, SESSION_LAST_ACK}, {ORIG, ACK, SESSION_TIME_WAIT},
                                        {REPL, ACK, SESSION_TIME_WAIT}};

    EXPECT_HISTORY(steps);
}

static void simultaneous_open_establishes(void **state)
{
    static const struct step steps[] = {{ORIG, SYN, SESSION_SYN_SENT},     {REPL, SYN, SESSION_SYN_SENT2},
                                        {ORIG, SYN_ACK, SESSION_SYN_RECV}, {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED},  {ORIG, SYN_ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(steps);
}

static const enum session_state under_way[] = {SESSION_ESTABLISHED, SESSION_FIN_WAIT, SESSION_CLOSE_WAIT};

static void reset_of_a_connection_under_way_remembers_its_side(void **state)
{
    for (size_t i = 0; i < sizeof under_way / sizeof under_way[0]; i++) {
        assert_int_equal(tcp_next_state(under_way[i], CT_ORIGINAL, TCP_RST), SESSION_RESET_ORIGINAL);
        assert_int_equal(tcp_next_state(under_way[i], CT_ORIGINAL, TCP_RST_ACK), SESSION_RESET_ORIGINAL);
        assert_int_equal(tcp_next_state(under_way[i], CT_REPLY, TCP_RST), SESSION_RESET_REPLY);
        assert_int_equal(tcp_next_state(under_way[i], CT_REPLY, TCP_RST_ACK), SESSION_RESET_REPLY);
    }
    assert_string_equal(session_state_name(SESSION_RESET_ORIGINAL), "CLOSE");
    assert_string_equal(session_state_name(SESSION_RESET_REPLY), "CLOSE");
}

static void reset_is_false_when_its_side_goes_on(void **state)
{
    static const struct step original[] = {
        {ORIG, SYN, SESSION_SYN_SENT},       {REPL, SYN_ACK, SESSION_SYN_RECV},   {ORIG, ACK, SESSION_ESTABLISHED},
        {ORIG, RST, SESSION_RESET_ORIGINAL}, {REPL, ACK, SESSION_RESET_ORIGINAL}, {ORIG, RST, SESSION_RESET_ORIGINAL},
        {ORIG, ACK, SESSION_ESTABLISHED},    {ORIG, RST, SESSION_RESET_ORIGINAL}, {ORIG, FIN_ACK, SESSION_FIN_WAIT}};
    static const struct step reply[] = {{ORIG, SYN, SESSION_SYN_SENT},          {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED},       {REPL, RST, SESSION_RESET_REPLY},
                                        {ORIG, ACK, SESSION_RESET_REPLY},       {REPL, ACK, SESSION_ESTABLISHED},
                                        {REPL, RST | ACK, SESSION_RESET_REPLY}, {REPL, SYN_ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(original);
    EXPECT_HISTORY(reply);
}

static void reset_and_syn_of_one_side_end_nothing(void **state)
{
    static const struct step original[] = {{ORIG, SYN, SESSION_SYN_SENT},       {REPL, SYN_ACK, SESSION_SYN_RECV},
                                           {ORIG, ACK, SESSION_ESTABLISHED},    {ORIG, RST, SESSION_RESET_ORIGINAL},
                                           {ORIG, SYN, SESSION_RESET_ORIGINAL}, {REPL, ACK, SESSION_RESET_ORIGINAL},
                                           {ORIG, ACK, SESSION_ESTABLISHED}};
    static const struct step reply[] = {{ORIG, SYN, SESSION_SYN_SENT},    {REPL, SYN_ACK, SESSION_SYN_RECV},
                                        {ORIG, ACK, SESSION_ESTABLISHED}, {REPL, RST, SESSION_RESET_REPLY},
                                        {REPL, SYN, SESSION_RESET_REPLY}, {REPL, ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(original);
    EXPECT_HISTORY(reply);
}

static void connection_after_a_reset_opens_between_the_same_ports(void **state)
{
    static const struct step original[] = {{ORIG, SYN, SESSION_SYN_SENT},       {REPL, SYN_ACK, SESSION_SYN_RECV},
                                           {ORIG, ACK, SESSION_ESTABLISHED},    {ORIG, RST, SESSION_RESET_ORIGINAL},
                                           {ORIG, SYN, SESSION_RESET_ORIGINAL}, {REPL, SYN_ACK, SESSION_SYN_RECV},
                                           {ORIG, ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(original);
    assert_int_equal(tcp_next_state(SESSION_RESET_ORIGINAL, CT_REPLY, TCP_SYN), SESSION_REOPEN);
    assert_int_equal(tcp_next_state(SESSION_RESET_REPLY, CT_ORIGINAL, TCP_SYN), SESSION_REOPEN);
    assert_int_equal(tcp_next_state(SESSION_RESET_REPLY, CT_ORIGINAL, TCP_SYN_ACK), SESSION_REOPEN);
}

static void resets_of_both_sides_close(void **state)
{
    assert_int_equal(tcp_next_state(SESSION_RESET_ORIGINAL, CT_REPLY, TCP_RST), SESSION_CLOSE);
    assert_int_equal(tcp_next_state(SESSION_RESET_REPLY, CT_ORIGINAL, TCP_RST_ACK), SESSION_CLOSE);
    assert_int_equal(tcp_next_state(SESSION_TIME_WAIT, CT_REPLY, TCP_RST), SESSION_CLOSE);
    assert_int_equal(tcp_next_state(SESSION_LAST_ACK, CT_ORIGINAL, TCP_RST), SESSION_CLOSE);
}

/* RFC 9293 3.10.7.3 */
static void reset_in_syn_sent_must_answer_with_ack(void **state)
{
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT, CT_REPLY, TCP_RST), SESSION_NONE);
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT, CT_REPLY, TCP_RST_ACK), SESSION_CLOSE);
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT, CT_ORIGINAL, TCP_RST), SESSION_SYN_SENT);
}

static void forged_reset_does_not_stop_a_handshake(void **state)
{
    static const struct step refused[] = {{ORIG, SYN, SESSION_SYN_SENT},
                                          {REPL, RST | ACK, SESSION_CLOSE},
                                          {REPL, SYN_ACK, SESSION_SYN_RECV},
                                          {ORIG, ACK, SESSION_ESTABLISHED}};
    static const struct step answered[] = {{ORIG, SYN, SESSION_SYN_SENT},
                                           {REPL, SYN_ACK, SESSION_SYN_RECV},
                                           {ORIG, RST, SESSION_SYN_RECV},
                                           {REPL, RST, SESSION_SYN_RECV},
                                           {ORIG, ACK, SESSION_ESTABLISHED}};

    EXPECT_HISTORY(refused);
    EXPECT_HISTORY(answered);
}

static void only_a_syn_of_the_original_side_opens(void **state)
{
    for (enum tcp_class class = 0; class < TCP_N_CLASSES; class ++) {
        assert_int_equal(tcp_next_state(SESSION_NONE, CT_ORIGINAL, class),
                         class == TCP_SYN ? SESSION_SYN_SENT : SESSION_NONE);
        assert_int_equal(tcp_next_state(SESSION_NONE, CT_REPLY, class), SESSION_NONE);
    }
}

static void segments_that_skip_the_handshake_do_not_fit(void **state)
{
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT, CT_ORIGINAL, TCP_ACK), SESSION_NONE);
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT, CT_ORIGINAL, TCP_SYN_ACK), SESSION_NONE);
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT, CT_REPLY, TCP_FIN), SESSION_NONE);
    assert_int_equal(tcp_next_state(SESSION_SYN_SENT2, CT_ORIGINAL, TCP_FIN), SESSION_NONE);
    assert_int_equal(tcp_next_state(SESSION_SYN_RECV, CT_REPLY, TCP_ACK), SESSION_SYN_RECV);
    assert_int_equal(tcp_next_state(SESSION_FIN_WAIT, CT_ORIGINAL, TCP_SYN_ACK), SESSION_NONE);
}

/* Established by the opener's ACK, or by what proves a reset false. */
static bool may_establish(enum session_state s, enum ct_direction direction, enum tcp_class class)
{
    switch (s) {
    case SESSION_ESTABLISHED:
        return true;
    case SESSION_SYN_RECV:
    case SESSION_RESET_ORIGINAL:
        return direction == CT_ORIGINAL && class == TCP_ACK;
    case SESSION_RESET_REPLY:
        return direction == CT_REPLY && (class == TCP_ACK || class == TCP_SYN_ACK);
    default:
        return false;
    }
}

static void table_is_complete(void **state)
{
    for (enum session_state s = SESSION_SYN_SENT; s <= SESSION_RESET_REPLY; s++) {
        for (unsigned int cell = 0; cell < 2 * TCP_N_CLASSES; cell++) {
            enum session_state next = tcp_next_state(s, cell & 1, cell >> 1);

            /* Never a state of another protocol, never back to SYN_SENT except from itself. */
            assert_true(next <= SESSION_RESET_REPLY || next == SESSION_REOPEN);
            assert_true(next != SESSION_SYN_SENT || s == SESSION_SYN_SENT);
            assert_true(next != SESSION_ESTABLISHED || may_establish(s, cell & 1, cell >> 1));
            assert_true(next != SESSION_REOPEN || s == SESSION_TIME_WAIT || s >= SESSION_CLOSE);
            assert_true(s < SESSION_ESTABLISHED || s >= SESSION_CLOSE || next == SESSION_NONE ||
                        next >= SESSION_ESTABLISHED);
        }
    }
}

static void classes_by_flags(void **state)
{
    const uint8_t ece_cwr = 0xc0;

    assert_int_equal(tcp_class_of(SYN | ece_cwr), TCP_SYN);
    assert_int_equal(tcp_class_of(SYN_ACK | 0x40), TCP_SYN_ACK);
    assert_int_equal(tcp_class_of(ACK | TCP_FLAG_PSH | TCP_FLAG_URG), TCP_ACK);
    assert_int_equal(tcp_class_of(FIN_ACK | TCP_FLAG_PSH), TCP_FIN);
    assert_int_equal(tcp_class_of(RST), TCP_RST);
    assert_int_equal(tcp_class_of(RST | ACK), TCP_RST_ACK);
    assert_int_equal(tcp_class_of(0), TCP_IMPOSSIBLE);
    assert_int_equal(tcp_class_of(TCP_FLAG_FIN), TCP_IMPOSSIBLE);
    assert_int_equal(tcp_class_of(SYN | TCP_FLAG_FIN), TCP_IMPOSSIBLE);
    assert_int_equal(tcp_class_of(SYN | RST), TCP_IMPOSSIBLE);
    assert_int_equal(tcp_class_of(TCP_FLAG_FIN | TCP_FLAG_PSH | TCP_FLAG_URG), TCP_IMPOSSIBLE);
    assert_int_equal(tcp_class_of(0xff), TCP_IMPOSSIBLE);
}

static void timeouts_outlast_the_flow_cache(void **state)
{
    static const uint8_t protocols[] = {TCP, UDP, ICMP, ICMPV6, GRE, SCTP};

    for (size_t i = 0; i < sizeof protocols; i++) {
        for (enum session_state s = SESSION_NONE; s < SESSION_N_STATES; s++)
            assert_true(session_timeout(protocols[i], s) >= SESSION_CACHE_IDLE + 2);
    }
    assert_int_equal(session_timeout(TCP, SESSION_ESTABLISHED), 432000);
    assert_int_equal(session_timeout(TCP, SESSION_CLOSE), 10);
    assert_int_equal(session_timeout(UDP, SESSION_ONE_WAY), 30);
    assert_int_equal(session_timeout(UDP, SESSION_TWO_WAY), 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_establishes),
        cmocka_unit_test(lost_handshake_segments_are_resent),
        cmocka_unit_test(refused_connection_closes),
        cmocka_unit_test(orderly_close_goes_through_every_state),
        cmocka_unit_test(close_by_the_server_goes_the_same_way),
        cmocka_unit_test(half_closed_connection_carries_data),
        cmocka_unit_test(simultaneous_close_ends_in_time_wait),
        cmocka_unit_test(simultaneous_open_establishes),
        cmocka_unit_test(reset_of_a_connection_under_way_remembers_its_side),
        cmocka_unit_test(reset_is_false_when_its_side_goes_on),
        cmocka_unit_test(reset_and_syn_of_one_side_end_nothing),
        cmocka_unit_test(connection_after_a_reset_opens_between_the_same_ports),
        cmocka_unit_test(resets_of_both_sides_close),
        cmocka_unit_test(reset_in_syn_sent_must_answer_with_ack),
        cmocka_unit_test(forged_reset_does_not_stop_a_handshake),
        cmocka_unit_test(only_a_syn_of_the_original_side_opens),
        cmocka_unit_test(segments_that_skip_the_handshake_do_not_fit),
        cmocka_unit_test(table_is_complete),
        cmocka_unit_test(classes_by_flags),
        cmocka_unit_test(timeouts_outlast_the_flow_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
