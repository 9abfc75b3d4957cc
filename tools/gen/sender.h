// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/gen/counters.h"
#include "tools/gen/device.h"
#include "tools/gen/options.h"

/* Sends the frames of one direction, flow after flow. What differs between kinds of frames is chosen once, by the
 * functions below; the usual one, UDP of one size, writes nothing but ports. */
struct sender {
    const struct options *options;
    struct device *device;
    unsigned int direction;
    uint32_t flows;
    uint32_t next_flow;
    uint64_t position; /* frames sent so far */
    uint16_t burst;    /* at most so many frames at a time */
    /* Takes the next 'n' frames from their pools; false when they are used up. */
    bool (*take)(struct sender *sender, struct rte_mbuf **frames, uint16_t n);
    /* Gives those back that the ring had no room for. */
    void (*give_back)(struct sender *sender, struct rte_mbuf **frames, uint16_t n);
    /* Makes them frames of the next flows. */
    void (*address)(struct sender *sender, struct rte_mbuf **frames, uint16_t n);
    _Atomic uint64_t *sent;
};

void sender_init(struct sender *sender, const struct options *options, struct device *device, unsigned int direction,
                 struct counters *counters);

/* Sends at most 'n' frames of the next flows, no more than sender->burst; returns how many the ring took. */
uint16_t sender_burst(struct sender *sender, uint16_t n);

/* The next frame is one of flow 0 again. */
void sender_rewind(struct sender *sender);
