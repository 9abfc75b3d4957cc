// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/port.h"

struct snapshot;

/* How busy receive queues and workers have been lately, from samples of their clocks. Control thread. */

#define RXQ_USAGE_SAMPLE_MS  200u
#define RXQ_USAGE_INTERVAL_S 5u /* history is kept by such intervals */
#define RXQ_USAGE_INTERVALS  12u
#define RXQ_USAGE_MAX_S      (RXQ_USAGE_INTERVAL_S * RXQ_USAGE_INTERVALS)

/* Takes a sample of all queues of the snapshot and of all workers; to be called every RXQ_USAGE_SAMPLE_MS or so, at the time
 * 'now_ms' of any monotonic clock. Queues and workers that are new have no load yet, those that are gone are forgotten. */
void rxq_usage_sample(const struct snapshot *snapshot, int64_t now_ms);

/* Share of one CPU that the queue takes, smoothed over about a second; 0 when it is not known. */
double rxq_usage_load(const struct port *port, uint16_t queue);
/* Clocks that the queue took in the last 'seconds' (rounded up to whole intervals) and in the present interval. */
uint64_t rxq_usage_clocks(const struct port *port, uint16_t queue, unsigned int seconds);
/* Clocks that the worker had in the same time, and how many of these it was busy. */
void rxq_usage_worker(unsigned int id, unsigned int seconds, uint64_t *clocks, uint64_t *busy);
