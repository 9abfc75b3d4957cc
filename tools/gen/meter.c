// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/meter.h"

#include <stdbool.h>
#include <time.h>

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_until(double deadline, const volatile sig_atomic_t *leave)
{
    struct timespec ts = {.tv_sec = (time_t)deadline};

    ts.tv_nsec = (long)((deadline - (double)ts.tv_sec) * 1e9);
    /* A signal ends it early; one that means nothing to us lets it go on. */
    while (!*leave && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0)
        ;
}

static void read_counters(struct meter *meter, const struct traffic *traffic)
{
    struct meter_reading *reading = &meter->readings[meter->n_readings++];
    const struct traffic_counters *counters = &traffic->counters;

    reading->time = now();
    for (unsigned int i = 0; i < GUESTS_MAX; i++)
        reading->sent[i] = atomic_load_explicit(&counters->sent[i], memory_order_relaxed);
    for (unsigned int i = 0; i < 2; i++) {
        reading->received[i] = atomic_load_explicit(&counters->received[i], memory_order_relaxed);
    }
    reading->bursts = atomic_load_explicit(&counters->bursts, memory_order_relaxed);
    reading->bursts_short = atomic_load_explicit(&counters->bursts_short, memory_order_relaxed);
    reading->foreign = atomic_load_explicit(&counters->foreign, memory_order_relaxed);
}

void meter_run(struct meter *meter, const struct options *options, const struct traffic *traffic,
               const volatile sig_atomic_t *leave)
{
    double start, end;

    meter->n_readings = 0;
    sleep_until(now() + options->warmup, leave);
    read_counters(meter, traffic);
    start = meter->readings[0].time;
    end = start + options->seconds;
    while (!*leave && meter->n_readings <= METER_INTERVALS_MAX) {
        double next = start + meter->n_readings;
        /* A rest too short to be an interval of its own goes with the last one. */
        bool last = next + 0.5 > end;

        sleep_until(last ? end : next, leave);
        read_counters(meter, traffic);
        if (last)
            break;
    }
}

static double rate(const uint64_t *from, const uint64_t *to, double seconds)
{
    return seconds > 0 ? (double)(to[0] - from[0] + to[1] - from[1]) / seconds / 1e6 : 0;
}

static void report_interval(const struct meter_reading *from, const struct meter_reading *to, FILE *out)
{
    double seconds = to->time - from->time;
    double share = seconds > 0 ? 1 / (seconds * 1e6) : 0;

    fprintf(out,
            "\"elapsed\": %.4f, \"mpps\": %.4f, \"mpps_by_direction\": [%.4f, %.4f], \"sent_mpps\": %.4f, "
            "\"flood_mpps\": %.4f",
            seconds, rate(from->received, to->received, seconds), (double)(to->received[0] - from->received[0]) * share,
            (double)(to->received[1] - from->received[1]) * share, rate(from->sent, to->sent, seconds),
            (double)(to->sent[2] - from->sent[2]) * share);
}

void meter_report(const struct meter *meter, const struct options *options, const struct traffic *traffic, FILE *out)
{
    const struct meter_reading *first = &meter->readings[0];
    const struct meter_reading *last = &meter->readings[meter->n_readings - 1];
    uint64_t bursts = last->bursts - first->bursts;

    fprintf(out, "{\"flows\": %u, \"size\": %u, \"bidirectional\": %s, \"lost_at_open\": [%u, %u],\n ", options->flows,
            options->size, options->bidirectional ? "true" : "false", traffic->lost_at_open[0],
            traffic->lost_at_open[1]);
    fprintf(out, "\"offered\": [%lld, %lld], \"lost\": [%lld, %lld],\n ", (long long)traffic->offered[0],
            (long long)traffic->offered[1], (long long)traffic->lost[0], (long long)traffic->lost[1]);
    report_interval(first, last, out);
    fprintf(out, ",\n \"ring_full\": %.4f, \"cpu_share\": %.4f, \"foreign\": %llu,\n \"seconds\": [",
            bursts > 0 ? (double)(last->bursts_short - first->bursts_short) / (double)bursts : 0, traffic->cpu_share,
            (unsigned long long)(last->foreign - first->foreign));
    for (unsigned int i = 1; i < meter->n_readings; i++) {
        fputs(i == 1 ? "{" : ",\n  {", out);
        report_interval(&meter->readings[i - 1], &meter->readings[i], out);
        fputs("}", out);
    }
    fputs("]}\n", out);
}
