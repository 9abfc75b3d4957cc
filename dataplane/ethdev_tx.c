// SPDX-License-Identifier: Apache-2.0
#include "dataplane/ethdev_tx.h"

#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/core/offload.h"

#define CHECKSUMS (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define IP_SUMS   (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM)
#define SEGMENTS  (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO)

uint64_t ethdev_tx_capabilities(const struct rte_eth_dev_info *info, bool no_tso)
{
    return info->tx_offload_capa & (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | CHECKSUMS | IP_SUMS | (no_tso ? 0 : SEGMENTS));
}

static bool has_all(uint64_t capabilities, uint64_t wanted)
{
    return (capabilities & wanted) == wanted;
}

uint32_t ethdev_tx_offloads(const struct rte_eth_dev_info *info, uint64_t capabilities)
{
    uint32_t offloads = OFFLOAD_CHECKSUM;

    if (!has_all(capabilities, CHECKSUMS))
        return 0;
    if (!has_all(capabilities, RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
        return offloads;
    offloads |= OFFLOAD_TSO4;
    /* DPDK's tap sends IPv6 frames uncut. */
    if (strcmp(info->driver_name, "net_tap") != 0)
        offloads |= OFFLOAD_TSO6;
    if (has_all(capabilities, RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | IP_SUMS))
        offloads |= OFFLOAD_VXLAN;
    if (has_all(capabilities, RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO | IP_SUMS))
        offloads |= OFFLOAD_GENEVE;
    return offloads;
}

/* The IP headers of segments need checksums of their own, which those who cut have to be told. */
static void ask_for_ip_sums(struct rte_mbuf *packet, uint64_t capabilities)
{
    if (!(packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
        return;
    if (packet->ol_flags & RTE_MBUF_F_TX_IPV4 && capabilities & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
        packet->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    if (packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
        packet->ol_flags |= RTE_MBUF_F_TX_OUTER_IP_CKSUM;
}

uint16_t ethdev_tx_unfinished(uint16_t device, uint16_t txq, uint64_t capabilities, struct rte_mbuf **packets,
                              uint16_t n, uint32_t *n_refused)
{
    uint16_t done = 0;

    for (uint16_t i = 0; i < n; i++)
        ask_for_ip_sums(packets[i], capabilities);
    while (done < n) {
        uint16_t ready = rte_eth_tx_prepare(device, txq, packets + done, (uint16_t)(n - done));
        uint16_t sent = rte_eth_tx_burst(device, txq, packets + done, ready);

        done = (uint16_t)(done + sent);
        if (sent < ready)
            break;
        if (done < n) {
            rte_pktmbuf_free(packets[done++]);
            ++*n_refused;
        }
    }
    return done;
}
