// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "tools/gen/counters.h"
#include "tools/gen/device.h"
#include "tools/gen/options.h"
#include "tools/gen/receiver.h"

/* Whole TCP connections, one after the other, each with ports of its own:
 *
 *     client (first device)               server (second device)
 *       SYN       ---------------------->
 *                 <----------------------  SYN, ACK
 *       ACK       ---------------------->
 *       DATA      ---------------------->
 *                 <----------------------  FIN, ACK
 *       FIN, ACK  ---------------------->
 *                 <----------------------  ACK           completed
 *
 * Neither side keeps a state: what is to be answered follows from the flags of what has come. Nothing is sent twice, so a
 * connection that loses a segment does not complete. */

enum handshake_step {
    HANDSHAKE_SYN,
    HANDSHAKE_SYN_ACK,
    HANDSHAKE_ACK,
    HANDSHAKE_DATA,
    HANDSHAKE_SERVER_FIN,
    HANDSHAKE_CLIENT_FIN,
    HANDSHAKE_LAST_ACK,
    HANDSHAKE_STEPS
};
#define HANDSHAKE_REPLIES_MAX 2u
#define HANDSHAKE_SIZE_MAX    1514u /* of a guest's frame */
#define HANDSHAKE_FRAME_MAX   2048u /* with outer headers, and room to write */

/* The frame of a step, all but its ports. */
struct handshake_template {
    unsigned int direction;
    uint16_t size;
    uint32_t sum; /* of what the TCP checksum covers, without the ports */
    uint8_t bytes[HANDSHAKE_FRAME_MAX];
};

/* The last connections that were begun, by their number. One that takes longer than a while is taken for lost. */
#define HANDSHAKE_SLOTS 65536u
enum handshake_fate { HANDSHAKE_OPEN, HANDSHAKE_DONE, HANDSHAKE_GIVEN_UP };
struct handshake_window {
    uint64_t begun, oldest; /* running numbers of connections */
    uint64_t completed;
    uint64_t under_way;
    uint64_t patience; /* clocks */
    uint64_t start[HANDSHAKE_SLOTS];
    uint8_t fate[HANDSHAKE_SLOTS];
};

/* What is to be sent on a device, in order; frames that have come are taken only while there is room for the answers. */
#define HANDSHAKE_QUEUE (4u * BURST_SIZE)
struct handshake_queue {
    uint16_t n;
    struct rte_mbuf *frames[HANDSHAKE_QUEUE];
};

struct handshake {
    const struct options *options;
    struct device *devices;
    const struct receiver *receivers;
    struct counters *counters;
    struct frame_layout layouts[2]; /* of frames on a device */
    struct handshake_template templates[HANDSHAKE_STEPS];
    struct handshake_queue queues[2];
    struct handshake_window window;
};

void handshake_init(struct handshake *handshake, const struct options *options, struct device *devices,
                    const struct receiver *receivers, struct counters *counters);

/* Answers what has come and begins at most 'due' connections. Returns how many were begun; '*any' says whether anything
 * has come. Worker. */
uint16_t handshake_work(struct handshake *handshake, uint16_t due, bool *any);

/* What these are made of. */

/* The answers to a segment with these flags at the client (0) or server (1); returns how many. '*completed' says that the
 * client has seen the last one of a connection. */
unsigned int handshake_replies(unsigned int side, uint8_t flags, enum handshake_step replies[HANDSHAKE_REPLIES_MAX],
                               bool *completed);

/* Writes the frame of a step of connection 'flow', with its checksum; returns its length. */
uint16_t handshake_write(const struct handshake *handshake, enum handshake_step step, uint32_t flow, uint8_t *bytes);

/* Whether another connection may be begun at 'now', of which at most 'most' are to be under way. */
bool handshake_window_has_room(struct handshake_window *window, uint64_t most, uint64_t now);

/* Notes the beginning of one, and the end of the one whose number modulo HANDSHAKE_SLOTS is 'slot'; false when that had
 * ended before. */
void handshake_window_begin(struct handshake_window *window, uint64_t now);
bool handshake_window_end(struct handshake_window *window, uint32_t slot);
