// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct port_security_pair parse(const char *text)
{
    struct port_security_pair pair;
    char *error = NULL;

    if (port_security_pair_parse(text, &pair, &error) != 0)
        fail_msg("%s", error);
    assert_null(error);
    return pair;
}

static void check_ip(const struct port_security_pair *pair, size_t i, const char *expected)
{
    char buf[INET_TEXT_LEN];

    assert_true(i < pair->n_ips);
    assert_string_equal(inet_prefix_format(&pair->ips[i], buf), expected);
}

static void pair_of_mac_alone_has_no_addresses(void **state)
{
    struct port_security_pair pair = parse("52:54:00:AB:cd:0e");
    static const uint8_t mac[6] = {0x52, 0x54, 0, 0xab, 0xcd, 0x0e};

    assert_memory_equal(pair.mac.bytes, mac, 6);
    assert_int_equal(pair.n_ips, 0);
}

static void pair_lists_addresses_of_both_families(void **state)
{
    struct port_security_pair pair = parse("  52:54:00:00:00:01\t10.0.0.1  fd00::1\n");

    assert_int_equal(pair.n_ips, 2);
    check_ip(&pair, 0, "10.0.0.1/32");
    check_ip(&pair, 1, "fd00::1/128");
}

static void pair_with_length_is_prefix_only_without_host_part(void **state)
{
    struct port_security_pair pair = parse("52:54:00:00:00:01 10.0.0.0/24 10.0.0.1/24 fd00::/64 fd00::1/64 0.0.0.0/0");

    assert_int_equal(pair.n_ips, 5);
    check_ip(&pair, 0, "10.0.0.0/24");
    check_ip(&pair, 1, "10.0.0.1/32");
    check_ip(&pair, 2, "fd00::/64");
    check_ip(&pair, 3, "fd00::1/128");
    check_ip(&pair, 4, "0.0.0.0/0");
}

static void pair_refusals_name_the_word(void **state)
{
    static const char *const cases[][2] = {
        {"", "the entry is empty, it must begin with a MAC address"},
        {" \t", "the entry is empty, it must begin with a MAC address"},
        {"dynamic", "\"dynamic\" is not a MAC address like 52:54:00:12:34:56"},
        {"10.0.0.1", "\"10.0.0.1\" is not a MAC address like 52:54:00:12:34:56"},
        {"52:54:00:00:00", "\"52:54:00:00:00\" is not a MAC address like 52:54:00:12:34:56"},
        {"01:00:5e:00:00:01 10.0.0.1", "\"01:00:5e:00:00:01\" is not the MAC address of one host"},
        {"00:00:00:00:00:00", "\"00:00:00:00:00:00\" is not the MAC address of one host"},
        {"52:54:00:00:00:01 10.0.0", "\"10.0.0\" is not an IPv4 or IPv6 address with an optional /length"},
        {"52:54:00:00:00:01 10.0.0.1/33", "\"10.0.0.1/33\" is not an IPv4 or IPv6 address with an optional /length"},
        {"52:54:00:00:00:01 10.0.0.1,10.0.0.2",
         "\"10.0.0.1,10.0.0.2\" is not an IPv4 or IPv6 address with an optional /length"},
        {"52:54:00:00:00:01 ::ffff:10.0.0.1", "\"::ffff:10.0.0.1\" is an IPv4 address in IPv6 form, write it as IPv4"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct port_security_pair pair;
        char *error = NULL;

        assert_int_equal(port_security_pair_parse(cases[i][0], &pair, &error), -EINVAL);
        assert_non_null(error);
        assert_string_equal(error, cases[i][1]);
        free(error);
    }
}

static void pair_with_too_many_addresses_is_refused(void **state)
{
    struct port_security_pair pair;
    char text[2048] = "52:54:00:00:00:01";
    char *error = NULL;

    for (int i = 0; i < PORT_SECURITY_IPS_MAX; i++)
        strcat(text, " 10.0.0.1");
    assert_int_equal(parse(text).n_ips, PORT_SECURITY_IPS_MAX);
    strcat(text, " 10.0.0.2");
    assert_int_equal(port_security_pair_parse(text, &pair, &error), -EINVAL);
    assert_string_equal(error, "\"10.0.0.2\" is one address too many, an entry may have 64");
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_of_mac_alone_has_no_addresses),
        cmocka_unit_test(pair_lists_addresses_of_both_families),
        cmocka_unit_test(pair_with_length_is_prefix_only_without_host_part),
        cmocka_unit_test(pair_refusals_name_the_word),
        cmocka_unit_test(pair_with_too_many_addresses_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
