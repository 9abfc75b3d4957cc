// SPDX-License-Identifier: Apache-2.0
#include "control/acl_text.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openvswitch/dynamic-string.h>

#include "acl/acl_rule.h"
#include "control/set_names.h"

/* What is said of a row. */
static void assert_text(const struct acl_columns *columns, const char *expected)
{
    static char set_name[] = "group web";
    char *by_number[] = {NULL, set_name};
    const struct set_names names = {.names = by_number, .n = 2};
    struct ds out = DS_EMPTY_INITIALIZER;
    struct acl_rule acl;
    char *error = NULL;

    if (acl_rule_from_columns(columns, &acl, &error) != 0)
        fail_msg("%s", error);
    acl_text_put_match(&out, &acl.rule, &names);
    assert_string_equal(ds_cstr(&out), expected);
    ds_destroy(&out);
}

#define INGRESS(...) .action = "allow", .rule = {.direction = "ingress", __VA_ARGS__}
#define EGRESS(...)  .action = "allow", .rule = {.direction = "egress", __VA_ARGS__}

static void rule_without_columns_is_about_ip(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.port_min = 0)}, "IP");
    assert_text(&(struct acl_columns){INGRESS(.ethertype = "IPv6")}, "IPv6");
}

static void remote_is_source_of_ingress_and_destination_of_egress(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.remote_cidr = "10.0.0.0/8")}, "IPv4 from 10.0.0.0/8");
    assert_text(&(struct acl_columns){EGRESS(.remote_cidr = "fd00::1")}, "IPv6 to fd00::1");
    assert_text(&(struct acl_columns){INGRESS(.remote_cidr = "10.0.0.0/8"), .local_cidr = "10.0.0.7"},
                "IPv4 from 10.0.0.0/8 to 10.0.0.7");
    assert_text(&(struct acl_columns){EGRESS(.remote_cidr = "0.0.0.0/0"), .local_cidr = "10.1.0.0/16"},
                "IPv4 to 0.0.0.0/0 from 10.1.0.0/16");
}

static void set_goes_by_the_name_of_its_row(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.protocol = "udp", .has_set = true, .set = 1)}, "udp from group web");
    assert_text(&(struct acl_columns){EGRESS(.has_set = true, .set = 2)}, "IP to address set 2");
}

static void ports_are_one_number_or_a_range(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.protocol = "tcp", .has_port_min = true, .port_min = 22)},
                "tcp dport 22");
    assert_text(&(struct acl_columns){INGRESS(.protocol = "tcp", .ethertype = "IPv4", .has_port_min = true,
                                              .has_port_max = true, .port_min = 80, .port_max = 90),
                                      .has_src_port_min = true, .has_src_port_max = true, .src_port_min = 1024,
                                      .src_port_max = 65535},
                "IPv4 tcp sport 1024-65535 dport 80-90");
    assert_text(&(struct acl_columns){INGRESS(.protocol = "tcp", .remote_cidr = "10.0.0.0/8", .has_port_min = true,
                                              .has_port_max = true, .port_min = 80, .port_max = 90)},
                "tcp dport 80-90 from 10.0.0.0/8");
}

static void icmp_has_type_and_code(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.protocol = "icmp")}, "icmp");
    assert_text(&(struct acl_columns){INGRESS(.protocol = "icmpv6", .has_icmp_type = true, .icmp_type = 128)},
                "icmpv6 type 128");
    assert_text(&(struct acl_columns){INGRESS(.protocol = "icmp", .has_icmp_type = true, .icmp_type = 3,
                                              .has_icmp_code = true, .icmp_code = 4)},
                "icmp type 3 code 4");
}

static void protocol_without_name_goes_by_number(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.protocol = "vrrp")}, "protocol 112");
    assert_text(&(struct acl_columns){INGRESS(.protocol = "47", .ethertype = "IPv4")}, "IPv4 protocol 47");
}

static void conditions_of_acls_are_named(void **state)
{
    assert_text(&(struct acl_columns){INGRESS(.ethertype = "0x0806")}, "ethertype 0x0806");
    assert_text(&(struct acl_columns){INGRESS(.protocol = "tcp"), .tcp_flags = "syn,!ack"}, "tcp flags syn,!ack");
    assert_text(&(struct acl_columns){EGRESS(.port_min = 0), .src_mac = "02:00:00:00:00:01",
                                      .dst_mac = "02:00:00:00:00:02", .has_vlan = true, .vlan = 7, .has_dscp = true,
                                      .dscp = 46},
                "IP dscp 46 src_mac 02:00:00:00:00:01 dst_mac 02:00:00:00:00:02 vlan 7");
}

static void actions_go_by_their_names(void **state)
{
    assert_string_equal(acl_text_action(RULE_ALLOW_STATELESS), "allow-stateless");
    assert_string_equal(acl_text_action(RULE_REJECT), "reject");
    assert_string_equal(acl_text_direction(RULE_EGRESS), "egress");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_without_columns_is_about_ip),
        cmocka_unit_test(remote_is_source_of_ingress_and_destination_of_egress),
        cmocka_unit_test(set_goes_by_the_name_of_its_row),
        cmocka_unit_test(ports_are_one_number_or_a_range),
        cmocka_unit_test(icmp_has_type_and_code),
        cmocka_unit_test(protocol_without_name_goes_by_number),
        cmocka_unit_test(conditions_of_acls_are_named),
        cmocka_unit_test(actions_go_by_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
