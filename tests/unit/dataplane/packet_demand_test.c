// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_demand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/held_fragments.h"
#include "dataplane/tx.h"
#include "dataplane/worker.h"

static void workers_hold_what_their_parts_can(void **state)
{
    uint32_t each = PACKET_POOL_CACHE * 3 / 2 + WORKER_BATCH + HELD_FRAGMENTS_MAX;

    assert_int_equal(packet_demand_of_workers(PACKET_SIZE_ORDINARY, 0, 10), PACKET_DEMAND_RESERVE);
    assert_int_equal(packet_demand_of_workers(PACKET_SIZE_ORDINARY, 1, 0), PACKET_DEMAND_RESERVE + each);
    assert_int_equal(packet_demand_of_workers(PACKET_SIZE_ORDINARY, 3, 10),
                     PACKET_DEMAND_RESERVE + 3 * (each + 10 * TX_BURST));
}

static void jumbo_buffers_are_reckoned_sparingly(void **state)
{
    assert_int_equal(packet_demand_of_workers(PACKET_SIZE_JUMBO, 2, 1000),
                     PACKET_POOL_SPARE + 2 * (PACKET_POOL_CACHE * 3 / 2 + WORKER_BATCH));
}

static void largest_configuration_does_not_overflow(void **state)
{
    assert_true(packet_demand_of_workers(PACKET_SIZE_ORDINARY, WORKERS_MAX, PORTS_MAX) >
                WORKERS_MAX * PORTS_MAX * TX_BURST);
}

static void device_claims_its_rings(void **state)
{
    const struct packet_demand_device device = {3, 1024, 2, 512, 1500};
    struct packet_claim rx, tx;

    packet_demand_of_device(&device, &rx, &tx);
    assert_int_equal(rx.in_rings, 3 * 1024);
    assert_int_equal(rx.passing, 0);
    assert_int_equal(tx.in_rings, 0);
    assert_int_equal(tx.passing, 2 * 512);
    assert_int_equal(rx.size, PACKET_SIZE_ORDINARY);
    assert_int_equal(rx.node, PACKET_POOL_ANY);
    assert_false(rx.whole);
}

static void size_follows_the_mtu(void **state)
{
    static const struct {
        uint16_t mtu;
        enum packet_size size;
    } cases[] = {
        {PORT_MTU_MIN, PACKET_SIZE_ORDINARY}, {1500, PACKET_SIZE_ORDINARY},
        {2022, PACKET_SIZE_ORDINARY},         {2023, PACKET_SIZE_JUMBO},
        {PORT_MTU_MAX, PACKET_SIZE_JUMBO},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct packet_demand_device device = {1, 1, 1, 1, cases[i].mtu};
        struct packet_claim rx, tx;

        packet_demand_of_device(&device, &rx, &tx);
        assert_int_equal(rx.size, cases[i].size);
        assert_int_equal(tx.size, PACKET_SIZE_ORDINARY);
        /* Ethernet header, checksum, two tags */
        assert_true(packet_pool_room(rx.size) >= (uint32_t)cases[i].mtu + 26);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_hold_what_their_parts_can),
        cmocka_unit_test(jumbo_buffers_are_reckoned_sparingly),
        cmocka_unit_test(largest_configuration_does_not_overflow),
        cmocka_unit_test(device_claims_its_rings),
        cmocka_unit_test(size_follows_the_mtu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
