// SPDX-License-Identifier: Apache-2.0
#include "dataplane/memory_demand.h"

#include "acl/conntrack.h"
#include "tests/unit/dataplane/port_fixture.h"

static const struct memory_config ordinary = {
    .n_workers = 2,
    .n_ports = 10,
    .n_devices = 2,
    .n_rxq = 4,
    .n_desc = 2048,
    .mtu = 1500,
    .n_bridges = 1,
    .n_macs = 8192,
    .n_flows = 100000,
    .n_sessions = 200000,
    .n_rules = 1000,
};

static uint64_t bytes_of(const struct memory_demand *demand, const char *name)
{
    for (size_t i = 0; i < demand->n; i++) {
        if (strcmp(demand->items[i].name, name) == 0)
            return demand->items[i].bytes;
    }
    fail_msg("no item \"%s\"", name);
    return 0;
}

static void sums_are_of_the_items(void **state)
{
    struct memory_demand demand;
    uint64_t dpdk = 0, rest = 0;

    memory_demand_reckon(&ordinary, &demand);
    assert_in_range(demand.n, 1, MEMORY_ITEMS_MAX);
    for (size_t i = 0; i < demand.n; i++)
        *(demand.items[i].dpdk ? &dpdk : &rest) += demand.items[i].bytes;
    assert_true(dpdk > 0 && dpdk == demand.dpdk);
    assert_true(rest > 0 && rest == demand.ordinary);
}

static void buffers_are_those_of_workers_and_devices(void **state)
{
    uint32_t base = packet_demand_of_workers(PACKET_SIZE_ORDINARY, 2, 10);
    struct memory_demand demand;

    memory_demand_reckon(&ordinary, &demand);
    assert_int_equal(demand.buffers[PACKET_SIZE_ORDINARY], base + 2 * (4 + 2) * 2048);
    assert_int_equal(demand.buffers[PACKET_SIZE_JUMBO], 0);
}

static void jumbo_frames_need_another_pool(void **state)
{
    struct memory_config jumbo = ordinary;
    struct memory_demand demand, before;

    jumbo.mtu = 9000;
    memory_demand_reckon(&ordinary, &before);
    memory_demand_reckon(&jumbo, &demand);
    assert_int_equal(demand.buffers[PACKET_SIZE_JUMBO],
                     packet_demand_of_workers(PACKET_SIZE_JUMBO, 2, 10) + 2 * 4 * 2048);
    assert_true(bytes_of(&demand, "packet buffers, 10240 bytes") >=
                (uint64_t)demand.buffers[PACKET_SIZE_JUMBO] * 10240);
    assert_int_equal(bytes_of(&demand, "pools of packet buffers"), 2 * bytes_of(&before, "pools of packet buffers"));
}

static void claims_stand_for_devices_when_they_are_known(void **state)
{
    struct memory_config known = ordinary;
    struct memory_demand demand;

    known.rings_known = true;
    known.in_rings[PACKET_SIZE_ORDINARY] = 30000;
    known.passing[PACKET_SIZE_ORDINARY] = 70;
    memory_demand_reckon(&known, &demand);
    assert_int_equal(demand.buffers[PACKET_SIZE_ORDINARY],
                     packet_demand_of_workers(PACKET_SIZE_ORDINARY, 2, 10) + 30070);
}

static void without_anything_there_is_the_first_chunk(void **state)
{
    const struct memory_config nothing = {.mtu = 1500};
    struct memory_demand demand;

    memory_demand_reckon(&nothing, &demand);
    assert_int_equal(demand.buffers[PACKET_SIZE_ORDINARY], PACKET_POOL_CHUNK);
}

/* The sizes of docs: a line and half a line for a flow; three lines, half a line and an index for a session. */
static void flows_and_sessions_take_what_is_said(void **state)
{
    struct memory_demand demand;

    memory_demand_reckon(&ordinary, &demand);
    assert_int_equal(memory_demand_flow_bytes(), 96);
    assert_int_equal(conntrack_session_bytes(), 228);
    assert_true(bytes_of(&demand, "flow cache lines") >= 2 * 131072 * 96);
    assert_true(bytes_of(&demand, "sessions") >= 262144ull * 228);
    assert_true(bytes_of(&demand, "sessions") < 262144ull * 228 + (4u << 20));
}

static void more_of_anything_takes_more(void **state)
{
    struct memory_demand before, after;
    struct memory_config more;
    uint32_t *const fields[] = {&more.n_workers, &more.n_ports, &more.n_devices, &more.n_rxq,      &more.n_desc,
                                &more.n_bridges, &more.n_macs,  &more.n_flows,   &more.n_sessions, &more.n_rules};

    memory_demand_reckon(&ordinary, &before);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        more = ordinary;
        *fields[i] *= 2;
        memory_demand_reckon(&more, &after);
        assert_true(after.dpdk + after.ordinary > before.dpdk + before.ordinary);
    }
}

/* What is reckoned of a pool is what it takes. */
static void pool_takes_what_was_reckoned(void **state)
{
    struct packet_pool_state before, after;
    uint64_t reckoned;

    assert_true(packet_pool_get(0, &before));
    reckoned = packet_pool_bytes(PACKET_SIZE_ORDINARY, 4096);
    assert_int_equal(packet_pool_grow(0, before.n_buffers + 4096), 0);
    assert_true(packet_pool_get(0, &after));
    assert_int_equal(after.n_buffers, before.n_buffers + 4096);
    assert_in_range(after.bytes - before.bytes, reckoned, reckoned + reckoned / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_of_the_items),
        cmocka_unit_test(buffers_are_those_of_workers_and_devices),
        cmocka_unit_test(jumbo_frames_need_another_pool),
        cmocka_unit_test(claims_stand_for_devices_when_they_are_known),
        cmocka_unit_test(without_anything_there_is_the_first_chunk),
        cmocka_unit_test(flows_and_sessions_take_what_is_said),
        cmocka_unit_test(more_of_anything_takes_more),
        cmocka_unit_test(pool_takes_what_was_reckoned),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
