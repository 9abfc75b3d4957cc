// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/port.h"

struct rte_mbuf;
struct snapshot;

/* A worker's transmit side: packets gather per port while a batch is forwarded and leave in bursts at its end. */
#define TX_BURST 64

struct tx_buffer {
    uint16_t n;
    bool dirty; /* listed in struct tx's 'dirty' */
    struct rte_mbuf *packets[TX_BURST];
    uint16_t account[TX_BURST]; /* port whose counters the packet goes to */
};

struct tx {
    struct tx_buffer *buffers[PORTS_MAX]; /* allocated by control before the port is published, then kept */
    uint16_t dirty[PORTS_MAX];            /* ports with packets in their buffer */
    uint16_t n_dirty;
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

/* Stage: puts a packet into its port's buffer, sending the buffer first when it is full. In line because every packet
 * passes here. */
static inline void tx_add(struct tx *tx, const struct snapshot *snapshot, uint16_t port, uint16_t account,
                          struct rte_mbuf *packet)
{
    struct tx_buffer *buffer = tx->buffers[port];

    if (__builtin_expect(buffer->n == TX_BURST, 0))
        tx_send_port(tx, snapshot, port);
    if (__builtin_expect(!buffer->dirty, 0)) {
        buffer->dirty = true;
        tx->dirty[tx->n_dirty++] = port;
    }
    buffer->packets[buffer->n] = packet;
    buffer->account[buffer->n++] = account;
}
