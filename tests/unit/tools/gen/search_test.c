// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A switch that passes on everything up to a rate, loses a part from there on, and takes no more than another rate. */
struct model {
    double lossless;
    double capacity;
    double loss_percent; /* beyond 'lossless' */
};

static void try_rate(const struct model *model, double pps, struct search_trial *trial)
{
    double sent = pps == 0 || pps > model->capacity ? model->capacity : pps;
    double loss = sent > model->lossless ? model->loss_percent : 0;

    *trial = (struct search_trial){.pps = pps == 0 ? sent : pps,
                                   .loss_percent = loss,
                                   .sent_mpps = sent / 1e6,
                                   .mpps = sent / 1e6 * (1 - loss / 100)};
}

static double run(struct search *search, const struct model *model, double limit)
{
    const struct search_trial *found;
    double pps;

    if (search->n_trials == 0)
        try_rate(model, 0, &search->trials[search->n_trials++]);
    while ((pps = search_next(search, limit)) > 0)
        try_rate(model, pps, &search->trials[search->n_trials++]);
    found = search_found(search, limit);
    return found != NULL ? found->mpps * 1e6 : 0;
}

static void finds_where_loss_begins(void **state)
{
    for (double lossless = 200e3; lossless < 10e6; lossless *= 1.3) {
        struct model model = {lossless, 10e6, 5};
        struct search search = {0};
        double found = run(&search, &model, 0);

        assert_true(found <= lossless);
        assert_true(found >= lossless * (1 - SEARCH_PRECISION));
        assert_true(search.n_trials <= 14);
    }
}

static void saturated_rate_without_loss_needs_no_search(void **state)
{
    struct model model = {10e6, 10e6, 5};
    struct search search = {0};

    assert_true(run(&search, &model, 0) == 10e6);
    assert_int_equal(search.n_trials, 1);
}

static void larger_limit_is_reached_by_fewer_trials(void **state)
{
    struct model model = {3e6, 10e6, 0.3};
    struct search search = {0};
    unsigned int n;

    assert_true(run(&search, &model, 0) <= 3e6);
    n = search.n_trials;
    /* The first trial passes already. */
    assert_true(run(&search, &model, 0.5) == 10e6 * 0.997);
    assert_int_equal(search.n_trials, n);
}

static void all_is_lost_at_every_rate(void **state)
{
    struct model model = {0, 10e6, 100};
    struct search search = {0};

    assert_true(run(&search, &model, 1) == 0);
    assert_null(search_found(&search, 1));
    assert_true(search.n_trials < 12);
}

/* A trial that passed by chance above one that failed does not count. */
static void luck_above_a_failure_is_not_believed(void **state)
{
    struct search search = {.n_trials = 3,
                            .trials = {{.pps = 10e6, .loss_percent = 9, .mpps = 9.1},
                                       {.pps = 4e6, .loss_percent = 1, .mpps = 4},
                                       {.pps = 8e6, .loss_percent = 0, .mpps = 8}}};

    assert_null(search_found(&search, 0.5));
    assert_true(search_next(&search, 0.5) == 2e6);
}

static void ends_when_there_is_no_room_for_trials(void **state)
{
    struct search search = {.n_trials = SEARCH_TRIALS_MAX};

    for (unsigned int i = 0; i < SEARCH_TRIALS_MAX; i++)
        search.trials[i] = (struct search_trial){.pps = 10e6, .loss_percent = 9, .mpps = 9.1};
    assert_true(search_next(&search, 0) == 0);
}

static void report_has_a_row_for_each_limit(void **state)
{
    struct model model = {3e6, 10e6, 5};
    struct search search = {0};
    struct options options = {.n_limits = 2, .limits = {0, 50}};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    run(&search, &model, 0);
    search_report(&search, &options, out);
    fclose(out);
    assert_non_null(strstr(text, "[{\"loss_percent\": 0, \"mpps\": 2.9"));
    assert_non_null(strstr(text, "{\"loss_percent\": 50, \"mpps\": 9.5000"));
    assert_non_null(strstr(text, "\"trials\": [{\"pps\": 10000000, \"sent_mpps\": 10.0000, \"mpps\": 9.5000"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_where_loss_begins),
        cmocka_unit_test(saturated_rate_without_loss_needs_no_search),
        cmocka_unit_test(larger_limit_is_reached_by_fewer_trials),
        cmocka_unit_test(all_is_lost_at_every_rate),
        cmocka_unit_test(luck_above_a_failure_is_not_believed),
        cmocka_unit_test(ends_when_there_is_no_room_for_trials),
        cmocka_unit_test(report_has_a_row_for_each_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
