// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tx.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "dataplane/core/packet_pool.h"
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

/* Notes the lengths of the packets, because a driver may free what it has sent at once. Returns all their flags. */
static uint64_t measure(const struct tx_buffer *buffer, uint32_t *lengths)
{
    uint64_t flags = 0;

    for (uint16_t i = 0; i < buffer->n; i++) {
        lengths[i] = buffer->packets[i]->pkt_len;
        flags |= buffer->packets[i]->ol_flags;
    }
    return flags;
}

/* Sends packets that the port takes as they are, and empties the buffer. */
static void send_finished(struct tx *tx, const struct snapshot *snapshot, struct port *port, struct tx_buffer *buffer,
                          const uint32_t *lengths)
{
    uint16_t sent = send_burst(tx, port, buffer);

    count_sent(tx, snapshot, port, buffer, lengths, sent);
    drop_rest(tx, buffer, sent, port, DROP_TX_QUEUE_FULL);
    buffer->n = 0;
}

/* Where packets gather once they are finished. */
struct finished {
    struct tx *tx;
    const struct snapshot *snapshot;
    struct port *port;
    struct tx_buffer buffer;
};

static void flush_finished(struct finished *out)
{
    uint32_t lengths[TX_BURST];

    measure(&out->buffer, lengths);
    send_finished(out->tx, out->snapshot, out->port, &out->buffer, lengths);
}

static void add_finished(struct finished *out, struct rte_mbuf *packet, uint16_t account)
{
    if (out->buffer.n == TX_BURST)
        flush_finished(out);
    out->buffer.packets[out->buffer.n] = packet;
    out->buffer.account[out->buffer.n++] = account;
}

/* Out of buffers, what is left of the frame is one drop: the other end misses some of its segments. */
static void add_segments(struct finished *out, struct rte_mbuf *frame, uint16_t account)
{
    struct segmenter segmenter;
    struct rte_mbuf *segment = NULL;

    if (segmenter_init(&segmenter, frame) == 0) {
        do {
            segment = segmenter_next(&segmenter, packet_pool());
            if (segment != NULL)
                add_finished(out, segment, account);
        } while (segment != NULL && segmenter_has_next(&segmenter));
    }
    if (segment == NULL)
        out->port->counters[out->tx->worker]->drops[DROP_NO_BUFFER]++;
    rte_pktmbuf_free(frame);
}

/* The same for a buffer with packets that the port may not take as they are. */
static void send_unfinished(struct tx *tx, const struct snapshot *snapshot, struct port *port, struct tx_buffer *buffer)
{
    struct finished out = {.tx = tx, .snapshot = snapshot, .port = port};
    uint32_t offloads = atomic_load_explicit(&port->tx_offloads, memory_order_relaxed);

    for (uint16_t i = 0; i < buffer->n; i++) {
        struct rte_mbuf *packet = buffer->packets[i];

        if (offload_is_pending(packet) && !tx_finish_is_taken(offloads, packet)) {
            if (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
                add_segments(&out, packet, buffer->account[i]);
                continue;
            }
            tx_finish_checksums(packet);
        }
        add_finished(&out, packet, buffer->account[i]);
    }
    if (out.buffer.n > 0)
        flush_finished(&out);
    buffer->n = 0;
}

void tx_send_port(struct tx *tx, const struct snapshot *snapshot, uint16_t index)
{
    struct tx_buffer *buffer = tx->buffers[index];
    struct port *port = snapshot->ports[index];
    uint32_t lengths[TX_BURST];

    if (port == NULL || port->ops == NULL)
        drop_rest(tx, buffer, 0, port, DROP_PORT_GONE);
    else if (!atomic_load_explicit(&port->ready, memory_order_relaxed))
        drop_rest(tx, buffer, 0, port, DROP_TX_LINK_DOWN);
    else if (__builtin_expect((measure(buffer, lengths) & OFFLOAD_PENDING) != 0, 0))
        send_unfinished(tx, snapshot, port, buffer);
    else
        send_finished(tx, snapshot, port, buffer, lengths);
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
