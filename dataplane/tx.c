// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tx.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_mbuf.h>

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

static void flush_port(struct tx *tx, const struct snapshot *snapshot, uint16_t index)
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
        for (uint16_t i = 0; i < sent; i++) {
            struct port *account = buffer->account[i] == index ? port : snapshot->ports[buffer->account[i]];

            /* A tunnel's packets count for the tunnel and for the port that carries them. */
            port->counters[tx->worker]->tx_packets++;
            port->counters[tx->worker]->tx_bytes += lengths[i];
            if (account != port && account != NULL) {
                account->counters[tx->worker]->tx_packets++;
                account->counters[tx->worker]->tx_bytes += lengths[i];
            }
        }
        drop_rest(tx, buffer, sent, port, DROP_TX_QUEUE_FULL);
    }
    buffer->n = 0;
}

void tx_add(struct tx *tx, const struct snapshot *snapshot, uint16_t port, uint16_t account, struct rte_mbuf *packet)
{
    struct tx_buffer *buffer = tx->buffers[port];

    if (buffer->n == TX_BURST)
        flush_port(tx, snapshot, port);
    if (!buffer->dirty) {
        buffer->dirty = true;
        tx->dirty[tx->n_dirty++] = port;
    }
    buffer->packets[buffer->n] = packet;
    buffer->account[buffer->n++] = account;
}

void tx_flush(struct tx *tx, const struct snapshot *snapshot)
{
    for (uint16_t i = 0; i < tx->n_dirty; i++) {
        flush_port(tx, snapshot, tx->dirty[i]);
        tx->buffers[tx->dirty[i]]->dirty = false;
    }
    tx->n_dirty = 0;
}
