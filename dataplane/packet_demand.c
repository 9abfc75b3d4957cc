// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_demand.h"

#include <string.h>

#include "dataplane/held_fragments.h"
#include "dataplane/tx.h"
#include "dataplane/worker.h"

#define FRAME_OVERHEAD 26u /* Ethernet header, two tags, checksum */

uint32_t packet_demand_of_workers(enum packet_size size, uint32_t n_workers, uint32_t n_ports)
{
    uint32_t each = PACKET_POOL_CACHE * 3 / 2 + WORKER_BATCH;

    if (size == PACKET_SIZE_JUMBO)
        return PACKET_POOL_SPARE + n_workers * each;
    return PACKET_DEMAND_RESERVE + n_workers * (each + HELD_FRAGMENTS_MAX + n_ports * TX_BURST);
}

void packet_demand_of_device(const struct packet_demand_device *device, struct packet_claim *rx,
                             struct packet_claim *tx)
{
    bool fits = device->mtu + FRAME_OVERHEAD <= packet_pool_room(PACKET_SIZE_ORDINARY);

    memset(rx, 0, sizeof *rx);
    memset(tx, 0, sizeof *tx);
    rx->node = tx->node = PACKET_POOL_ANY;
    rx->size = fits ? PACKET_SIZE_ORDINARY : PACKET_SIZE_JUMBO;
    rx->in_rings = (uint32_t)device->n_rxq * device->n_rxq_desc;
    tx->size = PACKET_SIZE_ORDINARY;
    tx->passing = (uint32_t)device->n_txq * device->n_txq_desc;
}
