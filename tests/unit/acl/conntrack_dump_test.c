// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include "tests/unit/acl/conntrack_fixture.h"

static int setup(void **state)
{
    *state = make_table(64, 1);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(*state);
    return 0;
}

static const char *line_of_only_session(const struct conntrack *ct, char buf[CONNTRACK_TEXT_LEN])
{
    struct session_copy copies[2];
    uint32_t cursor = 0;

    assert_int_equal(conntrack_dump(ct, &cursor, copies, 2), 1);
    return session_copy_format(&copies[0], buf);
}

static void tcp_line_shows_ports_zone_and_state(void **state)
{
    struct packet packet = make_tcp(1000, 80, SYN);
    char buf[CONNTRACK_TEXT_LEN];

    open_ok(*state, &packet, START_TICK);
    assert_string_equal(line_of_only_session(*state, buf),
                        "tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80),"
                        "reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=1000),zone=7,protoinfo=(state=SYN_SENT)");
}

static void sctp_line_shows_state(void **state)
{
    struct packet packet = make_sctp(1000, 3868, PACKET_SCTP_CHUNK | 1);
    char buf[CONNTRACK_TEXT_LEN];

    open_ok(*state, &packet, START_TICK);
    assert_string_equal(line_of_only_session(*state, buf),
                        "sctp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=3868),"
                        "reply=(src=10.0.0.2,dst=10.0.0.1,sport=3868,dport=1000),zone=7,"
                        "protoinfo=(state=COOKIE_WAIT)");
}

static void udp_line_leaves_zone_0_out(void **state)
{
    struct packet packet = make_udp(1000, 53);
    struct ct_match match;
    char buf[CONNTRACK_TEXT_LEN];

    assert_int_equal(open_in(*state, 0, &packet, 0, START_TICK, &match), 0);
    assert_string_equal(line_of_only_session(*state, buf), "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=53),"
                                                           "reply=(src=10.0.0.2,dst=10.0.0.1,sport=53,dport=1000)");
}

static void icmp_lines_show_identifier_and_type(void **state)
{
    struct packet v4 = make_echo("10.0.0.1", "10.0.0.2", 8, 77);
    struct packet v6 = make_echo("fd00::1", "fd00::2", 128, 78);
    char buf[CONNTRACK_TEXT_LEN];

    open_ok(*state, &v4, START_TICK);
    assert_string_equal(line_of_only_session(*state, buf),
                        "icmp,orig=(src=10.0.0.1,dst=10.0.0.2,id=77,type=8,code=0),"
                        "reply=(src=10.0.0.2,dst=10.0.0.1,id=77,type=0,code=0),zone=7");
    conntrack_flush(*state, 0, true);
    open_ok(*state, &v6, START_TICK);
    assert_string_equal(line_of_only_session(*state, buf),
                        "icmpv6,orig=(src=fd00::1,dst=fd00::2,id=78,type=128,code=0),"
                        "reply=(src=fd00::2,dst=fd00::1,id=78,type=129,code=0),zone=7");
}

static void other_protocols_show_their_number(void **state)
{
    struct packet packet = make_packet("10.0.0.1", "10.0.0.2", GRE);
    char buf[CONNTRACK_TEXT_LEN];

    open_ok(*state, &packet, START_TICK);
    assert_string_equal(line_of_only_session(*state, buf),
                        "47,orig=(src=10.0.0.1,dst=10.0.0.2),reply=(src=10.0.0.2,dst=10.0.0.1),zone=7");
}

static void longest_line_fits(void **state)
{
    struct packet packet =
        make_packet("fd00:1111:2222:3333:4444:5555:6666:7777", "fd00:1111:2222:3333:4444:5555:6666:8888", TCP);
    struct ct_match match;
    char buf[CONNTRACK_TEXT_LEN];

    packet.tcp_flags = SYN;
    packet.src_port = 0xffff;
    packet.dst_port = 0xffff;
    assert_int_equal(open_in(*state, 0, &packet, UINT32_MAX, START_TICK, &match), 0);
    assert_non_null(strstr(line_of_only_session(*state, buf), ",zone=4294967295,protoinfo=(state=SYN_SENT)"));
}

static void copy_says_when_it_expires_and_what_was_decided(void **state)
{
    struct packet packet = make_udp(1, 2);
    uint32_t session = open_ok(*state, &packet, START_TICK);
    struct session_copy copy;
    uint32_t cursor = 0;

    assert_int_equal(conntrack_dump(*state, &cursor, &copy, 1), 1);
    assert_int_equal(copy.id, session);
    assert_int_equal(copy.state, SESSION_ONE_WAY);
    assert_int_equal(copy.expires, START_TICK + 30);
    assert_int_equal(copy.source, 11);
    assert_int_equal(copy.destination, 22);
    assert_int_equal(copy.verdict.ingress_rule, 2);
}

static void dump_goes_on_where_it_stopped(void **state)
{
    struct session_copy copies[4];
    uint32_t cursor = 0;

    for (uint16_t port = 1; port <= 10; port++) {
        struct packet packet = make_udp(port, 2);

        open_ok(*state, &packet, START_TICK);
    }
    conntrack_close(*state, 5);
    assert_int_equal(conntrack_dump(*state, &cursor, copies, 4), 4);
    assert_int_equal(copies[3].id, 4);
    assert_int_equal(conntrack_dump(*state, &cursor, copies, 4), 4);
    assert_int_equal(copies[0].id, 6);
    assert_int_equal(conntrack_dump(*state, &cursor, copies, 4), 1);
    assert_int_equal(conntrack_dump(*state, &cursor, copies, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tcp_line_shows_ports_zone_and_state, setup, teardown),
        cmocka_unit_test_setup_teardown(sctp_line_shows_state, setup, teardown),
        cmocka_unit_test_setup_teardown(udp_line_leaves_zone_0_out, setup, teardown),
        cmocka_unit_test_setup_teardown(icmp_lines_show_identifier_and_type, setup, teardown),
        cmocka_unit_test_setup_teardown(other_protocols_show_their_number, setup, teardown),
        cmocka_unit_test_setup_teardown(longest_line_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(copy_says_when_it_expires_and_what_was_decided, setup, teardown),
        cmocka_unit_test_setup_teardown(dump_goes_on_where_it_stopped, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
