// SPDX-License-Identifier: Apache-2.0
#include "acl/rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rule parse(struct rule_columns columns)
{
    struct rule rule;
    char *error = NULL;

    if (columns.direction == NULL)
        columns.direction = "ingress";
    if (rule_from_columns(&columns, &rule, &error) != 0)
        fail_msg("%s", error);
    assert_null(error);
    return rule;
}

static void rule_of_direction_alone_matches_everything(void **state)
{
    struct rule rule = parse((struct rule_columns){.direction = "egress"});

    assert_int_equal(rule.id, 0);
    assert_int_equal(rule.direction, RULE_EGRESS);
    assert_int_equal(rule.family, RULE_ANY_FAMILY);
    assert_int_equal(rule.protocol, RULE_PROTOCOL_ANY);
    assert_int_equal(rule.port_min, 0);
    assert_int_equal(rule.port_max, 65535);
    assert_int_equal(rule.icmp_type, RULE_ICMP_ANY);
    assert_int_equal(rule.icmp_code, RULE_ICMP_ANY);
    assert_int_equal(rule.remote, RULE_REMOTE_ANY);
}

static void rule_with_ports_and_cidr_has_them(void **state)
{
    struct rule rule = parse((struct rule_columns){.ethertype = "ipv4",
                                                   .protocol = "TCP",
                                                   .has_port_min = true,
                                                   .port_min = 80,
                                                   .has_port_max = true,
                                                   .port_max = 90,
                                                   .remote_cidr = "10.1.2.3/8"});

    assert_int_equal(rule.direction, RULE_INGRESS);
    assert_int_equal(rule.family, RULE_IPV4);
    assert_int_equal(rule.protocol, 6);
    assert_int_equal(rule.port_min, 80);
    assert_int_equal(rule.port_max, 90);
    assert_int_equal(rule.remote, RULE_REMOTE_PREFIX);
    assert_int_equal(rule.prefix.len, 104);
    assert_int_equal(rule.prefix.addr.words[3], __builtin_bswap32(0x0a000000));
}

static void rule_with_one_port_column_is_that_port(void **state)
{
    struct rule low = parse((struct rule_columns){.protocol = "udp", .has_port_min = true, .port_min = 0});
    struct rule high = parse((struct rule_columns){.protocol = "132", .has_port_max = true, .port_max = 65535});

    assert_int_equal(low.port_min, 0);
    assert_int_equal(low.port_max, 0);
    assert_int_equal(high.protocol, 132);
    assert_int_equal(high.port_min, 65535);
    assert_int_equal(high.port_max, 65535);
}

static void rule_without_ethertype_follows_cidr(void **state)
{
    assert_int_equal(parse((struct rule_columns){.remote_cidr = "::/0"}).family, RULE_IPV6);
    assert_int_equal(parse((struct rule_columns){.remote_cidr = "0.0.0.0/0"}).family, RULE_IPV4);
}

static void rule_with_set_keeps_both_families(void **state)
{
    struct rule rule = parse((struct rule_columns){.has_set = true, .set = 7});

    assert_int_equal(rule.remote, RULE_REMOTE_SET);
    assert_int_equal(rule.set, 7);
    assert_int_equal(rule.family, RULE_ANY_FAMILY);
}

static void check_icmp(struct rule_columns columns, int family, int protocol)
{
    struct rule rule = parse(columns);

    assert_int_equal(rule.family, family);
    assert_int_equal(rule.protocol, protocol);
}

static void rule_of_icmp_settles_family(void **state)
{
    check_icmp((struct rule_columns){.protocol = "icmp"}, RULE_IPV4, 1);
    check_icmp((struct rule_columns){.protocol = "1"}, RULE_IPV4, 1);
    check_icmp((struct rule_columns){.protocol = "icmpv6"}, RULE_IPV6, 58);
    check_icmp((struct rule_columns){.protocol = "58"}, RULE_IPV6, 58);
    check_icmp((struct rule_columns){.protocol = "icmp", .ethertype = "IPv6"}, RULE_IPV6, 58);
    check_icmp((struct rule_columns){.protocol = "1", .ethertype = "IPv6"}, RULE_IPV6, 58);
    check_icmp((struct rule_columns){.protocol = "icmp", .remote_cidr = "fe80::/10"}, RULE_IPV6, 58);
    check_icmp((struct rule_columns){.protocol = "icmp", .has_set = true}, RULE_IPV4, 1);
}

static void rule_of_icmp_has_type_and_code(void **state)
{
    struct rule rule = parse((struct rule_columns){
        .protocol = "icmp", .has_icmp_type = true, .icmp_type = 255, .has_icmp_code = true, .icmp_code = 0});
    struct rule type_only = parse((struct rule_columns){.protocol = "icmp", .has_icmp_type = true, .icmp_type = 8});

    assert_int_equal(rule.icmp_type, 255);
    assert_int_equal(rule.icmp_code, 0);
    assert_int_equal(type_only.icmp_type, 8);
    assert_int_equal(type_only.icmp_code, RULE_ICMP_ANY);
}

static const struct refusal {
    struct rule_columns columns;
    const char *error;
} refusals[] = {
    {{.direction = NULL}, "direction \"\" is not \"ingress\" or \"egress\""},
    {{.direction = "in"}, "direction \"in\" is not \"ingress\" or \"egress\""},
    {{.direction = "ingress", .ethertype = "ARP"}, "ethertype \"ARP\" is not \"IPv4\" or \"IPv6\""},
    {{.direction = "ingress", .protocol = "tpc"}, "protocol \"tpc\" is not a known name or a number from 0 to 255"},
    {{.direction = "ingress", .protocol = "256"}, "protocol \"256\" is not a known name or a number from 0 to 255"},
    {{.direction = "ingress", .protocol = "-1"}, "protocol \"-1\" is not a known name or a number from 0 to 255"},
    {{.direction = "ingress", .protocol = "6x"}, "protocol \"6x\" is not a known name or a number from 0 to 255"},
    {{.direction = "ingress", .protocol = "99999999999999999999"},
     "protocol \"99999999999999999999\" is not a known name or a number from 0 to 255"},
    {{.direction = "ingress", .protocol = "icmpv6", .ethertype = "IPv4"},
     "protocol \"icmpv6\" is IPv6 only, but the rule is for IPv4"},
    {{.direction = "ingress", .protocol = "58", .remote_cidr = "10.0.0.0/8"},
     "protocol \"58\" is IPv6 only, but the rule is for IPv4"},
    {{.direction = "ingress", .has_port_min = true, .port_min = 1},
     "port_min needs protocol tcp, udp, sctp or udplite"},
    {{.direction = "ingress", .protocol = "gre", .has_port_max = true, .port_max = 1},
     "port_max needs protocol tcp, udp, sctp or udplite"},
    {{.direction = "ingress", .protocol = "icmp", .has_port_min = true, .port_min = 8},
     "port_min needs protocol tcp, udp, sctp or udplite"},
    {{.direction = "ingress", .protocol = "tcp", .has_port_min = true, .port_min = -1},
     "port_min -1 is not from 0 to 65535"},
    {{.direction = "ingress",
      .protocol = "tcp",
      .has_port_min = true,
      .port_min = 1,
      .has_port_max = true,
      .port_max = 65536},
     "port_max 65536 is not from 0 to 65535"},
    {{.direction = "ingress",
      .protocol = "tcp",
      .has_port_min = true,
      .port_min = 2,
      .has_port_max = true,
      .port_max = 1},
     "port_min 2 is above port_max 1"},
    {{.direction = "ingress", .has_icmp_type = true, .icmp_type = 8}, "icmp_type needs protocol icmp or icmpv6"},
    {{.direction = "ingress", .protocol = "tcp", .has_icmp_type = true, .icmp_type = 8},
     "icmp_type needs protocol icmp or icmpv6"},
    {{.direction = "ingress", .protocol = "icmp", .has_icmp_code = true, .icmp_code = 8}, "icmp_code needs icmp_type"},
    {{.direction = "ingress", .protocol = "icmp", .has_icmp_type = true, .icmp_type = 256},
     "icmp_type 256 is not from 0 to 255"},
    {{.direction = "ingress",
      .protocol = "icmp",
      .has_icmp_type = true,
      .icmp_type = 3,
      .has_icmp_code = true,
      .icmp_code = -2},
     "icmp_code -2 is not from 0 to 255"},
    {{.direction = "ingress", .remote_cidr = ""},
     "remote_cidr \"\" is not an IPv4 or IPv6 address with an optional /length"},
    {{.direction = "ingress", .remote_cidr = "10.0.0.0/33"},
     "remote_cidr \"10.0.0.0/33\" is not an IPv4 or IPv6 address with an optional /length"},
    {{.direction = "ingress", .remote_cidr = "::ffff:10.0.0.1"},
     "remote_cidr \"::ffff:10.0.0.1\" is an IPv4 address in IPv6 form, write it as IPv4"},
    {{.direction = "ingress", .remote_cidr = "10.0.0.0/8", .ethertype = "IPv6"},
     "remote_cidr \"10.0.0.0/8\" is IPv4 but ethertype is IPv6"},
    {{.direction = "ingress", .remote_cidr = "fe80::/10", .ethertype = "IPv4"},
     "remote_cidr \"fe80::/10\" is IPv6 but ethertype is IPv4"},
    {{.direction = "ingress", .remote_cidr = "10.0.0.0/8", .has_set = true},
     "remote_cidr is given beside remote_group or remote_addresses, only one remote may be"},
};

static void rule_refusals_say_what_is_wrong(void **state)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct rule rule;
        char *error = NULL;

        assert_int_equal(rule_from_columns(&refusals[i].columns, &rule, &error), -EINVAL);
        assert_non_null(error);
        assert_string_equal(error, refusals[i].error);
        free(error);
        assert_int_equal(rule_from_columns(&refusals[i].columns, &rule, NULL), -EINVAL);
    }
}

static void check_protocol(const char *text, enum rule_family family, int expected)
{
    bool any;

    assert_int_equal(rule_protocol_parse(text, family, &any), expected);
    assert_false(any);
}

static void rule_protocol_names_and_numbers(void **state)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"tcp", 6},        {"udp", 17},    {"sctp", 132},     {"udplite", 136},   {"gre", 47},
                 {"esp", 50},       {"ah", 51},     {"vrrp", 112},     {"igmp", 2},        {"ospf", 89},
                 {"pim", 103},      {"dccp", 33},   {"egp", 8},        {"rsvp", 46},       {"pgm", 113},
                 {"ipip", 4},       {"icmp6", 58},  {"ipv6-icmp", 58}, {"ipv6-encap", 41}, {"ipv6-frag", 44},
                 {"ipv6-opts", 60}, {"Icmpv6", 58}, {"0", 0},          {"255", 255},       {"017", 17}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_protocol(names[i].name, RULE_ANY_FAMILY, names[i].number);
    check_protocol("icmp", RULE_IPV4, 1);
    check_protocol("icmp", RULE_IPV6, 58);
    check_protocol("tcp ", RULE_IPV4, -EINVAL);
    check_protocol(" 6", RULE_IPV4, -EINVAL);
}

static void rule_protocol_any_and_empty(void **state)
{
    bool any = false;

    assert_int_equal(rule_protocol_parse("any", RULE_IPV4, &any), 0);
    assert_true(any);
    any = false;
    assert_int_equal(rule_protocol_parse("", RULE_IPV4, &any), 0);
    assert_true(any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_of_direction_alone_matches_everything),
        cmocka_unit_test(rule_with_ports_and_cidr_has_them),
        cmocka_unit_test(rule_with_one_port_column_is_that_port),
        cmocka_unit_test(rule_without_ethertype_follows_cidr),
        cmocka_unit_test(rule_with_set_keeps_both_families),
        cmocka_unit_test(rule_of_icmp_settles_family),
        cmocka_unit_test(rule_of_icmp_has_type_and_code),
        cmocka_unit_test(rule_refusals_say_what_is_wrong),
        cmocka_unit_test(rule_protocol_names_and_numbers),
        cmocka_unit_test(rule_protocol_any_and_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
