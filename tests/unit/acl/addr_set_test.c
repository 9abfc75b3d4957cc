// SPDX-License-Identifier: Apache-2.0
#include "acl/addr_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED 20261120u

static struct inet_prefix prefix_of(const char *text)
{
    struct inet_prefix prefix;

    assert_int_equal(inet_prefix_parse(text, &prefix), 0);
    return prefix;
}

static bool contains(const struct addr_set *set, const char *text)
{
    struct inet_addr addr;

    assert_int_equal(inet_addr_parse(text, &addr), 0);
    return addr_set_contains(set, &addr);
}

static void addr_set_empty_contains_nothing(void **state)
{
    struct addr_set *set = addr_set_create(NULL, 0);

    assert_false(contains(set, "10.0.0.1"));
    assert_false(contains(set, "::"));
    assert_int_equal(addr_set_count(set), 0);
    addr_set_unref(set);
}

static void addr_set_duplicates_count_once(void **state)
{
    struct inet_prefix prefixes[] = {prefix_of("10.0.0.1"), prefix_of("10.0.0.0/8"), prefix_of("10.0.0.1"),
                                     prefix_of("10.0.0.1/32")};
    struct addr_set *set = addr_set_create(prefixes, 4);

    assert_int_equal(addr_set_count(set), 2);
    assert_true(contains(set, "10.0.0.1"));
    assert_true(contains(set, "10.255.255.255"));
    assert_false(contains(set, "11.0.0.0"));
    addr_set_unref(set);
}

static void addr_set_any_ipv6_is_not_any_ipv4(void **state)
{
    struct inet_prefix prefixes[] = {prefix_of("::/0"), prefix_of("::/64")};
    struct addr_set *set = addr_set_create(prefixes, 2);

    assert_true(contains(set, "2001:db8::1"));
    assert_true(contains(set, "::1"));
    assert_false(contains(set, "10.0.0.1"));
    addr_set_unref(set);
}

static void addr_set_any_ipv4_is_not_any_ipv6(void **state)
{
    struct inet_prefix prefix = prefix_of("0.0.0.0/0");
    struct addr_set *set = addr_set_create(&prefix, 1);

    assert_true(contains(set, "255.255.255.255"));
    assert_true(contains(set, "0.0.0.0"));
    assert_false(contains(set, "2001:db8::1"));
    assert_false(contains(set, "::"));
    addr_set_unref(set);
}

static void addr_set_lives_until_last_reference(void **state)
{
    struct inet_prefix prefix = prefix_of("fe80::/10");
    struct addr_set *set = addr_set_create(&prefix, 1);

    assert_ptr_equal(addr_set_ref(set), set);
    addr_set_unref(set);
    assert_true(contains(set, "fe80::1"));
    addr_set_unref(set);
    addr_set_unref(NULL);
}

/* Few different bits, so that members and questions meet. */
static struct inet_addr random_addr(void)
{
    struct inet_addr addr = inet_addr_from_v4(0);

    if (random() % 2 == 0) {
        memset(&addr, 0, sizeof addr);
        addr.bytes[0] = 0x20;
        addr.bytes[7] = (uint8_t)(random() % 4);
    }
    addr.bytes[13] = (uint8_t)(random() % 2);
    addr.bytes[14] = (uint8_t)random();
    addr.bytes[15] = (uint8_t)random();
    return addr;
}

static struct inet_prefix random_prefix(void)
{
    struct inet_prefix prefix = {.addr = random_addr()};
    int floor = inet_addr_is_v4(&prefix.addr) ? 96 : 1;

    prefix.len = (uint8_t)(random() % 4 != 0 ? 128 : floor + random() % (129 - floor));
    for (int bit = prefix.len; bit < 128; bit++)
        prefix.addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return prefix;
}

static void check_against_scan(size_t n, int questions)
{
    struct inet_prefix *prefixes = calloc(n + 1, sizeof *prefixes);
    struct addr_set *set;

    for (size_t i = 0; i < n; i++)
        prefixes[i] = random_prefix();
    set = addr_set_create(prefixes, n);
    for (int q = 0; q < questions; q++) {
        struct inet_addr addr = random_addr();
        bool expected = false;

        for (size_t i = 0; i < n && !expected; i++)
            expected = inet_addr_is_v4(&addr) == inet_addr_is_v4(&prefixes[i].addr) &&
                       inet_prefix_contains(&prefixes[i], &addr);
        assert_int_equal(addr_set_contains(set, &addr), expected);
    }
    addr_set_unref(set);
    free(prefixes);
}

static void addr_set_random_agrees_with_linear_scan(void **state)
{
    print_message("seed %u\n", SEED);
    srandom(SEED);
    for (int i = 0; i < 300; i++)
        check_against_scan((size_t)(random() % 60), 500);
}

static void addr_set_of_ten_thousand_agrees_with_linear_scan(void **state)
{
    srandom(SEED + 1);
    check_against_scan(10000, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addr_set_empty_contains_nothing),
        cmocka_unit_test(addr_set_duplicates_count_once),
        cmocka_unit_test(addr_set_any_ipv6_is_not_any_ipv4),
        cmocka_unit_test(addr_set_any_ipv4_is_not_any_ipv6),
        cmocka_unit_test(addr_set_lives_until_last_reference),
        cmocka_unit_test(addr_set_random_agrees_with_linear_scan),
        cmocka_unit_test(addr_set_of_ten_thousand_agrees_with_linear_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
