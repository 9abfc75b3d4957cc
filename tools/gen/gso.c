// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/gso.h"

#include <errno.h>
#include <stdio.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#define TX_OFFLOADS (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define RX_OFFLOADS                                                                           \
    (RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | \
     RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

int gso_configure(const struct options *options, bool sends, const struct rte_eth_dev_info *info,
                  struct rte_eth_conf *conf)
{
    if (sends && (info->tx_offload_capa & TX_OFFLOADS) != TX_OFFLOADS) {
        fprintf(stderr, "sluice-gen: --gso: %s does not offer to segment TCP\n", rte_dev_name(info->device));
        return -ENOTSUP;
    }
    if (sends)
        conf->txmode.offloads |= TX_OFFLOADS;
    conf->rxmode.offloads |= info->rx_offload_capa & RX_OFFLOADS;
    conf->rxmode.max_lro_pkt_size = info->max_lro_pkt_size;
    return 0;
}

void gso_write_template(const struct options *options, const struct frame_layout *layout, struct rte_mbuf *headers)
{
    void *ip = rte_pktmbuf_mtod_offset(headers, void *, layout->l3);
    struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(headers, struct rte_tcp_hdr *, layout->l4);

    headers->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
    headers->ol_flags |= options->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
    headers->l2_len = layout->l3;
    headers->l3_len = layout->l4 - layout->l3;
    headers->l4_len = sizeof *tcp;
    headers->tso_segsz = options->mss;
    /* The pseudo-header's sum, with the length of all: what virtio asks for. A driver that wants it otherwise has a
     * function that prepares frames. */
    tcp->cksum = options->ipv6 ? rte_ipv6_phdr_cksum(ip, 0) : rte_ipv4_phdr_cksum(ip, 0);
}

bool gso_attach(const struct options *options, struct rte_mempool *payloads, struct rte_mbuf **frames, uint16_t n)
{
    struct rte_mbuf *buffers[GSO_BURST * GSO_BUFFERS_MAX];
    uint16_t per_frame = gso_buffers(options), next = 0;

    if (rte_mempool_get_bulk(payloads, (void **)buffers, (unsigned int)n * per_frame) != 0)
        return false;
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *last = frames[i];
        uint32_t left = options->gso;

        frames[i]->nb_segs = (uint16_t)(1 + per_frame);
        frames[i]->pkt_len = frames[i]->data_len + options->gso;
        for (uint16_t k = 0; k < per_frame; k++) {
            last->next = buffers[next++];
            last = last->next;
            last->data_len = (uint16_t)RTE_MIN(left, GSO_BUFFER);
            left -= last->data_len;
        }
        last->next = NULL;
    }
    return true;
}

void gso_detach(struct rte_mbuf **frames, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *buffer = frames[i]->next;

        while (buffer != NULL) {
            struct rte_mbuf *next = buffer->next;

            buffer->next = NULL;
            rte_mempool_put(buffer->pool, buffer);
            buffer = next;
        }
        frames[i]->next = NULL;
        frames[i]->nb_segs = 1;
        frames[i]->pkt_len = frames[i]->data_len;
    }
}

uint64_t gso_count(struct gso_account *account, const struct options *options, const struct frame_layout *layout,
                   struct rte_mbuf *const *frames, uint16_t n, uint64_t *bytes)
{
    uint64_t payload = 0, frames_whole;

    /* What is not longer than the headers is padded: it carries none. */
    for (uint16_t i = 0; i < n; i++)
        payload += frames[i]->pkt_len > RTE_MAX(layout->payload, layout->inner + FRAME_MIN)
                       ? frames[i]->pkt_len - layout->payload
                       : 0;
    *bytes += payload;
    account->rest += payload;
    frames_whole = account->rest / options->gso;
    account->rest %= options->gso;
    return frames_whole;
}
