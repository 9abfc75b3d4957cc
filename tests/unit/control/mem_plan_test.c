// SPDX-License-Identifier: Apache-2.0
#include "control/mem_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openvswitch/dynamic-string.h>

#define MIB (1024u * 1024u)

/* 100 MiB wanted; 40 MiB there, of which 10 go to others; 100 free pages: it fits. */
static const struct memory_demand demand = {.buffers = {20000, 3000}, .dpdk = 100u * MIB, .ordinary = 300u * MIB};
static const struct mem_room room = {
    .single_node = true,
    .huge = true,
    .page_kib = 2048,
    .pages = 120,
    .pages_free = 100,
    .free_bytes = 200u * MIB,
    .dpdk_bytes = 40u * MIB,
    .dpdk_others = 10u * MIB,
    .ordinary_bytes = 1000u * MIB,
    .buffers_most = 500000,
};

static void judged(const struct mem_room *there, uint64_t ordinary_now, const char *expected)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    mem_plan_judge(&demand, ordinary_now, there, &out);
    assert_string_equal(ds_cstr(&out), expected);
    ds_destroy(&out);
}

static void what_is_there_fits(void **state)
{
    struct mem_room just = room;

    judged(&room, 0, "verdict: fits\n");
    just.free_bytes = 70u * MIB;
    judged(&just, 0, "verdict: fits\n");
}

static void missing_hugepages_are_counted(void **state)
{
    struct mem_room less = room;

    less.free_bytes = 70u * MIB - 1;
    judged(&less, 0, "verdict: needs 1 more hugepages of 2 MiB on NUMA node 0: sysctl vm.nr_hugepages=121\n");
    less.free_bytes = 0;
    judged(&less, 0, "verdict: needs 35 more hugepages of 2 MiB on NUMA node 0: sysctl vm.nr_hugepages=155\n");
}

static void other_pages_and_nodes_are_set_in_their_own_file(void **state)
{
    struct mem_room other = room;

    other.free_bytes = 0;
    other.single_node = false;
    other.node = 1;
    judged(&other, 0,
           "verdict: needs 35 more hugepages of 2 MiB on NUMA node 1: echo 155 > "
           "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages\n");
    other.page_kib = 1024 * 1024;
    other.pages = 0;
    judged(&other, 0,
           "verdict: needs 1 more hugepages of 1024 MiB on NUMA node 1: echo 1 > "
           "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages\n");
}

/* Free hugepages are of no use to it then. */
static void ordinary_memory_of_dpdk_is_set_at_the_start(void **state)
{
    struct mem_room plain = room;

    plain.huge = false;
    judged(&plain, 0,
           "verdict: needs 70 MiB more of DPDK's memory, which is ordinary memory: set "
           "other_config:dpdk-alloc-mem=110 (better: hugepages), and start again\n");
}

static void limits_of_the_operator_are_named(void **state)
{
    struct mem_room limited = room;

    limited.dpdk_limit = 64u * MIB;
    limited.buffers_most = 16384;
    judged(&limited, 0,
           "verdict: needs other_config:packet-buffers-max=20000 (now 16384), and a restart\n"
           "verdict: needs other_config:dpdk-socket-limit of 110 MiB on NUMA node 0 (now 64), and a restart\n");
}

static void ordinary_memory_is_needed_beyond_what_is_in_use(void **state)
{
    struct mem_room tight = room;

    tight.ordinary_bytes = 50u * MIB;
    judged(&tight, 250u * MIB, "verdict: fits\n");
    judged(&tight, 200u * MIB, "verdict: needs 100 MiB more of ordinary memory, 50 MiB are available\n");
}

static void socket_mem_holds_all_of_it(void **state)
{
    assert_int_equal(mem_plan_socket_mem(&demand, &room), 110);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_fits),
        cmocka_unit_test(missing_hugepages_are_counted),
        cmocka_unit_test(other_pages_and_nodes_are_set_in_their_own_file),
        cmocka_unit_test(ordinary_memory_of_dpdk_is_set_at_the_start),
        cmocka_unit_test(limits_of_the_operator_are_named),
        cmocka_unit_test(ordinary_memory_is_needed_beyond_what_is_in_use),
        cmocka_unit_test(socket_mem_holds_all_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
