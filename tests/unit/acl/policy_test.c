// SPDX-License-Identifier: Apache-2.0
#include "acl/policy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/addr_directory.h"
#include "tests/unit/acl/policy_model.h"

#define SEED 7042u

static struct inet_addr addr_of(const char *text)
{
    struct inet_addr addr;

    assert_int_equal(inet_addr_parse(text, &addr), 0);
    return addr;
}

static struct addr_set *set_of(const char *text)
{
    struct inet_prefix prefix;

    assert_int_equal(inet_prefix_parse(text, &prefix), 0);
    return addr_set_create(&prefix, 1);
}

static struct rule allow(uint32_t id, int protocol, uint16_t port_min, uint16_t port_max)
{
    return (struct rule){.id = id,
                         .protocol = (int16_t)protocol,
                         .port_min = port_min,
                         .port_max = port_max,
                         .icmp_type = RULE_ICMP_ANY,
                         .icmp_code = RULE_ICMP_ANY};
}

static struct rule_query ask(const char *remote, uint8_t protocol, uint16_t port)
{
    struct rule_query query = {
        .remote = addr_of(remote), .family = RULE_IPV6, .protocol = protocol, .has_ports = true, .dst_port = port};

    if (inet_addr_is_v4(&query.remote))
        query.family = RULE_IPV4;
    return query;
}

/* The id of the rule that answers, 0: none. */
static uint32_t match_id(const struct policy *policy, const struct addr_sets *sets, const struct rule_query *query)
{
    const struct policy_rule *rule = policy_match(policy, sets, query);

    return rule != NULL ? rule->id : 0;
}

static uint32_t match(const struct rule *rules, size_t n, const struct addr_sets *sets, struct rule_query query)
{
    struct policy *policy = policy_compile(rules, n);
    uint32_t id = match_id(policy, sets, &query);

    assert_int_equal(policy_rule_count(policy), n);
    policy_unref(policy);
    return id;
}

static void policy_without_rules_denies(void **state)
{
    assert_int_equal(match(NULL, 0, NULL, ask("10.0.0.1", 6, 80)), 0);
    assert_int_equal(match(NULL, 0, NULL, ask("fe80::1", 6, 80)), 0);
}

static void policy_port_range_includes_both_ends(void **state)
{
    struct rule rule = allow(5, 6, 80, 90);

    assert_int_equal(match(&rule, 1, NULL, ask("10.0.0.1", 6, 79)), 0);
    assert_int_equal(match(&rule, 1, NULL, ask("10.0.0.1", 6, 80)), 5);
    assert_int_equal(match(&rule, 1, NULL, ask("10.0.0.1", 6, 90)), 5);
    assert_int_equal(match(&rule, 1, NULL, ask("10.0.0.1", 6, 91)), 0);
    assert_int_equal(match(&rule, 1, NULL, ask("10.0.0.1", 17, 80)), 0);
}

static void policy_first_rule_is_named(void **state)
{
    struct rule rules[] = {allow(2, 6, 80, 80), allow(9, 6, 0, 65535), allow(4, RULE_PROTOCOL_ANY, 0, 65535),
                           allow(3, 6, 1, 100)};

    assert_int_equal(match(rules, 4, NULL, ask("10.0.0.1", 6, 80)), 2);
    assert_int_equal(match(rules, 4, NULL, ask("10.0.0.1", 6, 81)), 9);
    assert_int_equal(match(rules, 4, NULL, ask("10.0.0.1", 47, 0)), 4);
}

static void policy_later_fragment_needs_rule_without_ports(void **state)
{
    struct rule rules[] = {allow(1, 17, 53, 53), allow(2, 17, 0, 65535)};
    struct rule_query query = ask("10.0.0.1", 17, 0);

    query.has_ports = false;
    assert_int_equal(match(rules, 1, NULL, query), 0);
    assert_int_equal(match(rules, 2, NULL, query), 2);
}

static void policy_icmp_matches_type_and_code(void **state)
{
    struct rule rule = allow(1, 1, 0, 65535);
    struct rule_query query = ask("10.0.0.1", 1, 0);

    query.icmp_type = 3;
    query.icmp_code = 4;
    assert_int_equal(match(&rule, 1, NULL, query), 1);
    rule.icmp_type = 3;
    assert_int_equal(match(&rule, 1, NULL, query), 1);
    rule.icmp_code = 4;
    assert_int_equal(match(&rule, 1, NULL, query), 1);
    rule.icmp_code = 5;
    assert_int_equal(match(&rule, 1, NULL, query), 0);
    rule.icmp_code = RULE_ICMP_ANY;
    query.has_ports = false;
    assert_int_equal(match(&rule, 1, NULL, query), 1);
    query.icmp_type = RULE_ICMP_ANY;
    assert_int_equal(match(&rule, 1, NULL, query), 0);
}

static void policy_ipv4_in_ipv6_form_is_not_ipv4(void **state)
{
    struct rule any = allow(1, RULE_PROTOCOL_ANY, 0, 65535);
    struct rule_query query = ask("10.0.0.1", 6, 80);

    query.family = RULE_IPV6;
    assert_int_equal(match(&any, 1, NULL, query), 0);
}

static void policy_l2_matches_no_rule(void **state)
{
    struct rule any = allow(1, RULE_PROTOCOL_ANY, 0, 65535);
    struct rule_query query = {.family = RULE_ANY_FAMILY};

    assert_int_equal(match(&any, 1, NULL, query), 0);
}

static void policy_follows_membership_without_recompiling(void **state)
{
    struct rule rule = allow(8, 6, 22, 22);
    struct addr_set *members[1] = {set_of("10.0.0.1")};
    struct addr_sets sets = {.n = 1, .sets = members};
    struct rule_query query = ask("10.0.0.2", 6, 22);
    struct policy *policy;

    rule.remote = RULE_REMOTE_SET;
    rule.set = 0;
    policy = policy_compile(&rule, 1);
    assert_int_equal(match_id(policy, &sets, &query), 0);
    addr_set_unref(members[0]);
    members[0] = set_of("10.0.0.2");
    assert_int_equal(match_id(policy, &sets, &query), 8);
    addr_set_unref(members[0]);
    members[0] = NULL;
    assert_int_equal(match_id(policy, &sets, &query), 0);
    sets.n = 0;
    assert_int_equal(match_id(policy, &sets, &query), 0);
    assert_int_equal(match_id(policy, NULL, &query), 0);
    policy_unref(policy);
}

static void policy_lives_until_last_reference(void **state)
{
    struct rule rule = allow(1, RULE_PROTOCOL_ANY, 0, 65535);
    struct rule_query query = ask("10.0.0.1", 6, 80);
    struct policy *policy = policy_compile(&rule, 1);

    assert_ptr_equal(policy_ref(policy), policy);
    policy_unref(policy);
    assert_int_equal(match_id(policy, NULL, &query), 1);
    policy_unref(policy);
    policy_unref(NULL);
}

/* All sets change. */
static void renew_sets(struct addr_sets *sets)
{
    for (uint32_t i = 0; i < MODEL_SETS; i++) {
        struct addr_set *former = sets->sets[i];

        addr_sets_put(sets, i, random_set());
        addr_set_unref(former);
    }
}

static void sets_end(struct addr_sets *sets)
{
    addr_directory_destroy(sets->directory);
    for (uint32_t i = 0; i < MODEL_SETS; i++)
        addr_set_unref(sets->sets[i]);
}

/* One random rule list, asked at random; half way through all sets change. Returns how many queries were allowed. */
static int check_random_list(size_t n, int queries)
{
    struct rule *rules = calloc(n + 1, sizeof *rules);
    struct addr_set *members[MODEL_SETS] = {NULL};
    struct addr_sets sets = {.n = MODEL_SETS, .sets = members};
    struct policy *policy;
    int allowed = 0;

    for (size_t i = 0; i < n; i++)
        rules[i] = random_rule((uint32_t)(1 + (i * 7919) % 10007));
    policy = policy_compile(rules, n);
    assert_non_null(policy);
    for (int q = 0; q < queries; q++) {
        struct rule_query query = random_query();
        struct addr_sets undirected;
        uint32_t id;

        if (q % (queries / 2) == 0)
            renew_sets(&sets);
        undirected = (struct addr_sets){.n = sets.n, .sets = sets.sets};
        id = match_id(policy, &sets, &query);
        assert_int_equal(id, model_match(rules, n, &sets, &query));
        assert_int_equal(id, match_id(policy, &undirected, &query));
        allowed += id != 0;
    }
    sets_end(&sets);
    policy_unref(policy);
    free(rules);
    return allowed;
}

static void policy_random_agrees_with_naive_model(void **state)
{
    int allowed = 0;

    print_message("seed %u\n", SEED);
    srandom(SEED);
    for (int i = 0; i < 1000; i++)
        allowed += check_random_list(below(30), 250);
    /* Both answers must be common, or the test tests nothing. */
    assert_in_range(allowed, 60000, 200000);
}

static void policy_of_thousands_agrees_with_naive_model(void **state)
{
    srandom(SEED + 1);
    for (int i = 0; i < 10; i++)
        check_random_list(3000, 1000);
}

static void policy_of_random_wide_ports_agrees_with_naive_model(void **state)
{
    enum { N = 2000 };
    struct rule *rules = calloc(N, sizeof *rules);
    struct policy *policy;

    srandom(SEED + 2);
    for (uint32_t i = 0; i < N; i++) {
        uint16_t low = (uint16_t)below(65536);

        rules[i] = allow(N - i, 6, low, (uint16_t)(low + below(65536u - low > 500 ? 500 : 65536u - low)));
    }
    policy = policy_compile(rules, N);
    for (int q = 0; q < 20000; q++) {
        struct rule_query query = ask("192.0.2.1", 6, (uint16_t)below(65536));

        assert_int_equal(match_id(policy, NULL, &query), model_match(rules, N, NULL, &query));
    }
    policy_unref(policy);
    free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_without_rules_denies),
        cmocka_unit_test(policy_port_range_includes_both_ends),
        cmocka_unit_test(policy_first_rule_is_named),
        cmocka_unit_test(policy_later_fragment_needs_rule_without_ports),
        cmocka_unit_test(policy_icmp_matches_type_and_code),
        cmocka_unit_test(policy_ipv4_in_ipv6_form_is_not_ipv4),
        cmocka_unit_test(policy_l2_matches_no_rule),
        cmocka_unit_test(policy_follows_membership_without_recompiling),
        cmocka_unit_test(policy_lives_until_last_reference),
        cmocka_unit_test(policy_random_agrees_with_naive_model),
        cmocka_unit_test(policy_of_thousands_agrees_with_naive_model),
        cmocka_unit_test(policy_of_random_wide_ports_agrees_with_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
