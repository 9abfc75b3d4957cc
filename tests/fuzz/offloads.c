// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/input.h"
#include "tests/support/mbuf.h"
#include "tests/unit/dataplane/station_fixture.h"

#include "dataplane/core/offload.h"
#include "dataplane/segment.h"
#include "dataplane/tx_finish.h"

/* What a guest says it left undone, and a frame in buffers of any size.
 *
 *      virtio-net header (10) | length of a buffer (1) | what the frame is longer by (2) | frame ...
 *
 * Whatever is not refused can be finished within its bounds. */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAME_MAX 4096u

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (station_group_start(NULL) != 0)
        abort();
    return 0;
}

static void cut(const struct rte_mbuf *packet)
{
    struct segmenter segmenter;
    unsigned int n = 0;

    if (segmenter_init(&segmenter, packet) != 0)
        abort();
    for (; segmenter_has_next(&segmenter); n++)
        rte_pktmbuf_free(segmenter_next(&segmenter, packet_pool()));
    if (n > OFFLOAD_SEGMENTS_MAX || rte_mempool_in_use_count(packet_pool()) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t frame[FRAME_MAX];
    struct input input = {data, size};
    struct virtio_net_hdr header = {0};
    struct rte_mbuf *packet;
    uint16_t piece, more;
    size_t len;

    input_bytes(&input, (uint8_t *)&header, sizeof header);
    piece = (uint16_t)(16 + 4 * input_byte(&input));
    more = input_16(&input) % 2048;
    memset(frame, 0x5a, sizeof frame);
    len = input_bytes(&input, frame, FRAME_MAX - 2048) + more;
    packet = mbuf_chain(frame, (uint32_t)len, piece, 0);
    if (offload_from_virtio(packet, &header) == 0 && offload_is_pending(packet)) {
        offload_to_virtio(packet, &header);
        if (header.csum_start + header.csum_offset + 2u > packet->data_len)
            abort();
        if (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
            cut(packet);
        else
            tx_finish_checksums(packet);
    }
    mbuf_free(packet);
    return 0;
}
