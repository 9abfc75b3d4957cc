// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/err.h"

const char *port_config_option(const struct port_config *config, const char *key)
{
    for (size_t i = 0; i < config->n_options; i++) {
        if (strcmp(config->options[i].key, key) == 0)
            return config->options[i].value;
    }
    return NULL;
}

int port_config_mtu(const struct port_config *config, uint16_t *mtu, char **error)
{
    if (config->mtu == 0)
        return 0;
    if (config->mtu < PORT_MTU_MIN || config->mtu > PORT_MTU_MAX) {
        err_set(error, "%s: unsupported MTU %u: must be between %d and %d", config->name, config->mtu, PORT_MTU_MIN,
                PORT_MTU_MAX);
        return -EINVAL;
    }
    *mtu = config->mtu;
    return 0;
}

void port_status_add(struct port_status *status, const char *key, const char *format, ...)
{
    va_list args;

    if (status->n_pairs == PORT_STATUS_MAX)
        return;
    snprintf(status->pairs[status->n_pairs].key, sizeof status->pairs[0].key, "%s", key);
    va_start(args, format);
    vsnprintf(status->pairs[status->n_pairs].value, sizeof status->pairs[0].value, format, args);
    va_end(args);
    status->n_pairs++;
}

void port_stats_add(struct port_stats *stats, const char *name, uint64_t value)
{
    if (stats->n == PORT_STATS_MAX)
        return;
    snprintf(stats->pairs[stats->n].name, sizeof stats->pairs[0].name, "%s", name);
    stats->pairs[stats->n++].value = value;
}

struct port *port_create(const char *name, uint16_t index, const struct port_ops *ops)
{
    struct port *port = calloc(1, sizeof *port);
    struct port_counters *counters = aligned_alloc(64, WORKERS_MAX * sizeof *counters);
    struct rxq_account *accounts = aligned_alloc(64, PORT_QUEUES_MAX * sizeof *accounts);

    if (port == NULL || counters == NULL || accounts == NULL) {
        free(port);
        free(counters);
        free(accounts);
        return NULL;
    }
    memset(counters, 0, WORKERS_MAX * sizeof *counters);
    memset(accounts, 0, PORT_QUEUES_MAX * sizeof *accounts);
    port->rxq_accounts = accounts;
    port->ops = ops;
    port->index = index;
    port->n_txq = 1;
    snprintf(port->name, sizeof port->name, "%s", name);
    for (unsigned int i = 0; i < WORKERS_MAX; i++)
        port->counters[i] = &counters[i];
    for (unsigned int i = 0; i < PORT_QUEUES_MAX; i++)
        atomic_flag_clear(&port->txq_lock[i]);
    return port;
}

void port_destroy(struct port *port)
{
    if (port == NULL)
        return;
    free(port->counters[0]);
    free(port->rxq_accounts);
    free(port);
}

void port_counters_sum(const struct port *port, struct port_counters *sum)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned int i = 0; i < WORKERS_MAX; i++) {
        const struct port_counters *c = port->counters[i];

        sum->rx_packets += __atomic_load_n(&c->rx_packets, __ATOMIC_RELAXED);
        sum->rx_bytes += __atomic_load_n(&c->rx_bytes, __ATOMIC_RELAXED);
        sum->tx_packets += __atomic_load_n(&c->tx_packets, __ATOMIC_RELAXED);
        sum->tx_bytes += __atomic_load_n(&c->tx_bytes, __ATOMIC_RELAXED);
        for (int r = 0; r < DROP_N_REASONS; r++)
            sum->drops[r] += __atomic_load_n(&c->drops[r], __ATOMIC_RELAXED);
    }
    sum->drops[DROP_NO_BUFFER] += atomic_load_explicit(&port->rx_no_buffer, memory_order_relaxed);
    sum->drops[DROP_RX_UNSUPPORTED] += atomic_load_explicit(&port->rx_unsupported, memory_order_relaxed);
    sum->drops[DROP_RX_DESCRIPTOR] += atomic_load_explicit(&port->rx_bad_descriptor, memory_order_relaxed);
}
