// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/core/port.h"

struct snapshot;

/* A worker's transmit side: packets gather per port and leave in bursts, when a port's buffer is full, and all of them when
 * tx_is_due() or when the worker has asked all of its queues. */
#define TX_BURST   64
#define TX_WAITING 128 /* packets of all ports together that may wait for more */

struct tx_buffer {
    uint16_t n;
    bool dirty;     /* listed in struct tx's 'dirty' */
    uint64_t bytes; /* of the 'n' packets */
    uint64_t flags; /* ol_flags of all of them, ored */
    struct rte_mbuf *packets[TX_BURST];
};

struct tx {
    struct tx_buffer *buffers[PORTS_MAX]; /* allocated by control before the port is published, then kept */
    uint16_t dirty[PORTS_MAX];            /* ports with packets in their buffer */
    uint16_t n_dirty;
    uint32_t n_waiting;  /* gathered since the last flush, whether sent meanwhile or not */
    unsigned int worker; /* id: transmit queue and counters */

    /* Read by control; relaxed. */
    _Atomic uint64_t bursts; /* calls of tx_burst() */
    _Atomic uint64_t sent;   /* packets that ports took */
};

/* Control thread: makes the buffer of a port that a snapshot about to be published names. 0 or -ENOMEM. */
int tx_prepare_port(struct tx *tx, uint16_t port);
void tx_fini(struct tx *tx);

/* Stage: sends the buffer of one port now. */
void tx_send_port(struct tx *tx, const struct snapshot *snapshot, uint16_t port);
/* Stage: sends what has gathered; frees and counts what ports did not take. */
void tx_flush(struct tx *tx, const struct snapshot *snapshot);

/* Has so much gathered that it should be sent before anything else is received? */
static inline bool tx_is_due(const struct tx *tx)
{
    return tx->n_waiting >= TX_WAITING;
}

/* Stage: the buffer of a port that packets are about to be added to. */
static inline struct tx_buffer *tx_buffer_of(struct tx *tx, uint16_t port)
{
    struct tx_buffer *buffer = tx->buffers[port];

    if (!buffer->dirty) {
        buffer->dirty = true;
        tx->dirty[tx->n_dirty++] = port;
    }
    return buffer;
}

/* Stage: puts a packet into the buffer of 'port', sending the buffer first when it is full. In line because every packet
 * passes here. */
static inline void tx_buffer_add(struct tx *tx, const struct snapshot *snapshot, struct tx_buffer *buffer,
                                 uint16_t port, struct rte_mbuf *packet)
{
    if (__builtin_expect(buffer->n == TX_BURST, 0))
        tx_send_port(tx, snapshot, port);
    buffer->bytes += packet->pkt_len;
    buffer->flags |= packet->ol_flags;
    buffer->packets[buffer->n++] = packet;
}

/* Stage: the same for a packet by itself. */
static inline void tx_add(struct tx *tx, const struct snapshot *snapshot, uint16_t port, struct rte_mbuf *packet)
{
    tx_buffer_add(tx, snapshot, tx_buffer_of(tx, port), port, packet);
}
