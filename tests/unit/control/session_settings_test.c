// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <smap.h>

#include "control/session_settings.h"
#include "control/timeout_sets.h"

static struct session_settings read_pairs(const char *a, const char *a_value, const char *b, const char *b_value)
{
    struct smap map = SMAP_INITIALIZER(&map);
    struct session_settings settings;

    smap_add(&map, a, a_value);
    if (b != NULL)
        smap_add(&map, b, b_value);
    session_settings_read(&settings, &map);
    smap_destroy(&map);
    return settings;
}

static void nothing_given_is_the_default(void **state)
{
    struct session_settings settings;

    session_settings_read(&settings, NULL);
    assert_null(settings.error);
    assert_int_equal(settings.limits.max, 0);
    assert_int_equal(settings.limits.half_open, 0);
    assert_false(settings.has_pick_up);
    assert_false(settings.has_timeouts);
}

static void good_values_are_taken(void **state)
{
    struct session_settings settings = read_pairs("max", "100", "half-open", "7");

    assert_null(settings.error);
    assert_int_equal(settings.limits.max, 100);
    assert_int_equal(settings.limits.half_open, 7);
    settings = read_pairs("pickup", "false", "timeout-udp_stream", "50");
    assert_null(settings.error);
    assert_true(settings.has_pick_up);
    assert_false(settings.pick_up);
    assert_true(settings.has_timeouts);
    assert_int_equal(settings.timeouts.seconds[TIMEOUT_UDP][SESSION_TWO_WAY], 50);
}

static void bad_value_is_refused_by_itself(void **state)
{
    static const struct {
        const char *key, *value, *error;
    } cases[] = {
        {"max", "0", "conntrack:max \"0\" is not a number from 1 to 67108864"},
        {"max", "-1", "conntrack:max \"-1\" is not a number from 1 to 67108864"},
        {"max", "10k", "conntrack:max \"10k\" is not a number from 1 to 67108864"},
        {"half-open", "65537", "conntrack:half-open \"65537\" is not a number from 1 to 65536"},
        {"pickup", "yes", "conntrack:pickup \"yes\" is neither true nor false"},
        {"timeout-tcp_maybe", "1", "conntrack:timeout-tcp_maybe is not known"},
        {"timeout-icmp", "x", "conntrack:timeout-icmp \"x\" is not a number from 1 to 8640000"},
        {"maximum", "1", "conntrack:maximum is not known"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct session_settings settings = read_pairs(cases[i].key, cases[i].value, "timeout-generic", "60");

        assert_string_equal(settings.error, cases[i].error);
        assert_int_equal(settings.limits.max, 0);
        assert_true(settings.has_timeouts);
        free(settings.error);
    }
}

static void sets_of_timeouts_with_the_same_content_are_one(void **state)
{
    struct session_timeouts some = {{{0}}};
    struct session_timeouts others = {{{0}}};
    struct timeout_sets sets;

    others.seconds[TIMEOUT_ICMP][SESSION_ONE_WAY] = 9;
    timeout_sets_init(&sets);

    struct timeout_set *a = timeout_sets_use(&sets, &some);
    struct timeout_set *b = timeout_sets_use(&sets, &others);

    assert_ptr_equal(timeout_sets_use(&sets, &some), a);
    assert_int_not_equal(a->number, b->number);
    assert_int_not_equal(a->number, 0);

    /* A number is not used again soon: sessions may still go by it. */
    uint16_t former = b->number;

    timeout_sets_leave(&sets, b);
    assert_int_not_equal(timeout_sets_use(&sets, &others)->number, former);
    timeout_sets_destroy(&sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_the_default),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_value_is_refused_by_itself),
        cmocka_unit_test(sets_of_timeouts_with_the_same_content_are_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
