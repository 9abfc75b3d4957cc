// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "tools/gen/options.h"

/* The search of the highest rate at which no more than a part is lost (RFC 2544 26.1): a first trial offers all that
 * the rings take, further ones halve the interval between a rate that passed and one that did not. All trials serve
 * every limit. Pure arithmetic; traffic.c sends. */

#define SEARCH_TRIALS_MAX 64u
/* The search ends when the highest rate that passed is within this part of the lowest one that did not. */
#define SEARCH_PRECISION 0.02

struct search_trial {
    double pps; /* wanted; for the first trial, what was sent */
    double loss_percent;
    double sent_mpps;
    double mpps; /* received */
    double gbps;
    double cpu_share;                 /* of the time, what the generator had a CPU for */
    uint64_t p50_ns, p99_ns, p999_ns; /* 0 without stamps */
};

struct search {
    unsigned int n_trials;
    struct search_trial trials[SEARCH_TRIALS_MAX];
};

/* The rate of the next trial, in packets a second, for a limit in percent; 0: nothing is left to be tried, since the
 * rate is known or there is no room for more trials. Needs the first trial. */
double search_next(const struct search *search, double limit);

/* The fastest trial within the limit that is slower than all beyond it, or NULL when every rate loses more. */
const struct search_trial *search_found(const struct search *search, double limit);

/* Writes the JSON array of the report. */
void search_report(const struct search *search, const struct options *options, FILE *out);
