// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/latency.h"

#include <math.h>
#include <string.h>

void latency_init(struct latency *latency, uint64_t clocks_per_second)
{
    memset(latency, 0, sizeof *latency);
    latency->ns_per_clock = 1e9 / (double)clocks_per_second;
}

static unsigned int bucket_of(uint64_t ns)
{
    unsigned int octave, bucket;

    if (ns < LATENCY_LINEAR)
        return (unsigned int)ns;
    octave = (unsigned int)(rte_fls_u64(ns) - rte_fls_u64(LATENCY_LINEAR));
    bucket = LATENCY_LINEAR * octave + (unsigned int)(ns >> octave);
    return RTE_MIN(bucket, LATENCY_BUCKETS - 1);
}

/* The least value that is counted in a bucket. */
static uint64_t bucket_start(unsigned int bucket)
{
    unsigned int octave = bucket / LATENCY_LINEAR;

    if (octave <= 1)
        return bucket;
    return (uint64_t)(bucket % LATENCY_LINEAR + LATENCY_LINEAR) << (octave - 1);
}

void latency_add(struct latency *latency, uint64_t sent, uint64_t received)
{
    uint64_t ns = received > sent ? (uint64_t)((double)(received - sent) * latency->ns_per_clock) : 0;

    latency->samples++;
    latency->buckets[bucket_of(ns)]++;
    if (ns > latency->max)
        latency->max = ns;
}

uint64_t latency_quantile(const struct latency *latency, double part)
{
    uint64_t rank = (uint64_t)ceil(part * (double)latency->samples), seen = 0;

    for (unsigned int bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        seen += latency->buckets[bucket];
        if (seen > 0 && seen >= rank) {
            uint64_t middle = (bucket_start(bucket) + bucket_start(bucket + 1) - 1) / 2;

            return RTE_MIN(middle, latency->max);
        }
    }
    return 0;
}

void latency_report(const struct latency *latency, FILE *out)
{
    const char *separator = "";

    fprintf(out, "{\"samples\": %llu, \"p50\": %llu, \"p99\": %llu, \"p999\": %llu, \"max\": %llu,\n  \"histogram\": [",
            (unsigned long long)latency->samples, (unsigned long long)latency_quantile(latency, 0.5),
            (unsigned long long)latency_quantile(latency, 0.99), (unsigned long long)latency_quantile(latency, 0.999),
            (unsigned long long)latency->max);
    for (unsigned int bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        if (latency->buckets[bucket] == 0)
            continue;
        fprintf(out, "%s[%llu, %llu]", separator, (unsigned long long)bucket_start(bucket),
                (unsigned long long)latency->buckets[bucket]);
        separator = ", ";
    }
    fputs("]}", out);
}
