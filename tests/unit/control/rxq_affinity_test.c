// SPDX-License-Identifier: Apache-2.0
#include "control/rxq_affinity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint16_t cpus[PORT_QUEUES_MAX];

static unsigned int count_bound(void)
{
    unsigned int n = 0;

    for (unsigned int q = 0; q < PORT_QUEUES_MAX; q++)
        n += cpus[q] != 0;
    return n;
}

static void no_text_binds_nothing(void **state)
{
    memset(cpus, 1, sizeof cpus);
    assert_true(rxq_affinity_parse(NULL, cpus));
    assert_int_equal(count_bound(), 0);
    assert_true(rxq_affinity_parse("", cpus));
    assert_int_equal(count_bound(), 0);
}

static void pairs_bind_their_queues(void **state)
{
    assert_true(rxq_affinity_parse("0:3,1:7, 15:0", cpus));
    assert_int_equal(count_bound(), 3);
    assert_int_equal(cpus[0], 3 + 1);
    assert_int_equal(cpus[1], 7 + 1);
    assert_int_equal(cpus[15], 0 + 1);
}

static void later_pair_of_a_queue_wins(void **state)
{
    assert_true(rxq_affinity_parse("0:3,0:4", cpus));
    assert_int_equal(cpus[0], 4 + 1);
}

static void what_is_no_pair_is_left_out(void **state)
{
    static const char *const bad[] = {"x,2:1",     "2:1,3",    "2:1,3:",   "2:1,:4",     "2:1,3:x",
                                      "2:1,3:1:1", "2:1,-1:1", "2:1,16:1", "2:1,3:1024", "2:1,3:99999999999"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(rxq_affinity_parse(bad[i], cpus));
        assert_int_equal(count_bound(), 1);
        assert_int_equal(cpus[2], 1 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_text_binds_nothing),
        cmocka_unit_test(pairs_bind_their_queues),
        cmocka_unit_test(later_pair_of_a_queue_wins),
        cmocka_unit_test(what_is_no_pair_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
