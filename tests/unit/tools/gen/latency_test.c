// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 20000u

static struct latency latency;

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The clock ticks once a nanosecond. */
static void quantiles_are_those_of_sorted_samples(void **state)
{
    static const double parts[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1};
    static uint64_t samples[SAMPLES];
    uint64_t seed = 17;

    latency_init(&latency, 1000000000);
    for (unsigned int i = 0; i < SAMPLES; i++) {
        /* From some nanoseconds to some seconds, as many in each octave. */
        samples[i] = next_random(&seed) >> next_random(&seed) % 29;
        latency_add(&latency, 1000, 1000 + samples[i]);
    }
    qsort(samples, SAMPLES, sizeof samples[0], compare);
    for (unsigned int i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        double wanted = (double)samples[(size_t)(parts[i] * SAMPLES + 0.5) - 1];
        double found = (double)latency_quantile(&latency, parts[i]);

        assert_true(found >= wanted * 0.99 - 1 && found <= wanted * 1.01 + 1);
    }
    assert_int_equal(latency.samples, SAMPLES);
    assert_int_equal(latency.max, samples[SAMPLES - 1]);
}

/* Of three, the second is the one that half do not exceed. */
static void quantile_is_the_nearest_rank(void **state)
{
    latency_init(&latency, 1000000000);
    for (uint64_t i = 1; i <= 3; i++)
        latency_add(&latency, 0, 10 * i);
    assert_int_equal(latency_quantile(&latency, 0), 10);
    assert_int_equal(latency_quantile(&latency, 0.5), 20);
    assert_int_equal(latency_quantile(&latency, 0.67), 30);
    assert_int_equal(latency_quantile(&latency, 1), 30);
}

static void no_sample_gives_zeros(void **state)
{
    latency_init(&latency, 1000000000);
    assert_int_equal(latency_quantile(&latency, 0.5), 0);
    assert_int_equal(latency.max, 0);
}

static void clocks_become_nanoseconds(void **state)
{
    latency_init(&latency, 2500000000);
    latency_add(&latency, 100, 100 + 100);
    assert_int_equal(latency_quantile(&latency, 0.5), 40);
}

static void stamp_of_the_future_takes_no_time(void **state)
{
    latency_init(&latency, 1000000000);
    latency_add(&latency, 100, 99);
    assert_int_equal(latency.samples, 1);
    assert_int_equal(latency.max, 0);
}

static void endless_time_is_in_the_last_bucket(void **state)
{
    latency_init(&latency, 1000000000);
    latency_add(&latency, 0, UINT64_MAX / 2);
    assert_int_equal(latency.buckets[LATENCY_BUCKETS - 1], 1);
    assert_true(latency_quantile(&latency, 0.5) > 500000000000);
}

/* Each row of the histogram begins where the one before ends at the earliest, and holds what it says. */
static void report_lists_samples_in_order(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    latency_init(&latency, 1000000000);
    latency_add(&latency, 0, 5);
    latency_add(&latency, 0, 5);
    latency_add(&latency, 0, 1000000);
    latency_report(&latency, out);
    fclose(out);
    assert_non_null(strstr(text, "\"samples\": 3, \"p50\": 5, "));
    assert_non_null(strstr(text, "\"max\": 1000000,"));
    assert_non_null(strstr(text, "\"histogram\": [[5, 2], [999424, 1]]}"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_sorted_samples),
        cmocka_unit_test(quantile_is_the_nearest_rank),
        cmocka_unit_test(no_sample_gives_zeros),
        cmocka_unit_test(clocks_become_nanoseconds),
        cmocka_unit_test(stamp_of_the_future_takes_no_time),
        cmocka_unit_test(endless_time_is_in_the_last_bucket),
        cmocka_unit_test(report_lists_samples_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
