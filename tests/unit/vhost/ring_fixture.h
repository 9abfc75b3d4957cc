// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/dataplane/port_fixture.h"

#include <sys/eventfd.h>

#include "tests/unit/vhost/ring_driver.h"

/* What tests of hostile guests share, whatever the ring's layout. */
#define GOOD      (DRIVER_BASE + 1000)
#define END       (DRIVER_BASE + 2 * DRIVER_REGION)
#define NEXT      VRING_DESC_F_NEXT
#define INDIRECT  VRING_DESC_F_INDIRECT
#define NO_MEMORY (1ull << 60)

static struct driver driver;
static uint64_t seed = 1;

static inline uint32_t pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % n;
}

static inline struct rte_mbuf *make_packet(uint16_t len)
{
    static const uint8_t frame[2000];

    return port_fixture_packet(frame, len);
}

static inline uint16_t receive(struct ring_losses *losses)
{
    struct rte_mbuf *packets[RING_BURST];
    uint16_t n = ring_receive(&driver.ring, packet_pool(), packets, RING_BURST, losses);

    rte_pktmbuf_free_bulk(packets, n);
    return n;
}

static inline uint16_t transmit(uint16_t len, struct ring_losses *losses, bool *kick)
{
    struct rte_mbuf *packet = make_packet(len);
    uint16_t n = ring_transmit(&driver.ring, &packet, 1, losses, kick);

    rte_pktmbuf_free(packet);
    return n;
}

static inline bool was_kicked(int fd)
{
    eventfd_t value;

    return eventfd_read(fd, &value) == 0;
}

static inline unsigned int take_all_used(void)
{
    unsigned int n = 0;
    uint32_t head, len;

    while (driver_take_used(&driver, &head, &len))
        n++;
    return n;
}

/* Three frames in a ring that has just started, and no packet buffers: nothing is lost, and it is counted once. */
static inline void expect_buffers_to_run_out(void)
{
    const struct driver_piece piece = {GOOD, 100}, long_piece = {GOOD, 12000};
    static struct rte_mbuf *all[16384];
    struct ring_losses losses = {0};
    unsigned int n = 0;

    for (unsigned int i = 0; i < 3; i++)
        driver_post(&driver, i == 2 ? &long_piece : &piece, 1, 0, false);
    driver_publish(&driver);
    while ((all[n] = rte_pktmbuf_alloc(packet_pool())) != NULL)
        n++;
    for (int i = 0; i < 3; i++)
        assert_int_equal(receive(&losses), 0);
    assert_int_equal(losses.no_buffer, 1);
    assert_int_equal(take_all_used(), 0);
    rte_pktmbuf_free(all[--n]);
    assert_int_equal(receive(&losses), 1);
    assert_int_equal(losses.no_buffer, 1);
    rte_pktmbuf_free_bulk(&all[n - 3], 3);
    n -= 3;
    assert_int_equal(receive(&losses), 1);
    assert_int_equal(receive(&losses), 0); /* there are three, it takes six */
    assert_int_equal(losses.no_buffer, 2);
    assert_int_equal(take_all_used(), 3);
    rte_pktmbuf_free_bulk(all, n);
}
