// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include "tests/unit/control/policies_fixture.h"

/* Two ports of a group whose only rule lets its own members in, and one port outside. */
static size_t add_members(void)
{
    size_t group = add_group("web");

    add_rule_from_group(group, "peers", "ingress", group);
    join(add_port("vm1", "02:00:00:00:00:01 10.0.0.1"), group);
    join(add_port("vm2", "02:00:00:00:00:02 10.0.0.2"), group);
    add_port("vm3", "02:00:00:00:00:03 10.0.0.3");
    return group;
}

static void port_without_row_is_not_found(void **state)
{
    struct port_policy policy;
    uint64_t version;

    apply();
    assert_false(policies_lookup(world.policies, "id", "tap0", &policy, &version));
}

static void port_is_found_by_iface_id_then_by_name(void **state)
{
    struct port_policy policy;
    uint64_t version;

    add_port("id-1", "");
    add_port("tap0", "");
    apply();
    assert_true(policies_lookup(world.policies, "id-1", "tap0", &policy, &version));
    assert_int_equal(version, version_of("id-1"));
    port_security_unref(policy.security);
    assert_true(policies_lookup(world.policies, "id-2", "tap0", &policy, &version));
    assert_int_equal(version, version_of("tap0"));
    port_security_unref(policy.security);
}

static void port_without_group_is_not_policed(void **state)
{
    size_t port = add_port("vm1", "02:00:00:00:00:01 10.0.0.1");

    apply();
    assert_null(policy_of(port)->ingress);
    assert_null(policy_of(port)->egress);
    assert_non_null(policy_of(port)->security);
    assert_false(policy_of(port)->broken || policy_of(port)->disabled || port_policy_polices(policy_of(port)));
}

static void port_without_port_security_may_use_any_address(void **state)
{
    size_t port = add_port("vm1", "02:00:00:00:00:01 10.0.0.1");

    world.rows.ports[port].port_security = false;
    apply();
    assert_null(policy_of(port)->security);
}

static void port_in_empty_group_is_denied_both_ways(void **state)
{
    size_t port = add_port("vm1", "02:00:00:00:00:01 10.0.0.1");

    join(port, add_group("empty"));
    apply();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.2", 80), 0);
    assert_int_equal(allowed_by("vm1", RULE_EGRESS, "10.0.0.2", 80), 0);
    assert_true(port_policy_polices(policy_of(port)));
}

static void port_disabled_is_told(void **state)
{
    size_t port = add_port("vm1", "");

    world.rows.ports[port].enabled = false;
    apply();
    assert_true(policy_of(port)->disabled);
}

static void rules_of_stateless_group_keep_no_state(void **state)
{
    size_t web = add_group("web");
    size_t ssh = add_group("ssh");
    const struct policy_chain *chain;

    add_rule(web, "http", "ingress", 80);
    add_rule(ssh, "ssh", "ingress", 22);
    world.rows.groups[web].stateful = false;
    join(add_port("vm1", "02:00:00:00:00:01 10.0.0.1"), web);
    join(0, ssh);
    apply();
    assert_null(warning_of(0));
    chain = policy_of(0)->ingress;
    assert_int_equal(decided(chain, "10.0.0.9", 80)->action, RULE_ALLOW_STATELESS);
    assert_int_equal(decided(chain, "10.0.0.9", 22)->action, RULE_ALLOW);
    assert_int_equal(decided(chain, "10.0.0.9", 23)->action, RULE_DENY);
}

static void remote_group_is_the_addresses_of_its_ports(void **state)
{
    add_members();
    apply();
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.0.0.2", 80) > 0);
    assert_true(allowed_by("vm2", RULE_INGRESS, "10.0.0.1", 80) > 0);
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.3", 80), 0);
    assert_int_equal(allowed_by("vm1", RULE_EGRESS, "10.0.0.2", 80), 0);
}

static void remote_group_includes_ipv6_and_further_pairs(void **state)
{
    size_t group = add_members();
    size_t port = add_port("vm4", "02:00:00:00:00:04 10.0.0.4 fd00::4, 02:00:00:00:00:05 10.0.0.5");

    join(port, group);
    apply();
    assert_true(allowed_by("vm1", RULE_INGRESS, "fd00::4", 80) > 0);
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.0.0.5", 80) > 0);
}

static void remote_group_empty_is_nobody(void **state)
{
    size_t group = add_group("web");

    add_rule_from_group(group, NULL, "ingress", add_group("nobody"));
    join(add_port("vm1", ""), group);
    apply();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.2", 80), 0);
}

static void remote_addresses_follow_the_address_group(void **state)
{
    size_t group = add_group("web");
    size_t addresses = add_address_group("offices", "192.0.2.0/24, 2001:db8::/32");
    struct rule_row *rule = add_rule(group, NULL, "ingress", 0);

    rule->has_remote_addresses = true;
    rule->remote_addresses = row_id(TABLE_ADDRESSES, addresses);
    join(add_port("vm1", ""), group);
    apply();
    assert_true(allowed_by("vm1", RULE_INGRESS, "192.0.2.77", 80) > 0);
    assert_true(allowed_by("vm1", RULE_INGRESS, "2001:db8::1", 80) > 0);
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "192.0.3.1", 80), 0);

    uint64_t before = version_of("vm1");

    world.rows.address_groups[addresses].n_addresses = 1;
    assert_true(apply());
    world.rows.address_groups[addresses].n_addresses = 2;
    assert_true(version_of("vm1") != before);
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "2001:db8::1", 80), 0);
}

static void rows_unchanged_change_nothing(void **state)
{
    add_members();
    assert_true(apply());

    uint64_t before = version_of("vm1");

    world.n_published = 0;
    assert_false(apply());
    assert_int_equal(version_of("vm1"), before);
    assert_int_equal(world.n_published, 0);
}

static void member_that_joins_touches_only_ports_that_ask(void **state)
{
    size_t group = add_members();

    apply();

    uint64_t before = version_of("vm1");
    uint64_t outside = version_of("vm3");
    const struct policy_chain *compiled = policy_of(0)->ingress;

    world.n_published = 0;
    join(add_port("vm4", "02:00:00:00:00:04 10.0.0.4"), group);
    assert_true(apply());
    assert_true(version_of("vm1") != before);
    assert_int_equal(version_of("vm3"), outside);
    assert_ptr_equal(policy_of(0)->ingress, compiled);
    assert_int_equal(world.n_published, 1);
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.0.0.4", 80) > 0);
}

static void member_that_leaves_is_no_remote_any_more(void **state)
{
    add_members();
    apply();
    leave_all(1);
    assert_true(apply());
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.2", 80), 0);
    assert_int_equal(allowed_by("vm2", RULE_INGRESS, "10.0.0.1", 80), -1);
}

static void member_deleted_is_no_remote_any_more(void **state)
{
    size_t group = add_members();

    join(add_port("vm4", "02:00:00:00:00:04 10.0.0.4"), group);
    apply();
    world.rows.n_ports--;
    assert_true(apply());
    world.rows.n_ports++;
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.4", 80), 0);
}

static void member_address_change_reaches_the_set(void **state)
{
    add_members();
    apply();
    set_addresses(1, "02:00:00:00:00:02 10.0.0.22");
    assert_true(apply());
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.0.0.2", 80), 0);
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.0.0.22", 80) > 0);
}

static void ports_with_the_same_groups_share_policies(void **state)
{
    size_t web = add_group("web");
    size_t ssh = add_group("ssh");

    add_rule(web, NULL, "ingress", 80);
    add_rule(ssh, NULL, "ingress", 22);
    for (size_t i = 0; i < 2; i++) {
        size_t port = add_port(i == 0 ? "vm1" : "vm2", "");

        join(port, i == 0 ? web : ssh);
        join(port, i == 0 ? ssh : web);
    }
    join(add_port("vm3", ""), web);
    apply();
    assert_ptr_equal(policy_of(0)->ingress, policy_of(1)->ingress);
    assert_ptr_equal(policy_of(0)->egress, policy_of(1)->egress);
    assert_ptr_not_equal(policy_of(0)->ingress, policy_of(2)->ingress);
    assert_true(allowed_by("vm2", RULE_INGRESS, "10.9.9.9", 22) > 0);
    assert_int_equal(allowed_by("vm3", RULE_INGRESS, "10.9.9.9", 22), 0);
}

static void rule_that_changes_recompiles_its_direction_only(void **state)
{
    size_t web = add_group("web");
    size_t other = add_group("other");

    add_rule(web, NULL, "ingress", 80);
    add_rule(other, NULL, "ingress", 80);
    join(add_port("vm1", ""), web);
    join(add_port("vm2", ""), other);
    apply();

    const struct policy_chain *egress = policy_of(0)->egress;
    uint64_t before = version_of("vm1");
    uint64_t others = version_of("vm2");

    world.rows.rules[0].columns.rule.port_max = 90;
    assert_true(apply());
    assert_ptr_equal(policy_of(0)->egress, egress);
    assert_true(version_of("vm1") != before);
    assert_int_equal(version_of("vm2"), others);
    assert_true(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 85) > 0);
}

static void rule_removed_allows_no_more(void **state)
{
    size_t group = add_group("web");

    add_rule(group, NULL, "ingress", 80);
    join(add_port("vm1", ""), group);
    apply();
    world.rows.groups[group].n_rules = 0;
    world.rows.n_rules = 0;
    assert_true(apply());
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 80), 0);
}

static void rule_id_stays_while_the_row_exists(void **state)
{
    size_t group = add_group("web");

    add_rule(group, "http", "ingress", 80);
    join(add_port("vm1", ""), group);
    apply();

    int64_t id = allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 80);

    assert_string_equal(policies_rule_name(world.policies, (uint32_t)id), "web/http");
    add_rule(group, NULL, "ingress", 81);
    world.rows.rules[0].columns.rule.port_max = 90;
    apply();
    assert_int_equal(allowed_by("vm1", RULE_INGRESS, "10.9.9.9", 80), id);
    assert_string_equal(policies_rule_name(world.policies, (uint32_t)id + 1), "web/00000002");
    assert_null(policies_rule_name(world.policies, 99));
}

static void rule_in_two_groups_counts_once(void **state)
{
    size_t web = add_group("web");
    size_t both = add_group("both");
    size_t port = add_port("vm1", "");

    add_rule(web, NULL, "ingress", 80);
    world.rows.groups[both].rules = grown(NULL, 0, sizeof(struct uuid));
    world.rows.groups[both].rules[world.rows.groups[both].n_rules++] = world.rows.rules[0].id;
    join(port, web);
    join(port, both);
    apply();
    assert_int_equal(policy_rule_count(policy_chain_groups(policy_of(port)->ingress)), 1);
}

static void unknown_ports_option_is_told(void **state)
{
    apply();
    assert_false(policies_deny_unknown(world.policies));
    world.rows.deny_unknown = true;
    assert_true(apply());
    assert_true(policies_deny_unknown(world.policies));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_create, world_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(port_without_row_is_not_found),
        TEST(port_is_found_by_iface_id_then_by_name),
        TEST(port_without_group_is_not_policed),
        TEST(port_without_port_security_may_use_any_address),
        TEST(port_in_empty_group_is_denied_both_ways),
        TEST(port_disabled_is_told),
        TEST(rules_of_stateless_group_keep_no_state),
        TEST(remote_group_is_the_addresses_of_its_ports),
        TEST(remote_group_includes_ipv6_and_further_pairs),
        TEST(remote_group_empty_is_nobody),
        TEST(remote_addresses_follow_the_address_group),
        TEST(rows_unchanged_change_nothing),
        TEST(member_that_joins_touches_only_ports_that_ask),
        TEST(member_that_leaves_is_no_remote_any_more),
        TEST(member_deleted_is_no_remote_any_more),
        TEST(member_address_change_reaches_the_set),
        TEST(ports_with_the_same_groups_share_policies),
        TEST(rule_that_changes_recompiles_its_direction_only),
        TEST(rule_removed_allows_no_more),
        TEST(rule_id_stays_while_the_row_exists),
        TEST(rule_in_two_groups_counts_once),
        TEST(unknown_ports_option_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
