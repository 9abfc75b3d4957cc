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
    const struct counters *counters = &traffic->counters;

    reading->time = now();
    for (unsigned int i = 0; i < GUESTS_MAX; i++)
        reading->sent[i] = counter_read(&counters->sent[i]);
    for (unsigned int i = 0; i < 2; i++) {
        reading->received[i] = counter_read(&counters->received[i]);
        reading->received_bytes[i] = counter_read(&counters->received_bytes[i]);
    }
    reading->arrived = counter_read(&counters->arrived);
    reading->connections = counter_read(&counters->connections);
    reading->bursts = counter_read(&counters->bursts);
    reading->bursts_short = counter_read(&counters->bursts_short);
    reading->foreign = counter_read(&counters->foreign);
}

void meter_run(struct meter *meter, const struct options *options, struct traffic *traffic,
               const volatile sig_atomic_t *leave)
{
    double start, end;

    meter->n_readings = 0;
    sleep_until(now() + options->warmup, leave);
    atomic_store(&traffic->measuring, true);
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
    atomic_store(&traffic->measuring, false);
}
