// SPDX-License-Identifier: Apache-2.0
#include "acl/addr_directory.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED   5113u
#define N_SETS 40

static unsigned int below(unsigned int n)
{
    return (unsigned int)random() % n;
}

static struct inet_prefix prefix_of(const char *text)
{
    struct inet_prefix prefix;

    assert_int_equal(inet_prefix_parse(text, &prefix), 0);
    return prefix;
}

static struct inet_addr addr_of(const char *text)
{
    struct inet_addr addr;

    assert_int_equal(inet_addr_parse(text, &addr), 0);
    return addr;
}

static bool lists(const struct addr_directory *directory, const struct inet_addr *addr, uint32_t set)
{
    struct addr_directory_list list;

    for (int len = 129; addr_directory_next(directory, addr, &len, &list);) {
        for (uint32_t i = 0; i < list.n; i++) {
            if (list.sets[i] == set)
                return true;
        }
    }
    return false;
}

static void directory_of_nothing_lists_nothing(void **state)
{
    struct addr_directory *directory = addr_directory_copy(NULL);
    struct inet_addr addr = addr_of("10.0.0.1");

    assert_false(lists(directory, &addr, 0));
    addr_directory_destroy(directory);
    addr_directory_destroy(NULL);
}

static void directory_copy_leaves_the_original(void **state)
{
    struct inet_prefix prefixes[] = {prefix_of("10.0.0.1"), prefix_of("10.0.0.2")};
    struct addr_set *one = addr_set_create(prefixes, 1), *two = addr_set_create(prefixes, 2);
    struct addr_directory *first = addr_directory_copy(NULL), *second;

    assert_int_equal(addr_directory_replace(first, 7, NULL, one), 0);
    second = addr_directory_copy(first);
    assert_int_equal(addr_directory_replace(second, 7, one, two), 0);
    assert_int_equal(addr_directory_replace(second, 8, NULL, one), 0);
    assert_true(lists(first, &prefixes[0].addr, 7));
    assert_false(lists(first, &prefixes[0].addr, 8));
    assert_false(lists(first, &prefixes[1].addr, 7));
    addr_directory_destroy(first);
    assert_true(lists(second, &prefixes[0].addr, 7));
    assert_true(lists(second, &prefixes[0].addr, 8));
    assert_true(lists(second, &prefixes[1].addr, 7));
    assert_int_equal(addr_directory_replace(second, 7, two, NULL), 0);
    assert_false(lists(second, &prefixes[0].addr, 7));
    addr_directory_destroy(second);
    addr_set_unref(one);
    addr_set_unref(two);
}

static void directory_any_of_one_family_is_not_of_the_other(void **state)
{
    struct inet_prefix v4 = prefix_of("0.0.0.0/0"), v6 = prefix_of("::/0");
    struct addr_set *sets[] = {addr_set_create(&v4, 1), addr_set_create(&v6, 1)};
    struct addr_directory *directory = addr_directory_copy(NULL);
    struct inet_addr a4 = addr_of("10.0.0.1"), a6 = addr_of("2001:db8::1");

    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(addr_directory_replace(directory, i, NULL, sets[i]), 0);
    assert_true(lists(directory, &a4, 0));
    assert_false(lists(directory, &a4, 1));
    assert_false(lists(directory, &a6, 0));
    assert_true(lists(directory, &a6, 1));
    addr_directory_destroy(directory);
    addr_set_unref(sets[0]);
    addr_set_unref(sets[1]);
}

static void directory_address_in_thousands_of_sets_lists_all(void **state)
{
    enum { N = 3000 };
    struct inet_prefix prefix = prefix_of("10.0.0.1");
    struct addr_set *set = addr_set_create(&prefix, 1);
    struct addr_directory *directory = addr_directory_copy(NULL);
    struct addr_directory_list list;
    int len = 129;

    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(addr_directory_replace(directory, (i * 7) % N, NULL, set), 0);
    assert_true(addr_directory_next(directory, &prefix.addr, &len, &list));
    assert_int_equal(list.n, N);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(list.sets[i], i);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(addr_directory_replace(directory, i, set, NULL), 0);
    len = 129;
    assert_false(addr_directory_next(directory, &prefix.addr, &len, &list));
    addr_directory_destroy(directory);
    addr_set_unref(set);
}

static struct inet_prefix random_prefix(void)
{
    struct inet_prefix prefix = {.addr = inet_addr_from_v4(htonl(0x0a000000u | below(4096))), .len = 128};

    if (below(3) == 0) {
        memset(&prefix.addr, 0, sizeof prefix.addr);
        prefix.addr.bytes[0] = 0x20;
        prefix.addr.bytes[15] = (uint8_t)below(256);
    }
    if (below(4) == 0)
        prefix.len = (uint8_t)(116 + below(12));
    for (unsigned int bit = prefix.len; bit < 128; bit++)
        prefix.addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return prefix;
}

static struct addr_set *random_set(void)
{
    struct inet_prefix prefixes[200];
    size_t n = below(4) == 0 ? 0 : below(200);

    for (size_t i = 0; i < n; i++)
        prefixes[i] = random_prefix();
    return n == 0 ? NULL : addr_set_create(prefixes, n);
}

static void check_all(const struct addr_directory *directory, struct addr_set *const *sets)
{
    for (int i = 0; i < 20; i++) {
        struct inet_addr addr = random_prefix().addr;

        for (uint32_t set = 0; set < N_SETS; set++)
            assert_int_equal(lists(directory, &addr, set), sets[set] != NULL && addr_set_contains(sets[set], &addr));
    }
}

/* Each round is an edit of a copy, as a snapshot is; the former one is asked once more before it goes. */
static void directory_random_edits_agree_with_the_sets(void **state)
{
    struct addr_set *sets[N_SETS] = {NULL};
    struct addr_directory *directory = addr_directory_copy(NULL);

    srandom(SEED);
    for (int round = 0; round < 400; round++) {
        struct addr_directory *next = addr_directory_copy(directory);
        struct addr_set *former[N_SETS], *replaced[4];
        unsigned int n = 1 + below(4);

        memcpy(former, sets, sizeof sets);
        for (unsigned int i = 0; i < n; i++) {
            uint32_t set = below(N_SETS);

            replaced[i] = sets[set];
            sets[set] = random_set();
            assert_int_equal(addr_directory_replace(next, set, replaced[i], sets[set]), 0);
        }
        check_all(directory, former);
        check_all(next, sets);
        addr_directory_destroy(directory);
        directory = next;
        for (unsigned int i = 0; i < n; i++)
            addr_set_unref(replaced[i]);
    }
    for (uint32_t i = 0; i < N_SETS; i++)
        addr_set_unref(sets[i]);
    addr_directory_destroy(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_of_nothing_lists_nothing),
        cmocka_unit_test(directory_copy_leaves_the_original),
        cmocka_unit_test(directory_any_of_one_family_is_not_of_the_other),
        cmocka_unit_test(directory_address_in_thousands_of_sets_lists_all),
        cmocka_unit_test(directory_random_edits_agree_with_the_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
