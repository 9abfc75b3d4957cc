// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/vhost/ring_fixture.h"

#include <pthread.h>

/* What no driver would do with a packed ring, and when the guest is told. */

#define SIZE  15
#define FIRST 0x800c /* slot 12, so that chains go over the ring's end */

/* Makes a descriptor available as it is. */
static void offer(uint64_t address, uint32_t len, uint16_t id, uint16_t flags)
{
    driver_put(&driver, address, len, id, flags);
    driver_publish(&driver);
}

struct nonsense {
    const char *what;
    uint64_t address;
    uint32_t len;
    uint16_t flags; /* but for VRING_DESC_F_WRITE */
    uint32_t n;     /* such descriptors, the last without VRING_DESC_F_NEXT unless it is the whole ring */
};

static const struct nonsense nonsense[] = {
    {"no memory there", NO_MEMORY, 100, 0, 1},
    {"longer than memory", GOOD, UINT32_MAX, 0, 1},
    {"beyond the end of memory", END - 32, 100, 0, 1},
    {"address that wraps", UINT64_MAX - 32, 100, 0, 1},
    {"before memory", DRIVER_BASE - 1, 100, 0, 1},
    {"nothing in it", GOOD, 0, 0, 1},
    {"nothing, then nothing", GOOD, 0, NEXT, 2},
    {"chain that goes over the end", NO_MEMORY, 100, NEXT, 9},
    {"table outside of memory", NO_MEMORY, 64, INDIRECT, 1},
    {"table beyond the end of memory", END - 32, 64, INDIRECT, 1},
    {"table in two regions", DRIVER_BASE + DRIVER_REGION - 16, 32, INDIRECT, 1},
    {"table of no entries", GOOD, 0, INDIRECT, 1},
    {"table of odd length", GOOD, 24, INDIRECT, 1},
    {"table with a chain behind it", GOOD, 32, INDIRECT | NEXT, 4},
    {"table of zeroes", DRIVER_BASE + 4096, 64, INDIRECT, 1},
};

/* Whatever id it has is given back. */
#define ODD_ID  0xfedc
#define GOOD_ID 7

static void set_up(const struct nonsense *it, uint16_t flags)
{
    driver_start_packed(&driver, SIZE, 12, true, false, FIRST);
    for (uint32_t i = 0; i < it->n; i++) {
        uint16_t all = it->flags | flags;

        offer(it->address, it->len, ODD_ID, i + 1 == it->n && it->n != SIZE ? all & (uint16_t)~NEXT : all);
    }
    if (it->n < SIZE)
        offer(GOOD, 1600, GOOD_ID, flags);
}

/* The next used descriptor, and the slots that its buffer had. */
static void expect_used(uint16_t id, uint32_t len, uint32_t slots)
{
    const struct driver_packed *packed = &driver.packed;
    const struct vring_packed_desc *used = &packed->descriptors[packed->used_next & 0x7fff];

    assert_int_equal(used->id, id);
    assert_int_equal(used->len, len);
    assert_int_equal(used->flags, (packed->used_next & 0x8000 ? 0x8080 : 0) | (len != 0 ? VRING_DESC_F_WRITE : 0));
    while (slots-- > 0)
        driver_step(&driver, &driver.packed.used_next);
}

static void nonsense_is_given_back_when_receiving(void **state)
{
    for (size_t i = 0; i < RTE_DIM(nonsense); i++) {
        struct ring_losses losses = {0};

        set_up(&nonsense[i], 0);
        if (receive(&losses) != 1 || losses.bad_entries != 1)
            fail_msg("%s", nonsense[i].what);
        expect_used(ODD_ID, 0, nonsense[i].n);
        expect_used(GOOD_ID, 0, 1);
        assert_int_equal(driver.ring.next, driver.packed.used_next);
        driver_stop(&driver);
    }
}

static void nonsense_is_given_back_when_transmitting(void **state)
{
    for (size_t i = 0; i < RTE_DIM(nonsense); i++) {
        struct ring_losses losses = {0};
        bool kick;

        set_up(&nonsense[i], VRING_DESC_F_WRITE);
        if (transmit(60, &losses, &kick) != 1 || losses.bad_entries != 1)
            fail_msg("%s", nonsense[i].what);
        expect_used(ODD_ID, 0, nonsense[i].n);
        expect_used(GOOD_ID, 72, 1);
        assert_int_equal(driver.ring.next, driver.packed.used_next);
        driver_stop(&driver);
    }
}

/* A chain is no longer than the ring. */
static void endless_chain_is_taken_once(void **state)
{
    const struct nonsense endless = {"", GOOD, 100, NEXT, SIZE};
    struct ring_losses losses = {0};
    bool kick;

    set_up(&endless, 0);
    assert_int_equal(receive(&losses), 0);
    assert_int_equal(losses.bad_entries, 1);
    expect_used(ODD_ID, 0, SIZE);
    assert_int_equal(driver.ring.next, FIRST ^ 0x8000);
    driver_stop(&driver);
    set_up(&endless, VRING_DESC_F_WRITE);
    assert_int_equal(transmit(60, &losses, &kick), 0);
    assert_int_equal(losses.bad_entries, 2);
    expect_used(ODD_ID, 0, SIZE);
    assert_int_equal(driver.ring.next, FIRST ^ 0x8000);
    driver_stop(&driver);
}

static void descriptors_go_one_way(void **state)
{
    const struct nonsense good = {"", GOOD, 100, 0, 1};
    struct ring_losses losses = {0};
    bool kick;

    set_up(&good, VRING_DESC_F_WRITE);
    assert_int_equal(receive(&losses), 0);
    assert_int_equal(losses.bad_entries, 2);
    driver_stop(&driver);
    set_up(&good, 0);
    assert_int_equal(transmit(60, &losses, &kick), 0);
    assert_int_equal(losses.bad_entries, 4);
    driver_stop(&driver);
}

/* Virtio 1.2, 2.8.7: in a table other flags than the direction mean nothing, so it cannot be nested. The direction is not looked
 * at either: DPDK's driver marks the entry of the header as one to be written. */
static void flags_in_a_table_mean_nothing(void **state)
{
    const struct nonsense nested = {"", GOOD + 2000, 48, INDIRECT, 1};
    struct vring_packed_desc table[3] = {
        {GOOD, 32, 0, INDIRECT}, {GOOD + 64, 60, 1, 0xfff8}, {GOOD + 128, 40, 2, NEXT}};
    struct ring_losses losses = {0};

    set_up(&nested, 0);
    driver_copy(&driver, GOOD + 2000, table, sizeof table, true);
    assert_int_equal(receive(&losses), 2);
    assert_int_equal(losses.bad_entries, 0);
    driver_stop(&driver);
    set_up(&nested, 0);
    table[0].flags = table[1].flags = VRING_DESC_F_WRITE;
    driver_copy(&driver, GOOD + 2000, table, sizeof table, true);
    assert_int_equal(receive(&losses), 2);
    assert_int_equal(losses.bad_entries, 0);
    driver_stop(&driver);
}

/* More pieces than one packet may have, though memory has room for them. */
static void table_has_an_end(void **state)
{
    const struct nonsense wide = {"", DRIVER_BASE + 8192, (RING_PIECES + 1) * 16, INDIRECT, 1};
    const struct vring_packed_desc entry = {GOOD, 13, 0, 0};
    struct ring_losses losses = {0};

    for (uint32_t i = 0; i < 2; i++) {
        struct nonsense it = wide;

        it.len -= i * 16;
        set_up(&it, 0);
        for (uint32_t k = 0; k <= RING_PIECES; k++)
            driver_copy(&driver, wide.address + k * 16, (void *)(uintptr_t)&entry, sizeof entry, true);
        assert_int_equal(receive(&losses), 1 + i);
        assert_int_equal(losses.bad_entries, 1);
        driver_stop(&driver);
    }
}

/* All descriptors look available at every look, in either round. */
static void ring_that_never_ends_is_left_after_a_burst(void **state)
{
    for (uint32_t size = 1; size <= 70; size++) {
        struct ring_losses losses = {0};
        uint16_t before;

        driver_start_packed(&driver, size, 12, true, false, 0x8000);
        for (int burst = 0; burst < 10; burst++) {
            before = driver.ring.next;
            for (uint32_t i = 0; i < size; i++) {
                bool wrap = ((before & 0x8000) != 0) == (i >= (before & 0x7fffu));

                driver.packed.descriptors[i] = (struct vring_packed_desc){GOOD, 100, 0, wrap ? 0x80 : 0x8000};
            }
            assert_int_equal(receive(&losses), RTE_MIN(size, RING_BURST));
        }
        driver_stop(&driver);
    }
}

/* A packet that finds no room is left, and the buffers it would have begun to fill are not used. */
static void transmit_waits_for_room(void **state)
{
    const struct driver_piece piece = {GOOD, 200};
    struct ring_losses losses = {0};
    uint16_t first, second;
    bool kick;

    driver_start_packed(&driver, SIZE, 12, true, false, FIRST);
    assert_int_equal(transmit(60, &losses, &kick), 0);
    first = driver_post(&driver, &piece, 1, VRING_DESC_F_WRITE, false);
    second = driver_post(&driver, &piece, 1, VRING_DESC_F_WRITE, true);
    driver_publish(&driver);
    assert_int_equal(transmit(389, &losses, &kick), 0);
    assert_int_equal(driver.ring.next, FIRST);
    assert_int_equal(take_all_used(), 0);
    assert_int_equal(transmit(388, &losses, &kick), 1);
    expect_used(first, 200, 1);
    expect_used(second, 200, 1);
    assert_int_equal(losses.bad_entries, 0);
    driver_stop(&driver);
}

static void buffers_run_out(void **state)
{
    driver_start_packed(&driver, SIZE, 12, true, false, FIRST);
    expect_buffers_to_run_out();
    driver_stop(&driver);
}

static void guest_is_told_unless_it_polls(void **state)
{
    const struct driver_piece piece = {GOOD, 100};
    int fd = eventfd(0, EFD_NONBLOCK);
    struct ring_losses losses = {0};

    driver_start_packed(&driver, SIZE, 12, true, false, FIRST);
    assert_int_equal(driver.packed.events[1].flags, VRING_PACKED_EVENT_FLAG_DISABLE);
    driver.ring.call_fd = fd;
    assert_int_equal(receive(&losses), 0);
    assert_false(was_kicked(fd));
    for (uint16_t flags = 0; flags < 2; flags++) {
        bool kick = false;

        driver.packed.events[0].flags = flags; /* VRING_PACKED_EVENT_FLAG_DISABLE */
        driver_post(&driver, &piece, 1, 0, false);
        driver_publish(&driver);
        assert_int_equal(receive(&losses), 1);
        assert_int_equal(was_kicked(fd), flags == 0);
        driver_post(&driver, &piece, 1, VRING_DESC_F_WRITE, false);
        driver_publish(&driver);
        assert_int_equal(transmit(60, &losses, &kick), 1);
        assert_int_equal(kick, flags == 0);
    }
    close(fd);
    driver_stop(&driver);
}

/* The guest waits for any descriptor of the next two rounds, and is told when it is among those just used. */
static void guest_is_told_at_the_descriptor_it_waits_for(void **state)
{
    const struct driver_piece pieces[2] = {{GOOD, 40}, {GOOD, 50}};
    int fd = eventfd(0, EFD_NONBLOCK);
    struct ring_losses losses = {0};

    driver_start_packed(&driver, SIZE, 12, true, true, FIRST);
    driver.ring.call_fd = fd;
    for (int round = 0; round < 5000; round++) {
        struct vring_packed_desc_event *event = &driver.packed.events[0];
        uint16_t at = driver.ring.next, wanted = (uint16_t)(pick(SIZE) | (pick(2) << 15));
        bool expected = false;

        event->flags = (uint16_t)pick(3);
        event->off_wrap = wanted;
        for (uint32_t n = pick(6); n > 0; n--)
            driver_post(&driver, pieces, 1 + pick(2), 0, false);
        driver_publish(&driver);
        receive(&losses);
        take_all_used();
        if (at == driver.ring.next) {
            assert_false(was_kicked(fd));
            continue;
        }
        for (; at != driver.ring.next; driver_step(&driver, &at))
            expected |= at == wanted;
        if (event->flags != VRING_PACKED_EVENT_FLAG_DESC)
            expected = event->flags == VRING_PACKED_EVENT_FLAG_ENABLE;
        assert_int_equal(was_kicked(fd), expected);
    }
    assert_int_equal(losses.bad_entries, 0);
    close(fd);
    driver_stop(&driver);
}

static struct vring_packed_desc random_descriptor(void)
{
    return (struct vring_packed_desc){DRIVER_BASE + pick(2 * DRIVER_REGION + 100),
                                      pick(4) == 0 ? pick(1u << 31) : 16 * pick(200), (uint16_t)pick(65536),
                                      (uint16_t)(pick(8) | (pick(2) << 7) | (pick(2) << 15))};
}

/* Rings of random numbers, some of which make sense. */
static void random_rings_do_no_harm(void **state)
{
    for (int round = 0; round < 20000; round++) {
        const uint32_t size = 1 + pick(SIZE);
        struct ring_losses losses = {0};
        bool kick;

        driver_start_packed(&driver, size, 12, pick(2), pick(2), (uint16_t)(pick(size) | (pick(2) << 15)));
        for (int step = 0; step < 4; step++) {
            for (uint32_t i = 0; i < size; i++)
                driver.packed.descriptors[i] = random_descriptor();
            /* Tables, where some of them point to. */
            for (uint32_t i = 0; i < size; i++) {
                struct vring_packed_desc *it = &driver.packed.descriptors[i];

                if (it->flags & INDIRECT && it->addr < END - sizeof *it)
                    driver_copy(&driver, it->addr, &driver.packed.descriptors[pick(size)], sizeof *it, true);
            }
            driver.packed.events[0].flags = (uint16_t)pick(4);
            driver.packed.events[0].off_wrap = (uint16_t)pick(65536);
            if (round & 1)
                receive(&losses);
            else
                transmit((uint16_t)(14 + pick(1900)), &losses, &kick);
            assert_true((driver.ring.next & 0x7fffu) < size);
        }
        driver_stop(&driver);
    }
}

/* Another thread of the guest turns good descriptors into bad ones and back, without end. */
static atomic_bool scribble;

static void *scribble_descriptors(void *arg)
{
    static const struct vring_packed_desc kinds[] = {
        {GOOD, 100, 1, 0},
        {GOOD, 100, 2, VRING_DESC_F_WRITE},
        {NO_MEMORY, 100, 3, 0},
        {END - 8, 8, 4, NEXT},
        {GOOD, UINT32_MAX, 5, 0},
        {DRIVER_BASE + 8192, 256, 6, INDIRECT},
        {END - 8, 9, 7, 0},
        {GOOD, 0, 65535, NEXT},
        {DRIVER_BASE - 1, 2000, 9, VRING_DESC_F_WRITE},
        {GOOD, 20, 10, NEXT},
    };
    volatile struct vring_packed_desc *to = driver.packed.descriptors;

    for (uint32_t i = 0; atomic_load_explicit(&scribble, memory_order_relaxed); i++) {
        const struct vring_packed_desc *kind = &kinds[i * 7 % RTE_DIM(kinds)];

        to[i % SIZE].addr = kind->addr;
        to[i % SIZE].len = kind->len;
        to[i % SIZE].id = kind->id;
        to[i % SIZE].flags = kind->flags | (i / SIZE % 2 != 0 ? 0x80 : 0x8000);
    }
    return NULL;
}

static void memory_changes_while_it_is_read(void **state)
{
    struct ring_losses losses = {0};
    uint32_t received = 0;
    pthread_t thread;
    bool kick;

    driver_start_packed(&driver, SIZE, 12, true, false, FIRST);
    atomic_store(&scribble, true);
    assert_int_equal(pthread_create(&thread, NULL, scribble_descriptors, NULL), 0);
    for (uint32_t i = 0; i < 200000 || received == 0 || losses.bad_entries == 0; i++) {
        if (i & 1)
            received += receive(&losses);
        else
            received += transmit(60, &losses, &kick);
        assert_true((driver.ring.next & 0x7fffu) < SIZE);
    }
    atomic_store(&scribble, false);
    pthread_join(thread, NULL);
    driver_stop(&driver);
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_is_given_back_when_receiving),
        cmocka_unit_test(nonsense_is_given_back_when_transmitting),
        cmocka_unit_test(endless_chain_is_taken_once),
        cmocka_unit_test(descriptors_go_one_way),
        cmocka_unit_test(flags_in_a_table_mean_nothing),
        cmocka_unit_test(table_has_an_end),
        cmocka_unit_test(ring_that_never_ends_is_left_after_a_burst),
        cmocka_unit_test(transmit_waits_for_room),
        cmocka_unit_test(buffers_run_out),
        cmocka_unit_test(guest_is_told_unless_it_polls),
        cmocka_unit_test(guest_is_told_at_the_descriptor_it_waits_for),
        cmocka_unit_test(random_rings_do_no_harm),
        cmocka_unit_test(memory_changes_while_it_is_read),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
