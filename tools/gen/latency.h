// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <stdio.h>

#include <rte_common.h>

/* How long frames are under way: from the time a frame is handed to its device to the time it is taken from the other
 * one. One frame in some carries a stamp, in a buffer of its own that never becomes a frame without. */

/* What stands in the frame, at frame_layout's 'stamp'; where there is a checksum, with its complement behind it. */
#define LATENCY_MAGIC 0x51a7e57au
struct __rte_packed latency_stamp {
    uint32_t magic;
    uint64_t clocks; /* of the TSC */
};

/* A histogram in nanoseconds. Up to LATENCY_LINEAR every value has a bucket; from there on each power of two has so
 * many, so that a bucket is at most 1.6 % wide. */
#define LATENCY_LINEAR  64u
#define LATENCY_OCTAVES 34u /* up to some minutes; what takes longer is counted in the last bucket */
#define LATENCY_BUCKETS (LATENCY_LINEAR * (LATENCY_OCTAVES + 1))

struct latency {
    double ns_per_clock;
    uint64_t samples;
    uint64_t max; /* ns */
    uint64_t buckets[LATENCY_BUCKETS];
};

/* Empties it. One thread writes; others may read when that has ended. */
void latency_init(struct latency *latency, uint64_t clocks_per_second);

/* Counts a frame that was stamped at 'sent' and seen at 'received'. Stamps of the future count as no time at all. */
void latency_add(struct latency *latency, uint64_t sent, uint64_t received);

/* The time in ns that a part (0 to 1) of the frames did not exceed, by the nearest rank, within the width of a bucket;
 * 0 without samples. */
uint64_t latency_quantile(const struct latency *latency, double part);

/* Writes the JSON object of the report. */
void latency_report(const struct latency *latency, FILE *out);
