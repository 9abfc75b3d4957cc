// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A thousand clocks a second. */
#define HZ    1000u
#define BURST 128u

static void nothing_is_due_at_once(void **state)
{
    struct pace pace;

    pace_start(&pace, 1000, BURST, HZ, 500);
    assert_int_equal(pace_due(&pace, 500), 0);
    assert_int_equal(pace_due(&pace, 531), 0);
    assert_int_equal(pace_due(&pace, 532), 32);
}

static void without_a_pace_a_burst_is_always_due(void **state)
{
    struct pace pace;

    pace_start(&pace, 0, BURST, HZ, 0);
    assert_int_equal(pace_due(&pace, 0), BURST);
    assert_int_equal(pace_due(&pace, 1), BURST);
}

static void pace_is_kept_in_the_long_run(void **state)
{
    struct pace pace;
    uint64_t sent = 0;

    pace_start(&pace, 2500, BURST, HZ, 0);
    for (uint64_t now = 1; now <= 100 * HZ; now++) {
        uint16_t due = pace_due(&pace, now);

        sent += due;
        pace.sent += due;
    }
    assert_in_range(sent, 250000 - BURST, 250000);
}

static void long_interruption_is_not_made_up_for(void **state)
{
    struct pace pace;
    unsigned int bursts = 0;

    pace_start(&pace, 1000, BURST, HZ, 0);
    while (pace_due(&pace, 1000000) > 0) {
        pace.sent += BURST;
        bursts++;
    }
    assert_int_equal(bursts, 8);
}

static void large_frames_go_in_smaller_bursts(void **state)
{
    struct pace pace;

    pace_start(&pace, 1000, 32, HZ, 0);
    assert_int_equal(pace_due(&pace, 7), 0);
    assert_int_equal(pace_due(&pace, 8), 8);
    assert_int_equal(pace_due(&pace, 100), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_at_once),
        cmocka_unit_test(without_a_pace_a_burst_is_always_due),
        cmocka_unit_test(pace_is_kept_in_the_long_run),
        cmocka_unit_test(long_interruption_is_not_made_up_for),
        cmocka_unit_test(large_frames_go_in_smaller_bursts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
