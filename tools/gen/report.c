// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/report.h"

#include <stdbool.h>

static double rate(const uint64_t *from, const uint64_t *to, double seconds)
{
    return seconds > 0 ? (double)(to[0] - from[0] + to[1] - from[1]) / seconds / 1e6 : 0;
}

static void report_interval(const struct meter_reading *from, const struct meter_reading *to, FILE *out)
{
    double seconds = to->time - from->time;
    double share = seconds > 0 ? 1 / (seconds * 1e6) : 0;

    fprintf(out,
            "\"elapsed\": %.4f, \"mpps\": %.4f, \"mpps_by_direction\": [%.4f, %.4f], \"gbps\": %.4f, "
            "\"sent_mpps\": %.4f, \"flood_mpps\": %.4f",
            seconds, rate(from->received, to->received, seconds), (double)(to->received[0] - from->received[0]) * share,
            (double)(to->received[1] - from->received[1]) * share,
            rate(from->received_bytes, to->received_bytes, seconds) * 8 / 1e3, rate(from->sent, to->sent, seconds),
            (double)(to->sent[2] - from->sent[2]) * share);
}

static void report_request(const struct options *options, const struct traffic *traffic, FILE *out)
{
    fprintf(out, "{\"flows\": %u, \"size\": ", options->flows);
    if (options->imix)
        fputs("\"imix\"", out);
    else
        fprintf(out, "%u", options->size);
    fprintf(out, ", \"bidirectional\": %s, \"lost_at_open\": [%u, %u],\n ", options->bidirectional ? "true" : "false",
            traffic->lost_at_open[0], traffic->lost_at_open[1]);
    fprintf(out, "\"offered\": [%lld, %lld], \"lost\": [%lld, %lld],\n ", (long long)traffic->offered[0],
            (long long)traffic->offered[1], (long long)traffic->lost[0], (long long)traffic->lost[1]);
    fprintf(out, "\"cpu_share\": %.4f,\n ", traffic->cpu_share);
}

static void report_measurement(const struct meter *meter, const struct options *options, const struct traffic *traffic,
                               FILE *out)
{
    const struct meter_reading *first = &meter->readings[0];
    const struct meter_reading *last = &meter->readings[meter->n_readings - 1];
    uint64_t bursts = last->bursts - first->bursts;

    report_interval(first, last, out);
    fprintf(out, ",\n \"ring_full\": %.4f, \"foreign\": %llu",
            bursts > 0 ? (double)(last->bursts_short - first->bursts_short) / (double)bursts : 0,
            (unsigned long long)(last->foreign - first->foreign));
    if (options->handshakes)
        fprintf(out, ",\n \"connections_per_second\": %.1f, \"connections\": {\"begun\": %llu, \"completed\": %llu}",
                last->time > first->time ? (double)(last->connections - first->connections) / (last->time - first->time)
                                         : 0,
                (unsigned long long)traffic->handshake.window.begun,
                (unsigned long long)traffic->handshake.window.completed);
    if (options->gso > 0)
        fprintf(out, ",\n \"gso\": %u, \"mss\": %u, \"pieces\": %llu", options->gso, options->mss,
                (unsigned long long)(last->arrived - first->arrived));
    if (options->latency > 0) {
        fputs(",\n \"latency_ns\": ", out);
        latency_report(&traffic->latency, out);
    }
    fputs(",\n \"seconds\": [", out);
    for (unsigned int i = 1; i < meter->n_readings; i++) {
        fputs(i == 1 ? "{" : ",\n  {", out);
        report_interval(&meter->readings[i - 1], &meter->readings[i], out);
        fputs("}", out);
    }
    fputs("]", out);
}

static void report_search(const struct options *options, const struct traffic *traffic, FILE *out)
{
    const struct search_trial *trial = &traffic->search.trials[0];

    fprintf(out,
            "\"elapsed\": %.4f, \"mpps\": %.4f, \"gbps\": %.4f, \"sent_mpps\": %.4f,\n \"search\": ", options->trial,
            trial->mpps, trial->gbps, trial->sent_mpps);
    search_report(&traffic->search, options, out);
}

void report_write(const struct meter *meter, const struct options *options, const struct traffic *traffic, FILE *out)
{
    report_request(options, traffic, out);
    if (options->loss_by_flow) {
        flow_loss_report(&traffic->flow_loss, out);
        fputs(",\n ", out);
    }
    if (options->n_limits > 0)
        report_search(options, traffic, out);
    else
        report_measurement(meter, options, traffic, out);
    fputs("}\n", out);
}
