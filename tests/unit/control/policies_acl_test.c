// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/policies_fixture.h"

/* ACLs of ports and networks, audit mode, names, and what a change ends. */

static size_t add_vm(void)
{
    return add_port("vm1", "02:00:00:00:00:01 10.0.0.1");
}

static void place(struct rule_row *acl, int tier, int priority)
{
    acl->columns.has_tier = acl->columns.has_priority = true;
    acl->columns.tier = tier;
    acl->columns.priority = priority;
}

static const char *name_of(const struct policy_rule *rule)
{
    return rule != NULL ? policies_rule_name(world.policies, rule->id) : "nobody";
}

/* Who decides about ingress to 'port', enforced. */
static const char *decider(uint16_t port)
{
    return name_of(decided(policy_of(0)->ingress, "10.0.0.9", port));
}

static void acl_comes_before_groups(void **state)
{
    add_vm();
    add_rule(add_group("web"), "any", "ingress", 0);
    join(0, 0);
    add_acl(0, "no-ssh", "ingress", "deny", 22);
    apply();
    assert_string_equal(decider(22), "vm1/no-ssh");
    assert_string_equal(decider(80), "web/any");
    assert_int_equal(policies_port(world.policies, &world.rows.ports[0].id)->n_rules, 2);
}

static void acl_tiers_and_priorities_have_their_order(void **state)
{
    add_vm();
    place(add_acl(0, "late", "ingress", "deny", 0), 7, 65535);
    place(add_acl(0, "low", "ingress", "deny", 0), 1, 1);
    place(add_acl(0, "high", "ingress", "pass", 80), 1, 2);
    place(add_acl(0, "first", "ingress", "allow", 22), 0, 0);
    apply();
    assert_string_equal(decider(22), "vm1/first");
    assert_string_equal(decider(80), "vm1/late");
    assert_string_equal(decider(443), "vm1/low");
}

static void acls_of_equal_priority_are_strictest_first(void **state)
{
    add_vm();
    add_acl(0, "yes", "ingress", "allow", 80);
    add_acl(0, "no", "ingress", "deny", 80);
    apply();
    assert_string_equal(decider(80), "vm1/no");
}

static void acl_alone_leaves_the_rest_open(void **state)
{
    add_vm();
    add_acl(0, "no", "ingress", "deny", 80);
    apply();
    assert_string_equal(decider(81), "nobody");
    assert_null(policy_of(0)->egress);
    assert_null(policy_of(0)->ingress_audit);
}

static void denial_by_default_has_the_name_of_the_first_group(void **state)
{
    add_vm();
    add_group("web");
    add_group("db");
    join(0, 0);
    join(0, 1);
    apply();
    assert_string_equal(decider(80), "db/default");
}

static void acl_in_audit_mode_is_in_the_audit_chain_only(void **state)
{
    add_vm();
    add_acl(0, "maybe", "ingress", "deny", 80)->columns.mode = "audit";
    apply();
    assert_null(policy_of(0)->ingress);
    assert_string_equal(name_of(decided(policy_of(0)->ingress_audit, "10.0.0.9", 80)), "vm1/maybe");
    assert_null(policy_of(0)->egress_audit);
    assert_true(port_policy_polices(policy_of(0)));
}

static void group_in_audit_mode_denies_in_the_audit_chain_only(void **state)
{
    add_vm();
    add_group("web");
    world.rows.groups[0].is_audit = true;
    join(0, 0);
    add_acl(0, "no", "ingress", "deny", 22);
    apply();
    assert_string_equal(decider(22), "vm1/no");
    assert_string_equal(decider(80), "nobody");
    assert_string_equal(name_of(decided(policy_of(0)->ingress_audit, "10.0.0.9", 80)), "web/default");
    world.rows.groups[0].is_audit = false;
    apply();
    assert_string_equal(decider(80), "web/default");
    assert_null(policy_of(0)->ingress_audit);
}

static void ports_with_the_same_acls_and_groups_share_chains(void **state)
{
    add_vm();
    join(add_port("vm2", ""), add_group("web"));
    join(0, 0);
    add_acl(0, "no", "ingress", "deny", 22);
    list_acl(1, 0);
    apply();
    assert_ptr_equal(policy_of(0)->ingress, policy_of(1)->ingress);
    assert_ptr_equal(policy_of(0)->egress, policy_of(1)->egress);
}

static void acl_that_allows_and_is_refused_is_left_out(void **state)
{
    add_vm();
    add_acl(0, "odd", "ingress", "allow", 0)->columns.rule.protocol = "carrier-pigeon";
    add_acl(0, "no", "ingress", "deny", 22);
    apply();
    assert_false(policy_of(0)->broken);
    assert_non_null(strstr(error_of(0), "ACL vm1/odd: "));
    assert_string_equal(decider(22), "vm1/no");
}

static void acl_that_denies_and_is_refused_closes_the_port(void **state)
{
    add_vm();
    add_acl(0, "odd", "ingress", "deny", 0)->columns.rule.protocol = "carrier-pigeon";
    apply();
    assert_true(policy_of(0)->broken);
    assert_non_null(strstr(error_of(0), "ACL vm1/odd: "));
    world.rows.rules[0].columns.mode = "audit";
    apply();
    assert_false(policy_of(0)->broken);
    world.rows.rules[0].columns.rule.protocol = NULL;
    world.rows.rules[0].columns.mode = NULL;
    apply();
    assert_false(policy_of(0)->broken);
    assert_null(error_of(0));
}

/* Tier 0 would allow what was to be left to the tiers behind it. */
static void acl_that_passes_and_is_refused_closes_the_port(void **state)
{
    add_vm();
    place(add_acl(0, "odd", "ingress", "pass", 0), 0, 2);
    world.rows.rules[0].columns.rule.protocol = "carrier-pigeon";
    place(add_acl(0, "yes", "ingress", "allow", 0), 0, 1);
    place(add_acl(0, "no", "ingress", "deny", 0), 1, 0);
    apply();
    assert_true(policy_of(0)->broken);
}

/* An address that cannot be read is one that the ACL would have denied. */
static void acl_that_denies_addresses_of_which_one_is_refused_closes_the_port(void **state)
{
    struct rule_row *acl;

    add_vm();
    acl = add_acl(0, "no", "ingress", "deny", 80);
    acl->has_remote_addresses = true;
    acl->remote_addresses = row_id(TABLE_ADDRESSES, add_address_group("bad", "10.0.0.9, 10.0.0.300"));
    apply();
    assert_true(policy_of(0)->broken);
    assert_non_null(strstr(error_of(0), "10.0.0.300"));
    acl->columns.action = "allow";
    apply();
    assert_false(policy_of(0)->broken);
    assert_string_equal(decider(80), "vm1/no");
    acl->columns.action = "deny";
    free(world.rows.address_groups[0].addresses[1]);
    world.rows.address_groups[0].n_addresses = 1;
    apply();
    assert_false(policy_of(0)->broken);
    assert_string_equal(decider(80), "vm1/no");
}

static struct acl_network_row *add_network(const char *name)
{
    struct policy_rows *rows = &world.rows;
    struct acl_network_row *row;

    rows->networks = grown(rows->networks, rows->n_networks, sizeof *rows->networks);
    row = &rows->networks[rows->n_networks];
    *row = (struct acl_network_row){
        .id = row_id(TABLE_NETWORK, rows->n_networks++), .name = name, .bridge = "br", .tag = 7};
    row->acls = xmalloc(sizeof *row->acls);
    row->acls[0] = world.rows.rules[world.rows.n_rules - 1].id;
    row->n_acls = 1;
    return row;
}

static uint16_t bridge_five(void *aux, const char *name)
{
    return 5;
}

static uint16_t no_bridge(void *aux, const char *name)
{
    return 0;
}

static void network_has_its_policy_while_its_bridge_is_here(void **state)
{
    new_acl("no", "ingress", "deny", 80);
    add_network("blue");
    apply();
    assert_int_equal(world.n_zones_published, 0);
    assert_true(policies_place_networks(world.policies, bridge_five, NULL));
    assert_int_equal(policies_publish(world.policies, NULL, NULL), 0);
    assert_int_equal(world.zone.zone, zone_of(5, 7));
    assert_string_equal(name_of(decided(world.zone.ingress, "10.0.0.9", 80)), "blue/no");
    assert_false(policies_place_networks(world.policies, bridge_five, NULL));
    assert_true(policies_place_networks(world.policies, no_bridge, NULL));
    assert_int_equal(policies_publish(world.policies, NULL, NULL), 0);
    assert_null(world.zone.ingress);
}

static void network_whose_acl_is_refused_is_shut(void **state)
{
    new_acl("odd", "ingress", "deny", 0)->columns.rule.protocol = "carrier-pigeon";
    add_network("blue");
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    policies_publish(world.policies, NULL, NULL);
    assert_string_equal(name_of(decided(world.zone.ingress, "10.0.0.9", 80)), "blue/odd");
    assert_int_equal(decided(world.zone.egress, "10.0.0.9", 80)->action, RULE_DENY);
    assert_non_null(strstr(policies_network_error(world.policies, &world.rows.networks[0].id), "ACL blue/odd: "));
}

static void network_that_has_a_place_keeps_it(void **state)
{
    new_acl("no", "ingress", "deny", 80);
    add_network("blue");
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    policies_publish(world.policies, NULL, NULL);
    new_acl("yes", "ingress", "allow", 80);
    add_network("amber");
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    policies_publish(world.policies, NULL, NULL);
    assert_string_equal(name_of(decided(world.zone.ingress, "10.0.0.9", 80)), "blue/no");
    world.rows.networks[0].n_acls = 0;
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    policies_publish(world.policies, NULL, NULL);
    assert_string_equal(name_of(decided(world.zone.ingress, "10.0.0.9", 80)), "amber/yes");
}

static void count_rule(void *n, const struct effective_rule *rule)
{
    (*(size_t *)n)++;
}

static bool has_network_acl(const struct policies *policies, uint16_t tag)
{
    size_t n = 0;

    assert_true(policies_visit_port(policies, "vm1", zone_of(5, tag), RULE_INGRESS, count_rule, &n));
    return n > 0;
}

static void networks_change_places_in_one_step(void **state)
{
    add_vm();
    new_acl("no", "ingress", "deny", 80);
    add_network("amber");
    new_acl("nor", "ingress", "deny", 81);
    add_network("blue")->tag = 8;
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    world.rows.networks[0].tag = 8;
    world.rows.networks[1].tag = 9;
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    assert_true(has_network_acl(world.policies, 8) && has_network_acl(world.policies, 9));
    world.rows.networks[0].tag = 9;
    world.rows.networks[1].tag = 8;
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    assert_true(has_network_acl(world.policies, 8) && has_network_acl(world.policies, 9));
    assert_false(has_network_acl(world.policies, 7));
}

static void rule_of_flush_group_ends_sessions_when_it_changes_or_goes(void **state)
{
    uint32_t id;
    uint32_t *ended;
    size_t n;

    add_vm();
    add_group("web");
    world.rows.groups[0].on_change = RULE_FLUSH;
    add_rule(0, "http", "ingress", 80);
    add_rule(0, "ssh", "ingress", 22);
    join(0, 0);
    apply();
    assert_null(policies_take_ended(world.policies, &n));
    id = (uint32_t)allowed_by("vm1", RULE_INGRESS, "10.0.0.9", 80);
    world.rows.rules[0].columns.rule.port_min = world.rows.rules[0].columns.rule.port_max = 8080;
    apply();
    ended = policies_take_ended(world.policies, &n);
    assert_int_equal(n, 1);
    assert_int_equal(ended[0], id);
    free(ended);
    world.rows.groups[0].n_rules = 1; /* ssh goes */
    apply();
    ended = policies_take_ended(world.policies, &n);
    assert_int_equal(n, 1);
    assert_int_not_equal(ended[0], id);
    free(ended);
}

struct seen {
    char text[1024];
};

static void see(void *aux, const struct effective_rule *rule)
{
    struct seen *seen = aux;
    size_t length = strlen(seen->text);

    snprintf(seen->text + length, sizeof seen->text - length, "%s: %s%s%s\n", rule->stage, rule->name,
             rule->audit ? " audit" : "", rule->is_default ? " default" : "");
}

static void visit_shows_what_a_side_is_asked_in_order(void **state)
{
    struct seen seen = {""};

    new_acl("zone", "ingress", "deny", 80);
    add_network("blue");
    add_vm();
    join(0, add_group("web"));
    add_rule(0, "http", "ingress", 80);
    place(add_acl(0, "late", "ingress", "deny", 22), 2, 0);
    place(add_acl(0, "maybe", "ingress", "deny", 23), 1, 0);
    world.rows.rules[world.rows.n_rules - 1].columns.mode = "audit";
    apply();
    policies_place_networks(world.policies, bridge_five, NULL);
    assert_true(policies_visit_port(world.policies, "vm1", zone_of(5, 7), RULE_INGRESS, see, &seen));
    assert_string_equal(seen.text, "network blue tier 0: blue/zone\ntier 1: vm1/maybe audit\ntier 2: vm1/late\n"
                                   "groups: web/http\ngroups: web/default default\n");
    assert_false(policies_visit_port(world.policies, "vm2", 0, RULE_INGRESS, see, &seen));
    assert_string_equal(policies_port_of_interface(world.policies, NULL, "vm1"), "vm1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_create, world_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(acl_comes_before_groups),
        TEST(acl_tiers_and_priorities_have_their_order),
        TEST(acls_of_equal_priority_are_strictest_first),
        TEST(acl_alone_leaves_the_rest_open),
        TEST(denial_by_default_has_the_name_of_the_first_group),
        TEST(acl_in_audit_mode_is_in_the_audit_chain_only),
        TEST(group_in_audit_mode_denies_in_the_audit_chain_only),
        TEST(ports_with_the_same_acls_and_groups_share_chains),
        TEST(acl_that_allows_and_is_refused_is_left_out),
        TEST(acl_that_denies_and_is_refused_closes_the_port),
        TEST(acl_that_passes_and_is_refused_closes_the_port),
        TEST(acl_that_denies_addresses_of_which_one_is_refused_closes_the_port),
        TEST(network_has_its_policy_while_its_bridge_is_here),
        TEST(network_whose_acl_is_refused_is_shut),
        TEST(network_that_has_a_place_keeps_it),
        TEST(networks_change_places_in_one_step),
        TEST(rule_of_flush_group_ends_sessions_when_it_changes_or_goes),
        TEST(visit_shows_what_a_side_is_asked_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
