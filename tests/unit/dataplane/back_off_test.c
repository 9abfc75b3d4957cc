// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dataplane/back_off.h"

static void sleep_follows_the_silence(void **state)
{
    assert_int_equal(back_off_sleep(0, 1000), 0);
    assert_int_equal(back_off_sleep(999, 1000), 0);
    assert_int_equal(back_off_sleep(1000, 1000), 31);
    assert_int_equal(back_off_sleep(3200, 1000), 100);
    assert_int_equal(back_off_sleep(6400, 1000), 200);
    assert_int_equal(back_off_sleep(12800, 1000), 200);
    assert_int_equal(back_off_sleep(32000, 1000), 500);
    assert_int_equal(back_off_sleep(10000000, 1000), 1000);
}

static void sleep_is_never_longer_than_asked_for(void **state)
{
    assert_int_equal(back_off_sleep(10000000, 0), 0);
    for (uint64_t silence = 0; silence < 100000; silence += 7)
        assert_true(back_off_sleep(silence, 50) <= 50);
}

static void sleep_grows_with_the_silence(void **state)
{
    for (uint64_t silence = 1; silence < 200000; silence++)
        assert_true(back_off_sleep(silence, 1000) >= back_off_sleep(silence - 1, 1000));
}

/* From a packet on until the longest sleep: not many wakings on the way. */
static void longest_sleep_is_reached_after_few_wakings(void **state)
{
    uint64_t silence = BACK_OFF_AWAKE_US;
    unsigned int wakings = 0;

    while (back_off_sleep(silence, 1000) < 1000) {
        silence += back_off_sleep(silence, 1000);
        wakings++;
    }
    print_message("%u wakings, %lu us\n", wakings, (unsigned long)silence);
    assert_true(wakings < 250);
    assert_true(silence < 70000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleep_follows_the_silence),
        cmocka_unit_test(sleep_is_never_longer_than_asked_for),
        cmocka_unit_test(sleep_grows_with_the_silence),
        cmocka_unit_test(longest_sleep_is_reached_after_few_wakings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
