// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/search.h"

#include <stddef.h>

#include <rte_common.h>

/* Below this part of the first rate nothing is looked for any more. */
#define LEAST_PART 0.01

static double lowest_failing(const struct search *search, double limit)
{
    double lowest = 0;

    for (unsigned int i = 0; i < search->n_trials; i++) {
        const struct search_trial *trial = &search->trials[i];

        if (trial->loss_percent > limit && (lowest == 0 || trial->pps < lowest))
            lowest = trial->pps;
    }
    return lowest;
}

const struct search_trial *search_found(const struct search *search, double limit)
{
    double ceiling = lowest_failing(search, limit);
    const struct search_trial *best = NULL;

    for (unsigned int i = 0; i < search->n_trials; i++) {
        const struct search_trial *trial = &search->trials[i];

        if (trial->loss_percent <= limit && (ceiling == 0 || trial->pps < ceiling) &&
            (best == NULL || trial->pps > best->pps))
            best = trial;
    }
    return best;
}

double search_next(const struct search *search, double limit)
{
    const struct search_trial *best = search_found(search, limit);
    double ceiling = lowest_failing(search, limit), floor = best != NULL ? best->pps : 0;

    if (ceiling == 0 || search->n_trials == SEARCH_TRIALS_MAX || ceiling <= search->trials[0].pps * LEAST_PART ||
        ceiling - floor <= ceiling * SEARCH_PRECISION)
        return 0;
    /* What arrived of all that could be sent is often the rate that is looked for. */
    if (search->n_trials == 1)
        return RTE_MIN(search->trials[0].mpps * 1e6, ceiling * (1 - SEARCH_PRECISION));
    return (floor + ceiling) / 2;
}

static void report_trials(const struct search *search, const struct options *options, FILE *out)
{
    for (unsigned int i = 0; i < search->n_trials; i++) {
        const struct search_trial *trial = &search->trials[i];

        fprintf(out,
                "%s{\"pps\": %.0f, \"sent_mpps\": %.4f, \"mpps\": %.4f, \"gbps\": %.4f, \"loss_percent\": %.6f, "
                "\"cpu_share\": %.4f",
                i == 0 ? "" : ",\n    ", trial->pps, trial->sent_mpps, trial->mpps, trial->gbps, trial->loss_percent,
                trial->cpu_share);
        if (options->latency > 0)
            fprintf(out, ", \"p50_ns\": %llu, \"p99_ns\": %llu, \"p999_ns\": %llu", (unsigned long long)trial->p50_ns,
                    (unsigned long long)trial->p99_ns, (unsigned long long)trial->p999_ns);
        fputs("}", out);
    }
}

void search_report(const struct search *search, const struct options *options, FILE *out)
{
    fputs("[", out);
    for (unsigned int i = 0; i < options->n_limits; i++) {
        const struct search_trial *found = search_found(search, options->limits[i]);

        fprintf(out, "%s{\"loss_percent\": %g, \"mpps\": %.4f, \"gbps\": %.4f,\n   \"trials\": [",
                i == 0 ? "" : ",\n  ", options->limits[i], found != NULL ? found->mpps : 0,
                found != NULL ? found->gbps : 0);
        report_trials(search, options, out);
        fputs("]}", out);
    }
    fputs("]", out);
}
