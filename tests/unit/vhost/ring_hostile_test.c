// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "tests/unit/vhost/ring_fixture.h"

/* What no driver would do, and when the guest is told. */

#define SIZE 16

/* Makes descriptor 'head' available as it is. */
static void offer(uint16_t head)
{
    driver.avail->ring[driver.next_avail++ % SIZE] = head;
    driver_publish(&driver);
}

struct nonsense {
    const char *what;
    uint64_t address;
    uint32_t len;
    uint16_t flags; /* but for VRING_DESC_F_WRITE */
    uint16_t next;
    uint16_t head;
};

/* Of one descriptor, number 3. What follows it, number 4, is good. */
static const struct nonsense nonsense[] = {
    {"no memory there", NO_MEMORY, 100, 0, 0, 3},
    {"longer than memory", GOOD, UINT32_MAX, 0, 0, 3},
    {"beyond the end of memory", END - 32, 100, 0, 0, 3},
    {"address that wraps", UINT64_MAX - 32, 100, 0, 0, 3},
    {"before memory", DRIVER_BASE - 1, 100, 0, 0, 3},
    {"nothing in it", GOOD, 0, 0, 0, 3},
    {"nothing, then something", GOOD, 0, NEXT, 4, 3},
    {"chain that loops", GOOD, 100, NEXT, 3, 3},
    {"chain that leaves the ring", GOOD, 100, NEXT, SIZE, 3},
    {"chain that leads nowhere", GOOD, 100, NEXT, 65535, 3},
    {"head outside of the ring", GOOD, 100, 0, 0, SIZE},
    {"head far outside of the ring", GOOD, 100, 0, 0, 65535},
    {"table outside of memory", NO_MEMORY, 64, INDIRECT, 0, 3},
    {"table beyond the end of memory", END - 32, 64, INDIRECT, 0, 3},
    {"table in two regions", DRIVER_BASE + DRIVER_REGION - 16, 32, INDIRECT, 0, 3},
    {"table of no entries", GOOD, 0, INDIRECT, 0, 3},
    {"table of odd length", GOOD, 24, INDIRECT, 0, 3},
    {"table with a chain behind it", GOOD, 32, INDIRECT | NEXT, 4, 3},
    {"table of zeroes", DRIVER_BASE + 4096, 64, INDIRECT, 0, 3},
};

static void set_up(const struct nonsense *it, uint16_t flags)
{
    driver_start(&driver, SIZE, 12, true, false, 65530);
    driver.descriptors[3] = (struct vring_desc){it->address, it->len, it->flags | flags, it->next};
    driver.descriptors[4] = (struct vring_desc){GOOD, 1600, flags, 0};
    offer(it->head);
    offer(4);
}

static void expect_used(uint32_t head, uint32_t len)
{
    const struct vring_used_elem *entry = &driver.used->ring[driver.last_used++ % SIZE];

    assert_int_equal(entry->id, head);
    assert_int_equal(entry->len, len);
}

static void nonsense_is_given_back_when_receiving(void **state)
{
    for (size_t i = 0; i < RTE_DIM(nonsense); i++) {
        struct ring_losses losses = {0};

        set_up(&nonsense[i], 0);
        if (receive(&losses) != 1 || losses.bad_entries != 1)
            fail_msg("%s", nonsense[i].what);
        assert_int_equal(driver.used->idx, (uint16_t)(65530 + 2));
        expect_used(nonsense[i].head, 0);
        expect_used(4, 0);
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
        expect_used(nonsense[i].head, 0);
        expect_used(4, 72);
        driver_stop(&driver);
    }
}

static void descriptors_go_one_way(void **state)
{
    const struct nonsense good = {"", GOOD, 100, 0, 0, 3};
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

static void nested_table_is_refused(void **state)
{
    const struct nonsense nested = {"", GOOD + 2000, 32, INDIRECT, 0, 3};
    struct vring_desc table[2] = {{GOOD, 32, INDIRECT, 0}};
    struct ring_losses losses = {0};

    set_up(&nested, 0);
    driver_copy(&driver, GOOD + 2000, table, sizeof table, true);
    assert_int_equal(receive(&losses), 1);
    assert_int_equal(losses.bad_entries, 1);
    driver_stop(&driver);
}

/* Virtio 1.2, 2.7.5.3.2: some descriptors, then a table. */
static void table_may_end_a_chain(void **state)
{
    const struct nonsense header = {"", GOOD, 12, NEXT, 5, 3};
    struct vring_desc table[2] = {{GOOD + 64, 60, NEXT, 1}, {GOOD + 128, 40, 0, 0}};
    struct ring_losses losses = {0};

    set_up(&header, 0);
    driver.descriptors[5] = (struct vring_desc){GOOD + 512, sizeof table, INDIRECT, 0};
    driver_copy(&driver, GOOD + 512, table, sizeof table, true);
    assert_int_equal(receive(&losses), 2);
    assert_int_equal(losses.bad_entries, 0);
    driver_stop(&driver);
}

static void frames_have_a_length(void **state)
{
    struct nonsense it = {"", DRIVER_BASE, 12, 0, 0, 3};
    struct ring_losses losses = {0};

    set_up(&it, 0);
    assert_int_equal(receive(&losses), 1);
    assert_int_equal(losses.bad_entries, 1);
    driver_stop(&driver);
    it.len = 12 + RING_FRAME_MAX;
    set_up(&it, 0);
    assert_int_equal(receive(&losses), 2);
    assert_int_equal(losses.bad_entries, 1);
    driver_stop(&driver);
    it.len++;
    set_up(&it, 0);
    assert_int_equal(receive(&losses), 1);
    assert_int_equal(losses.bad_entries, 2);
    driver_stop(&driver);
}

static void index_that_jumps_is_followed_at_once(void **state)
{
    struct ring_losses losses = {0};
    bool kick;

    for (int direction = 0; direction < 2; direction++) {
        driver_start(&driver, SIZE, 12, true, false, 0);
        driver.next_avail = 30000;
        driver_publish(&driver);
        assert_int_equal(direction == 0 ? receive(&losses) : transmit(60, &losses, &kick), 0);
        assert_int_equal(losses.bad_entries, 1 + direction);
        assert_int_equal(driver.used->idx, 30000);
        driver.descriptors[4] = (struct vring_desc){GOOD, 100, direction == 0 ? 0 : VRING_DESC_F_WRITE, 0};
        offer(4);
        assert_int_equal(direction == 0 ? receive(&losses) : transmit(60, &losses, &kick), 1);
        driver_stop(&driver);
    }
    assert_int_equal(losses.bad_entries, 2);
}

/* A packet that finds no room is left, and the buffers it would have begun to fill are not used. */
static void transmit_waits_for_room(void **state)
{
    const struct driver_piece piece = {GOOD, 200};
    struct ring_losses losses = {0};
    bool kick;

    driver_start(&driver, SIZE, 12, true, false, 0);
    assert_int_equal(transmit(60, &losses, &kick), 0);
    driver_post(&driver, &piece, 1, VRING_DESC_F_WRITE, false);
    driver_post(&driver, &piece, 1, VRING_DESC_F_WRITE, true);
    driver_publish(&driver);
    assert_int_equal(transmit(389, &losses, &kick), 0);
    assert_int_equal(driver.used->idx, 0);
    assert_int_equal(transmit(388, &losses, &kick), 1);
    assert_int_equal(driver.used->idx, 2);
    expect_used(driver.avail->ring[0], 200);
    expect_used(driver.avail->ring[1], 200);
    assert_int_equal(losses.bad_entries, 0);
    driver_stop(&driver);
}

static void buffers_run_out(void **state)
{
    driver_start(&driver, SIZE, 12, true, false, 0);
    expect_buffers_to_run_out();
    driver_stop(&driver);
}

static void guest_is_told_unless_it_polls(void **state)
{
    const struct driver_piece piece = {GOOD, 100};
    int fd = eventfd(0, EFD_NONBLOCK);
    struct ring_losses losses = {0};

    driver_start(&driver, SIZE, 12, true, false, 0);
    assert_int_equal(driver.used->flags, VRING_USED_F_NO_NOTIFY);
    driver.ring.call_fd = fd;
    assert_int_equal(receive(&losses), 0);
    assert_false(was_kicked(fd));
    for (uint16_t flags = 0; flags < 2; flags++) {
        bool kick = false;

        driver.avail->flags = flags; /* VRING_AVAIL_F_NO_INTERRUPT */
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

static void guest_is_told_at_the_entry_it_waits_for(void **state)
{
    const struct driver_piece piece = {GOOD, 100};
    int fd = eventfd(0, EFD_NONBLOCK);
    struct ring_losses losses = {0};

    driver_start(&driver, SIZE, 12, true, true, 65533);
    assert_int_equal(driver.used->flags, 0);
    driver.ring.call_fd = fd;
    driver.avail->flags = VRING_AVAIL_F_NO_INTERRUPT; /* means nothing here */
    driver.avail->ring[SIZE] = 1;                     /* used_event: tell when entry 1 is used */
    for (int i = 0; i < 8; i++) {
        driver_post(&driver, &piece, 1, 0, false);
        driver_publish(&driver);
        assert_int_equal(receive(&losses), 1);
        assert_int_equal(was_kicked(fd), i == 4);
    }
    close(fd);
    driver_stop(&driver);
}

/* Rings of random numbers, some of which make sense. */
static void random_rings_do_no_harm(void **state)
{
    for (int round = 0; round < 20000; round++) {
        struct ring_losses losses = {0};
        bool kick;

        driver_start(&driver, SIZE, 12, pick(2), pick(2), (uint16_t)pick(65536));
        for (uint32_t i = 0; i < SIZE; i++) {
            driver.descriptors[i] = (struct vring_desc){
                DRIVER_BASE + pick(2 * DRIVER_REGION + 100), pick(4) == 0 ? pick(1u << 31) : 16 * pick(200),
                (uint16_t)pick(pick(4) == 0 ? 65536 : 8), (uint16_t)pick(pick(8) == 0 ? 65536 : SIZE)};
            driver.avail->ring[i] = (uint16_t)pick(pick(8) == 0 ? 65536 : SIZE);
        }
        /* Tables, where some of them point to. */
        for (uint32_t i = 0; i < SIZE; i++) {
            if (driver.descriptors[i].flags & INDIRECT && driver.descriptors[i].addr < END - sizeof(struct vring_desc))
                driver_copy(&driver, driver.descriptors[i].addr, &driver.descriptors[pick(SIZE)],
                            sizeof(struct vring_desc), true);
        }
        for (int step = 0; step < 4; step++) {
            driver.next_avail = (uint16_t)(driver.next_avail + pick(pick(8) == 0 ? 65536 : SIZE + 1));
            driver_publish(&driver);
            if (round & 1)
                receive(&losses);
            else
                transmit((uint16_t)(14 + pick(1900)), &losses, &kick);
        }
        driver_stop(&driver);
    }
}

/* Another thread of the guest turns good descriptors into bad ones and back, without end. */
static atomic_bool scribble;

static void *scribble_descriptors(void *arg)
{
    static const struct vring_desc kinds[] = {
        {GOOD, 100, 0, 0},
        {GOOD, 100, VRING_DESC_F_WRITE, 0},
        {NO_MEMORY, 100, 0, 0},
        {END - 8, 8, NEXT, 3},
        {GOOD, UINT32_MAX, 0, 0},
        {DRIVER_BASE + 8192, 256, INDIRECT, 0},
        {END - 8, 9, 0, 0},
        {GOOD, 0, NEXT, 65535},
        {DRIVER_BASE - 1, 2000, VRING_DESC_F_WRITE, 0},
        {GOOD, 20, NEXT, 2},
    };
    volatile struct vring_desc *to = driver.descriptors;

    for (uint32_t i = 0; atomic_load_explicit(&scribble, memory_order_relaxed); i++) {
        const struct vring_desc *kind = &kinds[i * 7 % RTE_DIM(kinds)];

        to[i % SIZE].addr = kind->addr;
        to[i % SIZE].len = kind->len;
        to[i % SIZE].flags = kind->flags;
        to[i % SIZE].next = kind->next;
        *(volatile uint16_t *)&driver.avail->ring[i % SIZE] = i % 5 == 0 ? 0xffff : i % SIZE;
    }
    return NULL;
}

static void memory_changes_while_it_is_read(void **state)
{
    struct ring_losses losses = {0};
    uint32_t received = 0;
    pthread_t thread;
    bool kick;

    driver_start(&driver, SIZE, 12, true, false, 0);
    atomic_store(&scribble, true);
    assert_int_equal(pthread_create(&thread, NULL, scribble_descriptors, NULL), 0);
    for (uint32_t i = 0; i < 200000 || received == 0 || losses.bad_entries == 0; i++) {
        driver.next_avail = (uint16_t)(driver.ring.next + SIZE);
        driver_publish(&driver);
        if (i & 1)
            received += receive(&losses);
        else
            received += transmit(60, &losses, &kick);
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
        cmocka_unit_test(descriptors_go_one_way),
        cmocka_unit_test(nested_table_is_refused),
        cmocka_unit_test(table_may_end_a_chain),
        cmocka_unit_test(frames_have_a_length),
        cmocka_unit_test(index_that_jumps_is_followed_at_once),
        cmocka_unit_test(transmit_waits_for_room),
        cmocka_unit_test(buffers_run_out),
        cmocka_unit_test(guest_is_told_unless_it_polls),
        cmocka_unit_test(guest_is_told_at_the_entry_it_waits_for),
        cmocka_unit_test(random_rings_do_no_harm),
        cmocka_unit_test(memory_changes_while_it_is_read),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
