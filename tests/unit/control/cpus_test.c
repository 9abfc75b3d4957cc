// SPDX-License-Identifier: Apache-2.0
#include "control/cpus.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void cpus_bits_of_the_mask(void **state)
{
    unsigned int cpus[8];

    assert_int_equal(cpus_from_mask("0x6", cpus, 8), 2);
    assert_int_equal(cpus[0], 1);
    assert_int_equal(cpus[1], 2);
    assert_int_equal(cpus_from_mask("8000000000000001", cpus, 8), 2);
    assert_int_equal(cpus[1], 63);
    assert_int_equal(cpus_from_mask("F", cpus, 8), 4);
}

static void cpus_no_bits(void **state)
{
    unsigned int cpus[8];

    assert_int_equal(cpus_from_mask("0", cpus, 8), 0);
}

static void cpus_more_than_asked_for(void **state)
{
    unsigned int cpus[2];

    assert_int_equal(cpus_from_mask("ff", cpus, 2), 2);
}

static void cpus_no_mask(void **state)
{
    static const char *const bad[] = {"", "0x", "zz", "0x1g", "-1", " 1"};
    unsigned int cpus[8];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cpus_from_mask(bad[i], cpus, 8), -EINVAL);
}

static void cpus_of_the_process_are_usable_and_others_are_not_there(void **state)
{
    cpus_remember();
    assert_true(cpus_is_usable(cpus_first()));
    assert_true(cpus_is_usable(cpus_last()));
    assert_false(cpus_is_usable(UINT32_MAX));
}

/* With two CPUs: the second is a worker's, or both are. */
static void control_side_keeps_off_the_cpus_of_workers(void **state)
{
    unsigned int both[2], first, last;
    cpu_set_t now;

    cpus_remember();
    both[0] = first = cpus_first();
    both[1] = last = cpus_last();
    if (first == last)
        skip();
    cpus_leave_to_workers(&last, 1);
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_true(CPU_ISSET(first, &now));
    assert_false(CPU_ISSET(last, &now));
    cpus_leave_to_workers(NULL, 0);
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_true(CPU_ISSET(last, &now));
    if (last == first + 1) {
        cpus_leave_to_workers(both, 2);
        assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
        assert_true(CPU_ISSET(first, &now) && CPU_ISSET(last, &now));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_bits_of_the_mask),
        cmocka_unit_test(cpus_no_bits),
        cmocka_unit_test(cpus_more_than_asked_for),
        cmocka_unit_test(cpus_no_mask),
        cmocka_unit_test(cpus_of_the_process_are_usable_and_others_are_not_there),
        cmocka_unit_test(control_side_keeps_off_the_cpus_of_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
