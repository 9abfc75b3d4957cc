// SPDX-License-Identifier: Apache-2.0
#include "overlay/udp_sum.h"

#include <rte_ip.h>

#include "dataplane/core/checksum.h"

uint16_t udp_sum(const struct rte_mbuf *packet, const struct rte_ipv4_hdr *ip, uint32_t offset, uint16_t len)
{
    return checksum_fold(checksum_pseudo((const uint8_t *)ip, IPPROTO_UDP, len) + checksum_packet(packet, offset, len));
}
