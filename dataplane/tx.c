// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tx.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_mbuf.h>

#include "dataplane/cycles.h"
#include "dataplane/snapshot_private.h"

int tx_prepare_port(struct tx *tx, uint16_t port)
{
    if (tx->buffers[port] == NULL)
        tx->buffers[port] = calloc(1, sizeof *tx->buffers[port]);
    return tx->buffers[port] != NULL ? 0 : -ENOMEM;
}

void tx_fini(struct tx *tx)
{
    for (int i = 0; i < PORTS_MAX; i++) {
        free(tx->buffers[i]);
        tx->buffers[i] = NULL;
    }
    atomic_store_explicit(&tx->bursts, 0, memory_order_relaxed);
    atomic_store_explicit(&tx->sent, 0, memory_order_relaxed);
}

static uint16_t send_burst(struct tx *tx, struct port *port, struct tx_buffer *buffer)
{
    uint16_t queue = (uint16_t)(tx->worker < port->n_txq ? tx->worker : tx->worker % port->n_txq);
    uint16_t sent;

    /* More workers than queues: some share one. The lock is held for one burst only. */
    while (atomic_flag_test_and_set_explicit(&port->txq_lock[queue], memory_order_acquire))
        __builtin_ia32_pause();
    sent = port->ops->tx_burst(port, queue, buffer->packets, buffer->n);
    atomic_flag_clear_explicit(&port->txq_lock[queue], memory_order_release);
    return sent;
}

static uint64_t bytes_of(struct rte_mbuf **packets, uint16_t n)
{
    uint64_t bytes = 0;

    for (uint16_t i = 0; i < n; i++)
        bytes += packets[i]->pkt_len;
    return bytes;
}

/* Counts and frees what was not sent: the packets from 'first' on. */
static void drop_rest(struct tx *tx, struct tx_buffer *buffer, uint16_t first, struct port *port,
                      enum drop_reason reason)
{
    uint16_t n = buffer->n - first;

    if (n == 0)
        return;
    if (port != NULL)
        port->counters[tx->worker]->drops[reason] += n;
    rte_pktmbuf_free_bulk(&buffer->packets[first], n);
}

static void send_ready(struct tx *tx, struct port *port, struct tx_buffer *buffer)
{
    struct port_counters *counters = port->counters[tx->worker];
    uint16_t sent = send_burst(tx, port, buffer);

    cycles_add(&tx->bursts, 1);
    cycles_add(&tx->sent, sent);
    counters->tx_packets += sent;
    counters->tx_bytes += buffer->bytes - bytes_of(&buffer->packets[sent], buffer->n - sent);
    drop_rest(tx, buffer, sent, port, DROP_TX_QUEUE_FULL);
}

void tx_send_port(struct tx *tx, const struct snapshot *snapshot, uint16_t index)
{
    struct tx_buffer *buffer = tx->buffers[index];
    struct port *port = snapshot->ports[index];

    if (port == NULL || port->ops == NULL)
        drop_rest(tx, buffer, 0, port, DROP_PORT_GONE);
    else if (!atomic_load_explicit(&port->ready, memory_order_relaxed))
        drop_rest(tx, buffer, 0, port, DROP_TX_LINK_DOWN);
    else
        send_ready(tx, port, buffer);
    buffer->n = 0;
    buffer->bytes = 0;
}

void tx_flush(struct tx *tx, const struct snapshot *snapshot)
{
    for (uint16_t i = 0; i < tx->n_dirty; i++) {
        tx_send_port(tx, snapshot, tx->dirty[i]);
        tx->buffers[tx->dirty[i]]->dirty = false;
    }
    tx->n_dirty = 0;
    tx->n_waiting = 0;
}
