// SPDX-License-Identifier: Apache-2.0
/* TSC clocks a packet of the two directions of a ring of either layout, on one CPU with a driver that costs nothing: bursts of
 * frames that are already there, buffers that are used again at once. Good for comparing two builds on a busy machine:
 * run both in turns and compare the lower quantiles. Instructions:
 *
 *     valgrind --tool=callgrind --toggle-collect=ring_receive build/tests/bench/bench_vhost_rings 100 split receive
 */
#include "tests/unit/dataplane/port_fixture.h"

#include <rte_cycles.h>

#include "tests/unit/vhost/ring_driver.h"

#define RING_SIZE 256
#define SLOT      1600 /* bytes of guest memory for one descriptor */

static struct driver driver;
static unsigned int rounds = 20000;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Descriptor i has slot i for ever and entry i names it: what a driver's ring looks like in the steady state. */
static void prepare_split(uint16_t flags, uint32_t len)
{
    driver_start(&driver, RING_SIZE, 12, true, false, 0);
    for (uint32_t i = 0; i < RING_SIZE; i++) {
        driver.descriptors[i] = (struct vring_desc){DRIVER_BASE + (i * SLOT) % DRIVER_REGION, len, flags, 0};
        driver.avail->ring[i] = (uint16_t)i;
    }
}

static void offer(bool packed, uint16_t flags, uint32_t len, uint16_t n)
{
    if (!packed) {
        driver.next_avail = (uint16_t)(driver.next_avail + n);
    } else {
        for (uint16_t i = 0; i < n; i++) {
            uint16_t slot = driver.packed.avail_next & 0x7fff;

            driver_put(&driver, DRIVER_BASE + (slot * SLOT) % DRIVER_REGION, len, slot, flags);
        }
    }
    driver_publish(&driver);
}

static void report(const char *layout, const char *what, uint32_t len, uint16_t burst, double *samples)
{
    qsort(samples, rounds, sizeof *samples, compare);
    printf("%-6s %-8s %4u bytes, bursts of %2u: %5.1f (1 %%) %5.1f (10 %%) %5.1f (median) clocks a packet\n", layout,
           what, len, burst, samples[rounds / 100], samples[rounds / 10], samples[rounds / 2]);
}

static void measure(bool packed, bool transmit, uint32_t len, uint16_t burst)
{
    double *samples = calloc(rounds, sizeof *samples);
    struct ring_losses losses = {0};
    struct rte_mbuf *packets[RING_BURST];
    const uint16_t flags = transmit ? VRING_DESC_F_WRITE : 0;
    const uint32_t room = transmit ? SLOT : len + 12;
    bool kick = false;

    if (packed)
        driver_start_packed(&driver, RING_SIZE, 12, true, false, 0x8000);
    else
        prepare_split(flags, room);
    for (unsigned int round = 0; round < rounds; round++) {
        uint16_t done;
        uint64_t clocks;

        offer(packed, flags, room, burst);
        for (uint16_t i = 0; transmit && i < burst; i++) {
            packets[i] = rte_pktmbuf_alloc(packet_pool());
            rte_pktmbuf_append(packets[i], (uint16_t)len);
        }
        clocks = rte_rdtsc_precise();
        if (transmit)
            done = ring_transmit(&driver.ring, packets, burst, &losses, &kick);
        else
            done = ring_receive(&driver.ring, packet_pool(), packets, burst, &losses);
        clocks = rte_rdtsc_precise() - clocks;
        samples[round] = (double)clocks / burst;
        assert_int_equal(done, burst);
        rte_pktmbuf_free_bulk(packets, burst);
    }
    report(packed ? "packed" : "split", transmit ? "transmit" : "receive", len, burst, samples);
    driver_stop(&driver);
    free(samples);
}

/* Arguments: a number of rounds (few, under an instruction counter), and "split" or "packed" with "receive" or "transmit"
 * to do nothing but bursts of 32 short frames. */
int main(int argc, char **argv)
{
    static const uint16_t bursts[] = {1, 8, 32, 64};
    static const uint32_t lengths[] = {60, 128, 590, 1514};

    if (argc > 1)
        rounds = (unsigned int)atoi(argv[1]);
    if (port_fixture_start(NULL) != 0 || rounds == 0)
        return 1;
    if (argc > 3) {
        measure(strcmp(argv[2], "packed") == 0, strcmp(argv[3], "transmit") == 0, 60, 32);
        return port_fixture_stop(NULL) != 0;
    }
    for (unsigned int kind = 0; kind < 4; kind++) {
        const bool packed = kind & 2, transmit = kind & 1;

        for (unsigned int i = 0; i < RTE_DIM(bursts); i++)
            measure(packed, transmit, lengths[0], bursts[i]);
        for (unsigned int i = 1; i < RTE_DIM(lengths); i++)
            measure(packed, transmit, lengths[i], 32);
    }
    return port_fixture_stop(NULL) != 0;
}
