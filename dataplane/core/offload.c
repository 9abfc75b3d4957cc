// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/offload.h"

#include <string.h>

int offload_from_virtio(struct rte_mbuf *packet, const struct virtio_net_hdr *header)
{
    return -EINVAL;
}

void offload_to_virtio(const struct rte_mbuf *packet, struct virtio_net_hdr *header)
{
    memset(header, 0, sizeof *header);
}
