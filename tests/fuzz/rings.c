// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include "tests/fuzz/input.h"
#include "tests/unit/vhost/ring_driver.h"

/* A ring whose descriptors, tables, indices and headers come from the input, worked in both directions.
 *
 *      kind (1) | first index (2) | 16 descriptors (8 each) | steps (3 each) ... | guest memory
 *
 * kind: bit 0 mergeable, bit 1 event index, bit 2 short header, bits 3-5 size (2 to 256), bit 6 packed, bit 7 a packed
 * ring's size is one less. A descriptor: region and page (1), offset (2), length (2; ever longer from 0xf000 on), flags (1),
 * next or id (1), head in the available ring or event (1). A step: what (1; bit 0 the direction, bits 1-7 packets or their
 * length), how far the index moves or how many descriptors are available (2). */

#define DESCRIPTORS 16
#define STEPS       8

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct driver driver;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return port_fixture_start(NULL);
}

static void fill_descriptor(uint32_t i, uint64_t address, uint32_t len, uint8_t flags, uint8_t next, uint8_t head)
{
    if (driver.ring.packed) {
        driver.packed.descriptors[i] =
            (struct vring_packed_desc){address, len, next, (uint16_t)((flags & 7) | (flags & 0xc0) << 8)};
        driver.packed.events[0] = (struct vring_packed_desc_event){(uint16_t)(head << 8 | next), flags >> 3 & 3};
        return;
    }
    driver.descriptors[i] = (struct vring_desc){address, len, flags & 7, next};
    driver.avail->ring[i] = head;
}

/* Makes the next descriptors available, or moves the index. */
static void make_available(uint16_t n)
{
    uint16_t at = driver.ring.next;

    driver.next_avail = (uint16_t)(driver.next_avail + n);
    if (!driver.ring.packed)
        driver_publish(&driver);
    for (uint32_t i = 0; driver.ring.packed && i < RTE_MIN(n, driver.ring.size); i++, driver_step(&driver, &at)) {
        struct vring_packed_desc *descriptor = &driver.packed.descriptors[at & 0x7fff];

        descriptor->flags = (uint16_t)((descriptor->flags & 7) | (at & 0x8000 ? 0x80 : 0x8000));
    }
}

static void fill_ring(struct input *input)
{
    for (uint32_t i = 0; i < DESCRIPTORS; i++) {
        uint8_t place = input_byte(input);
        uint64_t address = DRIVER_BASE + (place & 0x7f) * 4096ull + input_16(input) % 4096;
        uint32_t len = input_16(input);
        uint8_t flags = input_byte(input), next = input_byte(input), head = input_byte(input);

        if (place == 0xff)
            address = UINT64_MAX - len;
        if (len >= 0xf000)
            len <<= len & 0xf;
        fill_descriptor(i % driver.ring.size, address, len, flags, next, head);
    }
}

static void take_step(struct input *input)
{
    struct rte_mbuf *packets[RING_BURST];
    struct ring_losses losses = {0};
    uint8_t what = input_byte(input);
    uint16_t n;
    bool kick;

    make_available(input_16(input));
    if (what & 1) {
        n = ring_receive(&driver.ring, packet_pool(), packets, what >> 1, &losses);
        for (uint16_t i = 0; i < n; i++)
            rte_mbuf_sanity_check(packets[i], 1);
        rte_pktmbuf_free_bulk(packets, n);
        return;
    }
    n = 1 + (what & 3);
    for (uint16_t i = 0; i < n; i++) {
        packets[i] = rte_pktmbuf_alloc(packet_pool());
        memset(rte_pktmbuf_append(packets[i], (uint16_t)(14 + 7 * what)), what, 14);
        if (what & 0x80)
            rte_pktmbuf_chain(packets[i], rte_pktmbuf_clone(packets[i], packet_pool()));
    }
    ring_transmit(&driver.ring, packets, n, &losses, &kick);
    rte_pktmbuf_free_bulk(packets, n);
}

static void start(uint8_t kind, uint16_t first)
{
    const uint32_t size = 2u << (kind >> 3 & 7);
    const uint16_t header_len = kind & 4 ? 10 : 12;
    const bool mergeable = (kind & 5) == 1;

    if (kind & 0x40)
        driver_start_packed(&driver, kind & 0x80 ? size - 1 : size, header_len, mergeable, kind & 2,
                            (uint16_t)((first & 0x8000) | (first & 0x7fff) % (size - 1)));
    else
        driver_start(&driver, size, header_len, mergeable, kind & 2, first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t kind = input_byte(&input);
    uint8_t steps[3 * STEPS];
    struct input left = {steps, 0};

    start(kind, input_16(&input));
    fill_ring(&input);
    left.left = input_bytes(&input, steps, sizeof steps);
    for (uint32_t page = 0; input.left > 0 && page < 128; page++) {
        uint8_t *to = driver.memory.regions[page / 64].host + page % 64 * 4096;

        input_bytes(&input, to, 64);
    }
    while (left.left > 0)
        take_step(&left);
    driver_stop(&driver);
    return 0;
}
