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

/* Counts what was sent: for the port, and for the tunnels whose packets it carried. */
static void count_sent(struct tx *tx, const struct snapshot *snapshot, struct port *port,
                       const struct tx_buffer *buffer, const uint32_t *lengths, uint16_t sent)
{
    struct port_counters *counters = port->counters[tx->worker];
    uint64_t bytes = 0;

    for (uint16_t i = 0; i < sent; i++) {
        bytes += lengths[i];
        if (__builtin_expect(buffer->account[i] != port->index, 0)) {
            struct port *tunnel = snapshot->ports[buffer->account[i]];

            if (tunnel != NULL) {
                tunnel->counters[tx->worker]->tx_packets++;
                tunnel->counters[tx->worker]->tx_bytes += lengths[i];
            }
        }
    }
    counters->tx_packets += sent;
    counters->tx_bytes += bytes;
}

void tx_send_port(struct tx *tx, const struct snapshot *snapshot, uint16_t index)
{
    struct tx_buffer *buffer = tx->buffers[index];
    struct port *port = snapshot->ports[index];
    uint32_t lengths[TX_BURST];
    uint16_t sent = 0;

    if (port == NULL || port->ops == NULL) {
        drop_rest(tx, buffer, 0, port, DROP_PORT_GONE);
    } else if (!atomic_load_explicit(&port->ready, memory_order_relaxed)) {
        drop_rest(tx, buffer, 0, port, DROP_TX_LINK_DOWN);
    } else {
        /* A driver may free what it has sent at once. */
        for (uint16_t i = 0; i < buffer->n; i++)
            lengths[i] = buffer->packets[i]->pkt_len;
        sent = send_burst(tx, port, buffer);
        count_sent(tx, snapshot, port, buffer, lengths, sent);
        cycles_add(&tx->bursts, 1);
        cycles_add(&tx->sent, sent);
        drop_rest(tx, buffer, sent, port, DROP_TX_QUEUE_FULL);
    }
    buffer->n = 0;
}

void tx_flush(struct tx *tx, const struct snapshot *snapshot)
{
    for (uint16_t i = 0; i < tx->n_dirty; i++) {
        tx_send_port(tx, snapshot, tx->dirty[i]);
        tx->buffers[tx->dirty[i]]->dirty = false;
    }
    tx->n_dirty = 0;
}
