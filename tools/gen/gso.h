// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "tools/gen/frame.h"
#include "tools/gen/options.h"

/* With --gso frames are larger than the network's, as guests send them: TCP payload that the device is asked to cut into
 * segments and to sum. A frame is a chain: the headers, from a pool of templates as ever, and buffers full of zeros.
 *
 *     headers -> 32 KiB -> the rest
 */
#define GSO_PAYLOAD_MAX 65160u
#define GSO_BUFFER      32768u
#define GSO_BUFFERS_MAX 2u
/* Rings and bursts of so large frames are shorter, or they would take gigabytes. */
#define GSO_DESCRIPTORS 256u
#define GSO_BURST       32u

/* How many buffers the payload of a frame takes. */
static inline uint16_t gso_buffers(const struct options *options)
{
    return (uint16_t)((options->gso + GSO_BUFFER - 1) / GSO_BUFFER);
}

/* Adds the offloads to a device's configuration that it is to be started with: what sending needs when it
 * 'sends', and whatever lets the
 * switch leave frames as they are on their way to us. -ENOTSUP with a sentence on standard error when it cannot send. */
int gso_configure(const struct options *options, bool sends, const struct rte_eth_dev_info *info,
                  struct rte_eth_conf *conf);

/* Completes the headers of a template: what its device is to do. */
void gso_write_template(const struct options *options, const struct frame_layout *layout, struct rte_mbuf *headers);

/* Hangs the payload on 'n' templates; false when the pool has too little, and then nothing has changed. */
bool gso_attach(const struct options *options, struct rte_mempool *payloads, struct rte_mbuf **frames, uint16_t n);

/* Takes it away again, back to its pool. */
void gso_detach(struct rte_mbuf **frames, uint16_t n);

/* Payload that has arrived, in frames of whatever size the switch left or cut. */
struct gso_account {
    uint64_t rest; /* bytes short of a whole frame */
};

/* Returns how many frames as they were sent the payload of 'n' more frames completes, and adds the bytes of it. */
uint64_t gso_count(struct gso_account *account, const struct options *options, const struct frame_layout *layout,
                   struct rte_mbuf *const *frames, uint16_t n, uint64_t *bytes);
