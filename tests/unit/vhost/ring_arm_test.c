// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "tests/unit/vhost/ring_driver.h"

/* When does a guest that keeps to the rules kick, and does the ring's descriptor tell? For all ways of asking: flags, and
 * VIRTIO_RING_F_EVENT_IDX, in rings of both layouts. */

#define SIZE 8u

static struct driver driver;

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

static void start(bool packed, bool event_index, uint16_t first)
{
    (packed ? driver_start_packed : driver_start)(&driver, SIZE, 12, false, event_index, first);
    driver.ring.kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void stop(void)
{
    close(driver.ring.kick_fd);
    driver_stop(&driver);
}

/* Is the guest asked to kick when its index, of a split ring, goes on from 'before'? */
static bool wants_kick(uint16_t before)
{
    uint16_t event;

    if (driver.ring.packed)
        return driver.packed.events[1].flags == VRING_PACKED_EVENT_FLAG_ENABLE;
    if (!driver.ring.event_index)
        return !(driver.used->flags & VRING_USED_F_NO_NOTIFY);
    event = *(uint16_t *)&driver.used->ring[SIZE];
    return vring_need_event(event, driver.avail->idx, before);
}

/* The guest sends 'n' frames and kicks when it is asked to (virtio 1.2, 2.7.10 and 2.8.10). True when it kicked. */
static bool guest_sends(uint16_t n)
{
    uint16_t before = driver.next_avail;
    bool kicks;

    for (uint16_t i = 0; i < n; i++) {
        struct driver_piece piece = {driver_memory(&driver, 72), 72};

        driver_post(&driver, &piece, 1, 0, false);
    }
    driver_publish(&driver);
    kicks = wants_kick(before);
    if (kicks)
        eventfd_write(driver.ring.kick_fd, 1);
    return kicks;
}

static void switch_takes(uint16_t n)
{
    struct rte_mbuf *packets[RING_BURST];
    struct ring_losses losses = {0};
    uint32_t head, len;

    assert_int_equal(ring_receive(&driver.ring, packet_pool(), packets, RING_BURST, &losses), n);
    rte_pktmbuf_free_bulk(packets, n);
    while (driver_take_used(&driver, &head, &len))
        ;
}

static void kicks_only_while_armed(bool packed, bool event_index, uint16_t first)
{
    start(packed, event_index, first);
    /* An index that happens to be where avail_event was left may bring one. */
    guest_sends(1);
    switch_takes(1);
    assert_false(guest_sends(2));
    switch_takes(2);
    for (unsigned int round = 0; round < 5; round++) {
        assert_int_equal(ring_arm(&driver.ring), driver.ring.kick_fd);
        assert_false(is_readable(driver.ring.kick_fd));
        assert_true(guest_sends(1));
        assert_true(is_readable(driver.ring.kick_fd));
        ring_disarm(&driver.ring);
        assert_false(guest_sends(2));
        switch_takes(3);
        assert_false(guest_sends(1));
        switch_takes(1);
    }
    stop();
}

static void guest_kicks_only_while_armed(void **state)
{
    kicks_only_while_armed(false, false, 0);
    kicks_only_while_armed(false, false, 65530);
    kicks_only_while_armed(false, true, 0);
    kicks_only_while_armed(false, true, 65530);
    kicks_only_while_armed(true, false, 0x8000);
    kicks_only_while_armed(true, true, SIZE - 1);
}

static void frame_that_is_there_keeps_it_from_arming(void **state)
{
    for (unsigned int kind = 0; kind < 4; kind++) {
        start(kind & 2, kind & 1, 0);
        guest_sends(1);
        assert_int_equal(ring_arm(&driver.ring), -EAGAIN);
        assert_false(guest_sends(1));
        switch_takes(2);
        assert_false(guest_sends(1));
        stop();
    }
}

static void nothing_sent_needs_no_kick_after_disarm(void **state)
{
    for (unsigned int kind = 0; kind < 4; kind++) {
        start(kind & 2, kind & 1, kind & 2 ? 0 : 65535);
        assert_int_equal(ring_arm(&driver.ring), driver.ring.kick_fd);
        ring_disarm(&driver.ring);
        ring_disarm(&driver.ring);
        assert_false(guest_sends(1));
        switch_takes(1);
        stop();
    }
}

static void ring_without_descriptor_is_polled(void **state)
{
    start(false, false, 0);
    close(driver.ring.kick_fd);
    driver.ring.kick_fd = -1;
    assert_int_equal(ring_arm(&driver.ring), -ENOTSUP);
    assert_true(driver.used->flags & VRING_USED_F_NO_NOTIFY);
    driver_stop(&driver);
}

/* The front-end gives us any file, and may change its flags behind us. */
static void descriptor_that_would_block_does_not(void **state)
{
    int ends[2];

    start(false, false, 0);
    fcntl(driver.ring.kick_fd, F_SETFL, 0);
    assert_int_equal(ring_arm(&driver.ring), driver.ring.kick_fd);
    ring_disarm(&driver.ring);
    close(driver.ring.kick_fd);

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    driver.ring.kick_fd = ends[0];
    assert_int_equal(ring_arm(&driver.ring), ends[0]);
    ring_disarm(&driver.ring);
    close(ends[0]);
    close(ends[1]);

    driver.ring.kick_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ring_arm(&driver.ring), driver.ring.kick_fd);
    ring_disarm(&driver.ring);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_kicks_only_while_armed),
        cmocka_unit_test(frame_that_is_there_keeps_it_from_arming),
        cmocka_unit_test(nothing_sent_needs_no_kick_after_disarm),
        cmocka_unit_test(ring_without_descriptor_is_polled),
        cmocka_unit_test(descriptor_that_would_block_does_not),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
