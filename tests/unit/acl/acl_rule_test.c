// SPDX-License-Identifier: Apache-2.0
#include "acl/acl_rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct acl_rule parse(struct acl_columns columns)
{
    struct acl_rule acl;
    char *error = NULL;

    if (columns.rule.direction == NULL)
        columns.rule.direction = "ingress";
    if (columns.action == NULL)
        columns.action = "allow";
    if (acl_rule_from_columns(&columns, &acl, &error) != 0)
        fail_msg("%s", error);
    assert_null(error);
    return acl;
}

static void acl_rule_of_direction_and_action_matches_all_ip(void **state)
{
    struct acl_rule acl = parse((struct acl_columns){.rule = {.direction = "egress"}, .action = "deny"});

    assert_int_equal(acl.tier, 0);
    assert_int_equal(acl.priority, 0);
    assert_false(acl.audit);
    assert_int_equal(acl.rule.action, RULE_DENY);
    assert_int_equal(acl.rule.direction, RULE_EGRESS);
    assert_int_equal(acl.rule.family, RULE_ANY_FAMILY);
    assert_int_equal(acl.rule.protocol, RULE_PROTOCOL_ANY);
    assert_int_equal(acl.rule.conditions, 0);
}

static void acl_rule_actions_are_those_of_rules(void **state)
{
    assert_int_equal(parse((struct acl_columns){.action = "allow"}).rule.action, RULE_ALLOW);
    assert_int_equal(parse((struct acl_columns){.action = "allow-stateless"}).rule.action, RULE_ALLOW_STATELESS);
    assert_int_equal(parse((struct acl_columns){.action = "reject"}).rule.action, RULE_REJECT);
    assert_int_equal(parse((struct acl_columns){.action = "pass"}).rule.action, RULE_PASS);
}

static void acl_rule_has_tier_priority_and_mode(void **state)
{
    struct acl_rule acl = parse(
        (struct acl_columns){.has_tier = true, .tier = 7, .has_priority = true, .priority = 65535, .mode = "audit"});

    assert_int_equal(acl.tier, 7);
    assert_int_equal(acl.priority, 65535);
    assert_true(acl.audit);
    assert_false(parse((struct acl_columns){.mode = "enforce"}).audit);
}

static void acl_rule_with_every_ip_column_has_them(void **state)
{
    struct rule rule = parse((struct acl_columns){.rule = {.protocol = "tcp", .remote_cidr = "10.0.0.0/8"},
                                                  .local_cidr = "192.0.2.7",
                                                  .has_src_port_min = true,
                                                  .src_port_min = 1024,
                                                  .has_src_port_max = true,
                                                  .src_port_max = 65535,
                                                  .src_mac = "02:00:00:00:00:01",
                                                  .dst_mac = "02:00:00:00:00:02",
                                                  .has_vlan = true,
                                                  .vlan = 4094,
                                                  .tcp_flags = "SYN,!ack",
                                                  .has_dscp = true,
                                                  .dscp = 46})
                           .rule;

    assert_int_equal(rule.conditions, RULE_IF_LOCAL | RULE_IF_SRC_PORT | RULE_IF_SRC_MAC | RULE_IF_DST_MAC |
                                          RULE_IF_VLAN | RULE_IF_TCP_FLAGS | RULE_IF_DSCP);
    assert_int_equal(rule.family, RULE_IPV4);
    assert_int_equal(rule.prefix.len, 104);
    assert_int_equal(rule.local.len, 128);
    assert_int_equal(rule.src_port_min, 1024);
    assert_int_equal(rule.src_port_max, 65535);
    assert_int_equal(rule.src_mac.bytes[5], 1);
    assert_int_equal(rule.dst_mac.bytes[5], 2);
    assert_int_equal(rule.vlan, 4094);
    assert_int_equal(rule.tcp_flags, 0x02);
    assert_int_equal(rule.tcp_mask, 0x12);
    assert_int_equal(rule.dscp, 46);
}

static void acl_rule_with_one_source_port_column_is_that_port(void **state)
{
    struct rule rule =
        parse((struct acl_columns){.rule = {.protocol = "udp"}, .has_src_port_max = true, .src_port_max = 53}).rule;

    assert_int_equal(rule.conditions, RULE_IF_SRC_PORT);
    assert_int_equal(rule.src_port_min, 53);
    assert_int_equal(rule.src_port_max, 53);
}

static void acl_rule_ethertype_number_is_a_condition(void **state)
{
    struct rule hexadecimal = parse((struct acl_columns){.rule = {.ethertype = "0x0806"}}).rule;
    struct rule decimal = parse((struct acl_columns){.rule = {.ethertype = "2054"}}).rule;

    assert_int_equal(hexadecimal.family, RULE_ANY_FAMILY);
    assert_int_equal(hexadecimal.conditions, RULE_IF_ETHERTYPE);
    assert_int_equal(hexadecimal.ethertype, 0x0806);
    assert_int_equal(decimal.ethertype, 0x0806);
}

static void acl_rule_ethertype_number_of_ip_is_its_name(void **state)
{
    struct rule v4 = parse((struct acl_columns){.rule = {.ethertype = "0x800", .protocol = "tcp"}}).rule;
    struct rule v6 = parse((struct acl_columns){.rule = {.ethertype = "0x86DD"}}).rule;

    assert_int_equal(v4.family, RULE_IPV4);
    assert_int_equal(v6.family, RULE_IPV6);
    assert_int_equal(v4.conditions | v6.conditions, 0);
}

static void acl_rule_local_cidr_settles_family(void **state)
{
    struct rule v6 = parse((struct acl_columns){.rule = {.protocol = "icmp"}, .local_cidr = "fe80::/10"}).rule;
    struct rule named = parse((struct acl_columns){.rule = {.ethertype = "ipv4"}, .local_cidr = "10.0.0.0/8"}).rule;
    struct rule both =
        parse((struct acl_columns){.rule = {.remote_cidr = "2001:db8::/32"}, .local_cidr = "fe80::1"}).rule;

    assert_int_equal(v6.family, RULE_IPV6);
    assert_int_equal(v6.protocol, 58);
    assert_int_equal(named.family, RULE_IPV4);
    assert_int_equal(both.family, RULE_IPV6);
    assert_int_equal(both.remote, RULE_REMOTE_PREFIX);
}

#define ROW(...) .rule = {.direction = "ingress", __VA_ARGS__}, .action = "deny"

static const struct refusal {
    struct acl_columns columns;
    const char *error;
} refusals[] = {
    {{.rule = {.direction = "ingress"}},
     "action \"\" is not \"allow\", \"allow-stateless\", \"deny\", \"reject\" or \"pass\""},
    {{.rule = {.direction = "ingress"}, .action = "drop"},
     "action \"drop\" is not \"allow\", \"allow-stateless\", \"deny\", \"reject\" or \"pass\""},
    {{.action = "deny"}, "direction \"\" is not \"ingress\" or \"egress\""},
    {{ROW(), .mode = "dry"}, "mode \"dry\" is not \"enforce\" or \"audit\""},
    {{ROW(), .has_tier = true, .tier = 8}, "tier 8 is not from 0 to 7"},
    {{ROW(), .has_priority = true, .priority = -1}, "priority -1 is not from 0 to 65535"},
    {{ROW(.ethertype = "ARP")}, "ethertype \"ARP\" is not \"IPv4\", \"IPv6\" or a number from 0x0600 to 0xffff"},
    {{ROW(.ethertype = "0x05ff")}, "ethertype \"0x05ff\" is not \"IPv4\", \"IPv6\" or a number from 0x0600 to 0xffff"},
    {{ROW(.ethertype = "0x10000")},
     "ethertype \"0x10000\" is not \"IPv4\", \"IPv6\" or a number from 0x0600 to 0xffff"},
    {{ROW(.ethertype = "0x")}, "ethertype \"0x\" is not \"IPv4\", \"IPv6\" or a number from 0x0600 to 0xffff"},
    {{ROW(.ethertype = "2054a")}, "ethertype \"2054a\" is not \"IPv4\", \"IPv6\" or a number from 0x0600 to 0xffff"},
    {{ROW(.ethertype = "0x0806", .protocol = "tcp")}, "protocol is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806", .has_port_min = true)},
     "port_min is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806", .has_port_max = true)},
     "port_max is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806", .has_icmp_type = true)},
     "icmp_type is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806", .has_icmp_code = true)},
     "icmp_code is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806", .remote_cidr = "10.0.0.1")},
     "remote_cidr is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806", .has_set = true)},
     "remote_group or remote_addresses is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806"), .local_cidr = "10.0.0.1"},
     "local_cidr is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806"), .has_src_port_min = true},
     "src_port_min is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806"), .has_src_port_max = true},
     "src_port_max is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806"), .tcp_flags = "syn"},
     "tcp_flags is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(.ethertype = "0x0806"), .has_dscp = true}, "dscp is given beside ethertype \"0x0806\", which is not IP"},
    {{ROW(), .local_cidr = "10.0.0.0/33"},
     "local_cidr \"10.0.0.0/33\" is not an IPv4 or IPv6 address with an optional /length"},
    {{ROW(), .local_cidr = "::ffff:10.0.0.1"},
     "local_cidr \"::ffff:10.0.0.1\" is an IPv4 address in IPv6 form, write it as IPv4"},
    {{ROW(.ethertype = "IPv6"), .local_cidr = "10.0.0.1"}, "local_cidr \"10.0.0.1\" is IPv4 but ethertype is IPv6"},
    {{ROW(.ethertype = "0x0800"), .local_cidr = "fe80::1"}, "local_cidr \"fe80::1\" is IPv6 but ethertype is IPv4"},
    {{ROW(.remote_cidr = "fe80::1"), .local_cidr = "10.0.0.1"},
     "local_cidr \"10.0.0.1\" and remote_cidr \"fe80::1\" are not of one family"},
    {{ROW(.protocol = "icmpv6"), .local_cidr = "10.0.0.1"},
     "protocol \"icmpv6\" is IPv6 only, but the rule is for IPv4"},
    {{ROW(), .src_mac = "2:0:0:0:0:1"}, "src_mac \"2:0:0:0:0:1\" is not a MAC address like 02:00:00:00:00:01"},
    {{ROW(), .dst_mac = ""}, "dst_mac \"\" is not a MAC address like 02:00:00:00:00:01"},
    {{ROW(), .has_vlan = true, .vlan = 4095}, "vlan 4095 is not from 0 to 4094"},
    {{ROW(.protocol = "gre"), .has_src_port_min = true, .src_port_min = 1},
     "src_port_min needs protocol tcp, udp, sctp or udplite"},
    {{ROW(.protocol = "tcp"), .has_src_port_max = true, .src_port_max = 65536},
     "src_port_max 65536 is not from 0 to 65535"},
    {{ROW(.protocol = "tcp"), .has_src_port_min = true, .src_port_min = 2, .has_src_port_max = true, .src_port_max = 1},
     "src_port_min 2 is above src_port_max 1"},
    {{ROW(.protocol = "udp"), .tcp_flags = "syn"}, "tcp_flags needs protocol tcp"},
    {{ROW(.protocol = "tcp"), .tcp_flags = "syn,fin2"},
     "tcp_flags \"syn,fin2\" is not a list like \"syn,!ack\" of fin, syn, rst, psh, ack, urg, ece and cwr, each once"},
    {{ROW(.protocol = "tcp"), .tcp_flags = "syn,"},
     "tcp_flags \"syn,\" is not a list like \"syn,!ack\" of fin, syn, rst, psh, ack, urg, ece and cwr, each once"},
    {{ROW(.protocol = "tcp"), .tcp_flags = "syn,!syn"},
     "tcp_flags \"syn,!syn\" is not a list like \"syn,!ack\" of fin, syn, rst, psh, ack, urg, ece and cwr, each once"},
    {{ROW(), .has_dscp = true, .dscp = 64}, "dscp 64 is not from 0 to 63"},
};

static void acl_rule_refusals_say_what_is_wrong(void **state)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct acl_rule acl;
        char *error = NULL;

        assert_int_equal(acl_rule_from_columns(&refusals[i].columns, &acl, &error), -EINVAL);
        assert_non_null(error);
        assert_string_equal(error, refusals[i].error);
        free(error);
        assert_int_equal(acl_rule_from_columns(&refusals[i].columns, &acl, NULL), -EINVAL);
    }
}

static void acl_rule_order_is_priority_then_strength(void **state)
{
    const struct acl_columns rows[] = {{.action = "allow", .has_priority = true, .priority = 2},
                                       {.action = "deny"},
                                       {.action = "pass"},
                                       {.action = "allow-stateless"},
                                       {.action = "allow"}};
    struct acl_rule deny = parse((struct acl_columns){.action = "deny"});
    struct acl_rule reject = parse((struct acl_columns){.action = "reject"});

    for (size_t i = 0; i + 1 < sizeof rows / sizeof rows[0]; i++) {
        struct acl_rule before = parse(rows[i]), after = parse(rows[i + 1]);

        assert_true(acl_rule_compare(&before, &after) < 0);
        assert_true(acl_rule_compare(&after, &before) > 0);
        assert_int_equal(acl_rule_compare(&after, &after), 0);
    }
    assert_int_equal(acl_rule_compare(&deny, &reject), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acl_rule_of_direction_and_action_matches_all_ip),
        cmocka_unit_test(acl_rule_actions_are_those_of_rules),
        cmocka_unit_test(acl_rule_has_tier_priority_and_mode),
        cmocka_unit_test(acl_rule_with_every_ip_column_has_them),
        cmocka_unit_test(acl_rule_with_one_source_port_column_is_that_port),
        cmocka_unit_test(acl_rule_ethertype_number_is_a_condition),
        cmocka_unit_test(acl_rule_ethertype_number_of_ip_is_its_name),
        cmocka_unit_test(acl_rule_local_cidr_settles_family),
        cmocka_unit_test(acl_rule_refusals_say_what_is_wrong),
        cmocka_unit_test(acl_rule_order_is_priority_then_strength),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
