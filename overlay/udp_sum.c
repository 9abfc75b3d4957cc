// SPDX-License-Identifier: Apache-2.0
#include "overlay/udp_sum.h"

#include <stdbool.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "overlay/wire.h"

/* Not rte_raw_cksum_mbuf(): DPDK 22.11 loses carries of segments that begin at an odd byte. */
uint16_t udp_sum(const struct rte_mbuf *packet, const struct rte_ipv4_hdr *ip, uint32_t offset, uint16_t len)
{
    uint32_t sum =
        (uint32_t)wire_fold(ip->src_addr) + wire_fold(ip->dst_addr) + RTE_BE16(IPPROTO_UDP) + rte_cpu_to_be_16(len);
    uint32_t left = len;
    bool odd = false;

    for (; packet != NULL && left != 0; packet = packet->next) {
        uint32_t part;
        uint16_t part_sum;

        if (offset >= packet->data_len) {
            offset -= packet->data_len;
            continue;
        }
        part = RTE_MIN(packet->data_len - offset, left);
        part_sum = wire_fold(__rte_raw_cksum(rte_pktmbuf_mtod_offset(packet, const void *, offset), part, 0));
        sum = wire_fold(sum) + (odd ? rte_bswap16(part_sum) : part_sum);
        odd ^= part & 1;
        left -= part;
        offset = 0;
    }
    return wire_fold(sum);
}
