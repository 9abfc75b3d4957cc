// SPDX-License-Identifier: Apache-2.0
#include "control/ofports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void ofports_requested_number_is_taken_once(void **state)
{
    struct ofports ofports = {0};

    assert_true(ofports_take(&ofports, 7));
    assert_false(ofports_take(&ofports, 7));
    ofports_give(&ofports, 7);
    assert_true(ofports_take(&ofports, 7));
}

static void ofports_numbers_out_of_range_are_refused(void **state)
{
    static const int64_t bad[] = {-1, 0, OFPORT_MAX + 1, 65535, 65536, INT64_MAX, INT64_MIN};
    struct ofports ofports = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ofports_take(&ofports, bad[i]));
        ofports_give(&ofports, bad[i]);
    }
    assert_true(ofports_take(&ofports, OFPORT_MAX));
    assert_true(ofports_take(&ofports, OFPORT_LOCAL));
}

static void ofports_free_numbers_go_round(void **state)
{
    struct ofports ofports = {0};

    assert_true(ofports_take(&ofports, 2));
    assert_int_equal(ofports_take_any(&ofports), 1);
    assert_int_equal(ofports_take_any(&ofports), 3);
    ofports_give(&ofports, 1);
    assert_int_equal(ofports_take_any(&ofports), 4); /* not 1 again so soon */
}

static void ofports_used_up_answers_none(void **state)
{
    struct ofports *ofports = calloc(1, sizeof *ofports);

    for (int i = 1; i <= OFPORT_MAX; i++)
        assert_true(ofports_take_any(ofports) != OFPORT_NONE);
    assert_int_equal(ofports_take_any(ofports), OFPORT_NONE);
    ofports_give(ofports, 500);
    assert_int_equal(ofports_take_any(ofports), 500);
    free(ofports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ofports_requested_number_is_taken_once),
        cmocka_unit_test(ofports_numbers_out_of_range_are_refused),
        cmocka_unit_test(ofports_free_numbers_go_round),
        cmocka_unit_test(ofports_used_up_answers_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
