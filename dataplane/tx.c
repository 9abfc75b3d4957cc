// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tx.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "dataplane/cycles.h"
#include "dataplane/segment.h"
#include "dataplane/snapshot_private.h"
#include "dataplane/tx_finish.h"

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

/* Sends packets that the port takes as they are, and empties the buffer. */
static void send_finished(struct tx *tx, struct port *port, struct tx_buffer *buffer)
{
    struct port_counters *counters = port->counters[tx->worker];
    uint16_t sent = send_burst(tx, port, buffer);

    cycles_add(&tx->bursts, 1);
    cycles_add(&tx->sent, sent);
    counters->tx_packets += sent;
    counters->tx_bytes += buffer->bytes - bytes_of(&buffer->packets[sent], buffer->n - sent);
    drop_rest(tx, buffer, sent, port, DROP_TX_QUEUE_FULL);
    buffer->n = 0;
    buffer->bytes = 0;
}

/* Where packets gather once they are finished. */
struct finished {
    struct tx *tx;
    struct port *port;
    struct tx_buffer buffer;
};

static void add_finished(void *finished, struct rte_mbuf *packet)
{
    struct finished *out = finished;

    if (out->buffer.n == TX_BURST)
        send_finished(out->tx, out->port, &out->buffer);
    out->buffer.bytes += packet->pkt_len;
    out->buffer.packets[out->buffer.n++] = packet;
}

/* Out of buffers, what is left of the frame is one drop: the other end misses some of its segments. */
static void add_segments(struct finished *out, struct rte_mbuf *frame)
{
    if (!segmenter_run(frame, add_finished, out))
        out->port->counters[out->tx->worker]->drops[DROP_NO_BUFFER]++;
    rte_pktmbuf_free(frame);
}

/* The same for a buffer with packets that the port may not take as they are. */
static void send_unfinished(struct tx *tx, struct port *port, struct tx_buffer *buffer)
{
    struct finished out = {.tx = tx, .port = port};
    uint32_t offloads = atomic_load_explicit(&port->tx_offloads, memory_order_relaxed);

    for (uint16_t i = 0; i < buffer->n; i++) {
        struct rte_mbuf *packet = buffer->packets[i];

        if (offload_is_pending(packet) && !tx_finish_is_taken(offloads, packet)) {
            if (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
                add_segments(&out, packet);
                continue;
            }
            tx_finish_checksums(packet);
        }
        add_finished(&out, packet);
    }
    if (out.buffer.n > 0)
        send_finished(tx, port, &out.buffer);
}

void tx_send_port(struct tx *tx, const struct snapshot *snapshot, uint16_t index)
{
    struct tx_buffer *buffer = tx->buffers[index];
    struct port *port = snapshot->ports[index];

    if (port == NULL || port->ops == NULL)
        drop_rest(tx, buffer, 0, port, DROP_PORT_GONE);
    else if (!atomic_load_explicit(&port->ready, memory_order_relaxed))
        drop_rest(tx, buffer, 0, port, DROP_TX_LINK_DOWN);
    else if (__builtin_expect((buffer->flags & OFFLOAD_PENDING) != 0, 0))
        send_unfinished(tx, port, buffer);
    else
        send_finished(tx, port, buffer);
    buffer->n = 0;
    buffer->bytes = 0;
    buffer->flags = 0;
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
