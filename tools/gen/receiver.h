// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/gen/counters.h"
#include "tools/gen/device.h"
#include "tools/gen/flow_loss.h"
#include "tools/gen/gso.h"
#include "tools/gen/latency.h"
#include "tools/gen/options.h"

/* Takes what arrives of one direction. Usually frames are counted without a look at them; only what the options ask for
 * makes it look. */
struct receiver {
    const struct options *options;
    struct device *device;
    unsigned int direction;
    struct frame_layout layout; /* of the frames as they arrive */
    uint16_t sizes[IMIX_SIZES]; /* whole, that they may have */
    bool exact;                 /* look whether each is ours: others come as well */
    bool any_length;            /* ours may have other lengths than the usual ones */
    struct gso_account gso;
    struct latency *latency; /* counts stamps while 'measuring'; NULL: none are sent */
    const _Atomic bool *measuring;
    struct flow_loss *flow_loss; /* counts arrivals; NULL: nobody asks */
    _Atomic uint64_t *received, *received_bytes, *arrived, *foreign;
    uint64_t bursts;
};

/* 'device' is that of the guest the direction goes to, or NULL: then nothing ever comes. */
void receiver_init(struct receiver *receiver, const struct options *options, struct device *device,
                   unsigned int direction, struct counters *counters);

/* Throws away what does not belong to the traffic on a device that a tunnel ends at, and answers ARP requests there;
 * returns how many frames are left at the beginning of 'frames'. */
uint16_t receiver_keep_tunnelled(const struct receiver *receiver, struct rte_mbuf **frames, uint16_t n);

/* Takes a burst, looks at all frames when 'exact', and counts ours; returns how many there were, of
 * large ones how many pieces. */
uint16_t receiver_burst(struct receiver *receiver, bool exact);
