// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/policies_fixture.h"

/* One port of a group with a good rule for port 80; the group's number is 0, the port's, too. */
static void add_web(void)
{
    add_rule(add_group("web"), "http", "ingress", 80);
    join(add_port("vm1", "02:00:00:00:00:01 10.0.0.1"), 0);
}

static void assert_good_rule_is_in_force(void)
{
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 80) > 0);
    assert_false(policy_of(0)->broken);
}

static void good_rows_have_no_error(void **state)
{
    add_web();
    apply();
    assert_null(error_of(0));
    assert_null(warning_of(0));
    assert_good_rule_is_in_force();
}

static void rule_with_ports_backwards_is_skipped(void **state)
{
    add_web();

    struct rule_row *rule = add_rule(0, "backwards", "ingress", 90);

    rule->columns.rule.port_min = 100;
    apply();
    assert_good_rule_is_in_force();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 95), 0);
    assert_non_null(strstr(warning_of(0), "rule web/backwards: "));
    assert_null(error_of(0)); /* the port itself is in force */
}

static void rule_with_unknown_protocol_is_skipped(void **state)
{
    add_web();
    add_rule(0, "odd", "ingress", 0)->columns.rule.protocol = "carrier-pigeon";
    apply();
    assert_good_rule_is_in_force();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 81), 0);
    assert_non_null(strstr(warning_of(0), "rule web/odd: "));
}

static void rule_with_two_remotes_is_skipped(void **state)
{
    add_web();

    struct rule_row *rule = add_rule_from_group(0, "two", "ingress", 0);

    rule->columns.rule.remote_cidr = "10.0.0.0/8";
    apply();
    assert_good_rule_is_in_force();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.1", 81), 0);
    assert_string_equal(warning_of(0),
                        "rule web/two: only one of remote_cidr, remote_group and remote_addresses may be set");
}

static void rule_with_missing_remote_group_is_not_any(void **state)
{
    add_web();
    add_rule_from_group(0, "gone", "ingress", 77);
    apply();
    assert_good_rule_is_in_force();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.1", 81), 0);
    assert_string_equal(warning_of(0), "rule web/gone: remote_group names a group that does not exist");
}

static void rule_with_missing_address_group_is_not_any(void **state)
{
    add_web();

    struct rule_row *rule = add_rule(0, "gone", "ingress", 0);

    rule->has_remote_addresses = true;
    rule->remote_addresses = row_id(TABLE_ADDRESSES, 77);
    apply();
    assert_good_rule_is_in_force();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.1", 81), 0);
    assert_string_equal(warning_of(0), "rule web/gone: remote_addresses names an address group that does not exist");
}

static void rule_put_right_is_in_force(void **state)
{
    add_web();
    add_rule(0, "late", "ingress", 90)->columns.rule.port_min = 100;
    apply();

    uint64_t before = version_of("vm1");

    world.rows.rules[1].columns.rule.port_min = 90;
    assert_true(apply());
    assert_null(warning_of(0));
    assert_true(version_of("vm1") != before);
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 90) > 0);
}

static void rule_turned_bad_is_out_of_force(void **state)
{
    add_web();
    apply();
    world.rows.rules[0].columns.rule.port_min = 70000;
    assert_true(apply());
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 80), 0);
    assert_non_null(warning_of(0));
}

static void group_whose_row_is_gone_loses_its_rules(void **state)
{
    add_web();
    add_rule_from_group(0, "peers", "ingress", 0);
    apply();
    world.rows.n_groups = 0;
    apply();
    world.rows.n_groups = 1;
    assert_true(policy_of(0)->broken);
    assert_string_equal(error_of(0), "a security group of the port does not exist");
}

static void port_with_missing_group_is_closed(void **state)
{
    add_web();
    join(0, 77);
    apply();
    assert_true(policy_of(0)->broken);
    assert_string_equal(error_of(0), "a security group of the port does not exist");
}

static void port_with_one_bad_pair_keeps_the_others(void **state)
{
    add_web();
    set_addresses(0, "02:00:00:00:00:01 10.0.0.1, 02:00:00:00:00:02 10.0.0.300");
    add_rule_from_group(0, "peers", "ingress", 0);
    apply();
    assert_good_rule_is_in_force();
    assert_non_null(strstr(error_of(0), "address '02:00:00:00:00:02 10.0.0.300': "));
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.0.0.1", 81) > 0);
}

static void port_with_bad_pairs_only_is_closed(void **state)
{
    add_web();
    set_addresses(0, "nonsense");
    apply();
    assert_true(policy_of(0)->broken);
    assert_non_null(strstr(error_of(0), "address 'nonsense': "));
}

static void port_with_bad_pairs_and_no_port_security_is_open(void **state)
{
    add_web();
    set_addresses(0, "nonsense");
    world.rows.ports[0].port_security = false;
    apply();
    assert_good_rule_is_in_force();
    assert_non_null(error_of(0));
}

static void address_group_with_bad_address_keeps_the_others(void **state)
{
    add_web();

    struct rule_row *rule = add_rule(0, "offices", "ingress", 0);

    rule->has_remote_addresses = true;
    rule->remote_addresses = row_id(TABLE_ADDRESSES, add_address_group("offices", "192.0.2.0/24, 192.0.2.0/33"));
    apply();
    assert_true(allowed_by("vm1", RULE_INGRESS, "192.0.2.1", 81) > 0);
    assert_string_equal(warning_of(0),
                        "rule web/offices: address group offices: address '192.0.2.0/33' does not parse");
}

static void other_ports_do_not_notice_a_bad_row(void **state)
{
    add_web();
    join(add_port("vm2", "02:00:00:00:00:02 10.0.0.2"), add_group("other"));
    apply();

    uint64_t before = version_of("vm2");

    add_rule(0, "odd", "ingress", 0)->columns.rule.protocol = "carrier-pigeon";
    apply();
    assert_null(error_of(1));
    assert_null(warning_of(1));
    assert_int_equal(version_of("vm2"), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_create, world_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_rows_have_no_error),
        TEST(rule_with_ports_backwards_is_skipped),
        TEST(rule_with_unknown_protocol_is_skipped),
        TEST(rule_with_two_remotes_is_skipped),
        TEST(rule_with_missing_remote_group_is_not_any),
        TEST(rule_with_missing_address_group_is_not_any),
        TEST(rule_put_right_is_in_force),
        TEST(rule_turned_bad_is_out_of_force),
        TEST(group_whose_row_is_gone_loses_its_rules),
        TEST(port_with_missing_group_is_closed),
        TEST(port_with_one_bad_pair_keeps_the_others),
        TEST(port_with_bad_pairs_only_is_closed),
        TEST(port_with_bad_pairs_and_no_port_security_is_open),
        TEST(address_group_with_bad_address_keeps_the_others),
        TEST(other_ports_do_not_notice_a_bad_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
