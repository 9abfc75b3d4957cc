// SPDX-License-Identifier: Apache-2.0
#include "control/verdict_lines.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openvswitch/dynamic-string.h>

#include "dataplane/verdict_log.h"

static void assert_line(struct verdict_event event, const char *src, const char *dst, const char *expected)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    if (src != NULL) {
        assert_int_equal(inet_addr_parse(src, &event.tuple.src), 0);
        assert_int_equal(inet_addr_parse(dst, &event.tuple.dst), 0);
    }
    verdict_lines_format(&out, "web/ssh", "vm1", &event);
    assert_string_equal(ds_cstr(&out), expected);
    ds_destroy(&out);
}

static struct verdict_event tcp_event(enum verdict verdict, enum rule_direction side)
{
    return (struct verdict_event){.verdict = verdict,
                                  .side = side,
                                  .tuple = {.protocol = IPPROTO_TCP, .src_port = htons(4711), .dst_port = htons(22)}};
}

static void line_says_rule_verdict_port_and_packet(void **state)
{
    struct verdict_event event = tcp_event(VERDICT_DENY, RULE_INGRESS);

    assert_line(event, "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" deny ingress of port vm1: tcp 10.0.0.5:4711 > 10.0.0.1:22");
    event.left_out = 12;
    assert_line(event, "fd00::5", "fd00::1",
                "rule \"web/ssh\" deny ingress of port vm1: tcp [fd00::5]:4711 > [fd00::1]:22 (and 12 more)");
}

static void verdicts_have_their_words(void **state)
{
    assert_line(tcp_event(VERDICT_ALLOW, RULE_EGRESS), "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" allow egress of port vm1: tcp 10.0.0.5:4711 > 10.0.0.1:22");
    assert_line(tcp_event(VERDICT_REJECTED, RULE_EGRESS), "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" reject egress of port vm1: tcp 10.0.0.5:4711 > 10.0.0.1:22");
    assert_line(tcp_event(VERDICT_CUT, RULE_INGRESS), "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" cut ingress of port vm1: tcp 10.0.0.5:4711 > 10.0.0.1:22");
    assert_line(tcp_event(VERDICT_WOULD_DENY, RULE_INGRESS), "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" would deny ingress of port vm1: tcp 10.0.0.5:4711 > 10.0.0.1:22");
}

static void packets_without_ports_have_none(void **state)
{
    struct verdict_event event = {.verdict = VERDICT_DENY, .side = RULE_INGRESS};

    event.tuple.protocol = IPPROTO_ICMP;
    event.tuple.icmp_type = 8;
    assert_line(event, "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" deny ingress of port vm1: icmp 10.0.0.5 > 10.0.0.1 type 8");
    event.tuple.protocol = 47;
    assert_line(event, "10.0.0.5", "10.0.0.1",
                "rule \"web/ssh\" deny ingress of port vm1: protocol 47 10.0.0.5 > 10.0.0.1");
    event.tuple.protocol = 0;
    event.is_arp = true;
    assert_line(event, "10.0.0.5", "10.0.0.1", "rule \"web/ssh\" deny ingress of port vm1: arp 10.0.0.5 > 10.0.0.1");
    event.is_arp = false;
    assert_line(event, NULL, NULL, "rule \"web/ssh\" deny ingress of port vm1: a frame that is not IP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_says_rule_verdict_port_and_packet),
        cmocka_unit_test(verdicts_have_their_words),
        cmocka_unit_test(packets_without_ports_have_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
