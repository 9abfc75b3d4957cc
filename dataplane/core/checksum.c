// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/checksum.h"

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_udp.h>

/* Four words at a time into sums of their own, which do not wait for one another; each is of 32-bit words, so that
 * carries gather in the upper half. */
struct four {
    uint64_t sums[4];
};

static inline void add_four(struct four *four, const uint64_t words[4])
{
    for (int i = 0; i < 4; i++)
        four->sums[i] += (words[i] & 0xffffffff) + (words[i] >> 32);
}

static inline uint64_t total_of(const struct four *four)
{
    return four->sums[0] + four->sums[1] + four->sums[2] + four->sums[3];
}

/* Fewer than 32 bytes; 'to' may be NULL. */
static inline uint64_t finish(uint8_t *to, const uint8_t *from, uint32_t len)
{
    uint64_t words[4] = {0};
    struct four four = {0};

    memcpy(words, from, len);
    if (to != NULL)
        memcpy(to, words, len);
    add_four(&four, words);
    return total_of(&four);
}

uint64_t checksum_bytes(const void *from, uint32_t len)
{
    const uint8_t *at = from;
    struct four four = {0};

    for (; len >= 32; len -= 32, at += 32) {
        uint64_t words[4];

        memcpy(words, at, sizeof words);
        add_four(&four, words);
    }
    return total_of(&four) + finish(NULL, at, len);
}

uint64_t checksum_copy(void *to, const void *from, uint32_t len)
{
    const uint8_t *at = from;
    uint8_t *out = to;
    struct four four = {0};

    for (; len >= 32; len -= 32, at += 32, out += 32) {
        uint64_t words[4];

        memcpy(words, at, sizeof words);
        memcpy(out, words, sizeof words);
        add_four(&four, words);
    }
    return total_of(&four) + finish(out, at, len);
}

uint64_t checksum_packet(const struct rte_mbuf *packet, uint32_t offset, uint32_t len)
{
    uint64_t total = 0;
    bool odd = false;

    for (; packet != NULL && len != 0; packet = packet->next) {
        uint32_t part;

        if (offset >= packet->data_len) {
            offset -= packet->data_len;
            continue;
        }
        part = RTE_MIN(packet->data_len - offset, len);
        total = checksum_join(total, checksum_bytes(rte_pktmbuf_mtod_offset(packet, const void *, offset), part), odd);
        odd ^= part & 1;
        len -= part;
        offset = 0;
    }
    return total;
}

uint64_t checksum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t len)
{
    uint64_t total = ip[0] >> 4 == 6 ? checksum_bytes(ip + 8, 32) : checksum_bytes(ip + 12, 8);

    return total + rte_cpu_to_be_32(len) + rte_cpu_to_be_16(protocol);
}

void checksum_put_outer_udp(const uint8_t *ip, uint8_t *udp, const uint8_t *inner_l4, uint16_t inner_pseudo)
{
    struct rte_udp_hdr *header = (struct rte_udp_hdr *)udp;
    uint16_t checksum;

    header->dgram_cksum = 0;
    checksum = (uint16_t)~checksum_fold(checksum_pseudo(ip, IPPROTO_UDP, rte_be_to_cpu_16(header->dgram_len)) +
                                        checksum_bytes(udp, (uint32_t)(inner_l4 - udp)) + (uint16_t)~inner_pseudo);
    /* Zero on the wire would mean "none" (RFC 768). */
    header->dgram_cksum = checksum != 0 ? checksum : 0xffff;
}
