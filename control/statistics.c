// SPDX-License-Identifier: Apache-2.0
#include "control/statistics.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <vswitch-idl.h>

#include "control/applied.h"

#define STATISTICS_MAX (DROP_N_REASONS + PORT_STATS_MAX + 16)

struct statistics {
    size_t n;
    const char *keys[STATISTICS_MAX];
    int64_t values[STATISTICS_MAX];
    char drop_names[DROP_N_REASONS][48];
};

/* Adds to the counter of that name. 'name' is borrowed. */
static void count(struct statistics *statistics, const char *name, uint64_t value)
{
    for (size_t i = 0; i < statistics->n; i++) {
        if (strcmp(statistics->keys[i], name) == 0) {
            statistics->values[i] += (int64_t)value;
            return;
        }
    }
    if (statistics->n == STATISTICS_MAX || value > INT64_MAX)
        return;
    statistics->keys[statistics->n] = name;
    statistics->values[statistics->n++] = (int64_t)value;
}

static bool is_tx_reason(enum drop_reason reason)
{
    return strncmp(drop_reason_name(reason), "tx_", 3) == 0;
}

static void count_drops(struct statistics *statistics, const struct port_counters *sum)
{
    for (int r = DROP_NONE + 1; r < DROP_N_REASONS; r++) {
        char *name = statistics->drop_names[r];

        if (sum->drops[r] == 0)
            continue;
        count(statistics, is_tx_reason(r) ? "tx_dropped" : "rx_dropped", sum->drops[r]);
        snprintf(name, sizeof statistics->drop_names[r], "drop_%s", drop_reason_name(r));
        count(statistics, name, sum->drops[r]);
    }
}

static void collect(const struct interface *interface, struct statistics *statistics, struct port_stats *stats)
{
    static const char *const always[] = {"rx_packets", "tx_packets", "rx_bytes",  "tx_bytes",
                                         "rx_dropped", "tx_dropped", "rx_errors", "tx_errors"};
    struct port *port = interface->port;
    struct port_counters sum;

    port_counters_sum(port, &sum);
    for (size_t i = 0; i < (interface->is_tunnel ? 4 : sizeof always / sizeof always[0]); i++)
        count(statistics, always[i], 0);
    count(statistics, "rx_packets", sum.rx_packets);
    count(statistics, "tx_packets", sum.tx_packets);
    count(statistics, "rx_bytes", sum.rx_bytes);
    count(statistics, "tx_bytes", sum.tx_bytes);
    count_drops(statistics, &sum);
    if (interface->is_tunnel)
        return;
    port->ops->get_stats(port, stats);
    for (size_t i = 0; i < stats->n; i++)
        count(statistics, stats->pairs[i].name, stats->pairs[i].value);
}

void statistics_write(const struct applied *applied, const struct ovsdb_idl *idl, bool all)
{
    const struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        const struct ovsrec_interface *row =
            interface->has_row ? ovsrec_interface_get_for_uuid(idl, &interface->uuid) : NULL;
        struct statistics statistics = {.n = 0};
        struct port_stats stats = {.n = 0};

        if (row == NULL || interface->state != INTERFACE_OPEN || (!all && row->n_statistics > 0))
            continue;
        collect(interface, &statistics, &stats);
        ovsrec_interface_set_statistics(row, statistics.keys, statistics.values, statistics.n);
    }
}
