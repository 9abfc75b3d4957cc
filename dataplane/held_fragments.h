// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/packet.h"
#include "dataplane/core/port.h"

struct rte_mbuf;

/* Later fragments that came before their first one: a worker keeps them until it is known what became of that, and for
 * HELD_FRAGMENTS_TICKS at most, which is long for packets that overtook each other. Bounded as a whole and for each port, so that nobody holds up all buffers or another's
 * fragments. Private to a worker. */
#define HELD_FRAGMENTS_MAX   1024u /* a power of two */
#define HELD_FRAGMENTS_SHARE 64u   /* of one ingress port */
#define HELD_FRAGMENTS_TICKS 2u

struct held_fragment {
    struct rte_mbuf *mbuf; /* NULL: free */
    uint32_t attachment;
    uint32_t expires; /* tick */
    uint16_t port;    /* index of the ingress port */
};

struct held_fragments {
    uint32_t n;
    uint32_t cursor;                   /* where held_fragments_next() goes on */
    uint32_t tags[HELD_FRAGMENTS_MAX]; /* of the datagram; 0: free */
    struct held_fragment fragments[HELD_FRAGMENTS_MAX];
    uint8_t of_port[PORTS_MAX];
};

/* What tells the datagrams of fragments apart, never 0: equal for the fragments of one datagram, seldom for others. */
uint32_t held_fragments_tag(const struct packet *packet);

/* Keeps a packet. False when there is no room for it. */
bool held_fragments_add(struct held_fragments *held, const struct held_fragment *fragment, uint32_t tag);
/* The first place from 'from' on that holds a fragment of 'tag' (0: any), or HELD_FRAGMENTS_MAX. */
uint32_t held_fragments_find(const struct held_fragments *held, uint32_t tag, uint32_t from);
/* Takes the fragment at 'place' out. */
struct held_fragment held_fragments_take(struct held_fragments *held, uint32_t place);
/* Frees all packets. */
void held_fragments_clear(struct held_fragments *held);
