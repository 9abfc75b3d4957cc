// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acl/addr_directory.h"
#include "acl/policy.h"

/* Many rules that differ by nothing but the set of their remote: the directory says which sets count. */

#define N_RULES 10000
#define SEED    3391u

static struct inet_addr host(uint32_t number)
{
    return inet_addr_from_v4(htonl(0x0a000000u + number));
}

static struct addr_set *set_of(uint32_t first, uint32_t n)
{
    struct inet_prefix *members = calloc(n, sizeof *members);
    struct addr_set *set;

    for (uint32_t i = 0; i < n; i++)
        members[i] = (struct inet_prefix){.addr = host(first + i), .len = 128};
    set = addr_set_create(members, n);
    free(members);
    return set;
}

/* One port for every rule; rule i is for set i and has id i + 1. */
static struct policy *policy_of_sets(uint32_t n)
{
    struct rule *rules = calloc(n, sizeof *rules);
    struct policy *policy;

    for (uint32_t i = 0; i < n; i++)
        rules[i] = (struct rule){.id = i + 1,
                                 .protocol = 6,
                                 .port_min = 443,
                                 .port_max = 443,
                                 .icmp_type = RULE_ICMP_ANY,
                                 .icmp_code = RULE_ICMP_ANY,
                                 .remote = RULE_REMOTE_SET,
                                 .set = i};
    policy = policy_compile(rules, n);
    free(rules);
    return policy;
}

static uint32_t match(const struct policy *policy, const struct addr_sets *sets, uint32_t number, uint16_t port)
{
    struct rule_query query = {.remote = host(number),
                               .family = RULE_IPV4,
                               .protocol = 6,
                               .has_ports = true,
                               .dst_port = port,
                               .icmp_type = RULE_ICMP_ANY};
    const struct policy_rule *rule = policy_match(policy, sets, &query);

    return rule != NULL ? rule->id : 0;
}

static struct addr_sets sets_create(uint32_t n)
{
    return (struct addr_sets){.n = n, .sets = calloc(n, sizeof(struct addr_set *))};
}

static void sets_destroy(struct addr_sets *sets)
{
    addr_directory_destroy(sets->directory);
    for (uint32_t i = 0; i < sets->n; i++)
        addr_set_unref(sets->sets[i]);
    free(sets->sets);
}

static void set_replace(struct addr_sets *sets, uint32_t index, struct addr_set *set)
{
    struct addr_set *former = sets->sets[index];

    addr_sets_put(sets, index, set);
    addr_set_unref(former);
}

static void policy_with_a_set_for_each_rule_names_the_rule(void **state)
{
    struct addr_sets sets = sets_create(N_RULES);
    struct policy *policy = policy_of_sets(N_RULES);

    /* Host h is in set h and (but for the last) in set h + 1. */
    for (uint32_t i = 0; i < N_RULES; i++)
        set_replace(&sets, i, set_of(i == 0 ? 0 : i - 1, i == 0 ? 1 : 2));
    assert_non_null(sets.directory);
    for (uint32_t i = 0; i < N_RULES; i++)
        assert_int_equal(match(policy, &sets, i, 443), i + 1);
    assert_int_equal(match(policy, &sets, N_RULES, 443), 0);
    assert_int_equal(match(policy, &sets, 5, 80), 0);
    policy_unref(policy);
    sets_destroy(&sets);
}

static void policy_with_fewer_sets_than_an_address_is_in_takes_the_first_rule(void **state)
{
    struct addr_sets sets = sets_create(N_RULES);
    struct policy *policy = policy_of_sets(100);

    for (uint32_t i = 40; i < N_RULES; i++)
        set_replace(&sets, i, set_of(7, 1));
    assert_int_equal(match(policy, &sets, 7, 443), 41);
    for (uint32_t i = 40; i < 100; i++)
        set_replace(&sets, i, NULL);
    assert_int_equal(match(policy, &sets, 7, 443), 0);
    policy_unref(policy);
    sets_destroy(&sets);
}

static void policy_follows_each_change_of_a_large_set(void **state)
{
    enum { MEMBERS = 10000 };
    struct addr_sets sets = sets_create(8);
    struct policy *policy = policy_of_sets(8);

    srandom(SEED);
    for (int i = 0; i < 30; i++) {
        uint32_t index = (uint32_t)random() % 8, first = (uint32_t)random() % 100;

        set_replace(&sets, index, set_of(first, MEMBERS));
        for (uint32_t h = 0; h < 120; h++) {
            uint32_t expected = 0;

            for (uint32_t s = 8; s-- > 0;) {
                struct inet_addr addr = host(h);

                if (sets.sets[s] != NULL && addr_set_contains(sets.sets[s], &addr))
                    expected = s + 1;
            }
            assert_int_equal(match(policy, &sets, h, 443), expected);
        }
    }
    policy_unref(policy);
    sets_destroy(&sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_with_a_set_for_each_rule_names_the_rule),
        cmocka_unit_test(policy_with_fewer_sets_than_an_address_is_in_takes_the_first_rule),
        cmocka_unit_test(policy_follows_each_change_of_a_large_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
