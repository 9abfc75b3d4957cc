// SPDX-License-Identifier: Apache-2.0
#include "control/next_hops.h"

#include <limits.h>

#include "tests/unit/control/tunnels_fixture.h"

static void hop_is_shared_by_tunnels_to_one_endpoint(void **state)
{
    struct tunnel_hop *hop = next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.2"), 0);

    assert_ptr_equal(next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.2"), 0), hop);
    next_hops_give(host.hops, hop);
    publish_tunnels();
    assert_true(host.has_next_hop[hop->index]);

    uint32_t index = hop->index;

    next_hops_give(host.hops, hop);
    publish_tunnels();
    assert_false(host.has_next_hop[index]);
    assert_false(next_hops_is_dirty(host.hops));
}

static void hop_follows_the_neighbour(void **state)
{
    struct tunnel_hop *hop = next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.2"), 0);

    publish_tunnels();
    assert_int_equal(host.next_hops[hop->index].state, NEXT_HOP_NO_NEIGHBOUR);
    underlay_set_neighbour(host.underlay, 7, inet_addr("10.0.0.2"), &far_mac);
    assert_true(next_hops_resolve(host.hops, host.underlay));
    publish_tunnels();
    assert_int_equal(host.next_hops[hop->index].state, NEXT_HOP_READY);
    assert_int_equal(host.next_hops[hop->index].local, inet_addr("10.0.0.1"));
    assert_memory_equal(&host.next_hops[hop->index].dst_mac, &far_mac, sizeof far_mac);
}

static void hop_unchanged_is_not_published_again(void **state)
{
    next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.2"), 0);
    next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.3"), 0);
    publish_tunnels();
    host.n_hops_set = 0;
    assert_false(next_hops_resolve(host.hops, host.underlay));
    underlay_set_neighbour(host.underlay, 7, inet_addr("10.0.0.3"), &far_mac);
    assert_true(next_hops_resolve(host.hops, host.underlay));
    publish_tunnels();
    assert_int_equal(host.n_hops_set, 1);
}

static void neighbour_missing_is_asked_for_once_a_second(void **state)
{
    next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.2"), 0);
    assert_int_equal(next_hops_ask(host.hops, NULL, 1000), 2000);
    assert_int_equal(next_hops_ask(host.hops, NULL, 1001), 2000);
    assert_int_equal(next_hops_ask(host.hops, NULL, 1999), 2000);
    assert_int_equal(host.n_asked, 1);
    assert_int_equal(host.asked_last, inet_addr("10.0.0.2"));
    assert_int_equal(next_hops_ask(host.hops, NULL, 2000), 3000);
    assert_int_equal(host.n_asked, 2);
}

static void neighbour_in_use_is_kept_fresh(void **state)
{
    underlay_set_neighbour(host.underlay, 7, inet_addr("10.0.0.2"), &far_mac);
    next_hops_take(host.hops, host.underlay, inet_addr("10.0.0.2"), 0);
    assert_int_equal(next_hops_ask(host.hops, NULL, 1000), 11000);
    next_hops_ask(host.hops, NULL, 10999);
    assert_int_equal(host.n_asked, 1);
    next_hops_ask(host.hops, NULL, 11000);
    assert_int_equal(host.n_asked, 2);
}

static void gateway_of_many_is_asked_for_once(void **state)
{
    struct underlay_route route = {.len = 0, .ifindex = 7, .gateway = inet_addr("10.0.0.254")};

    underlay_add_route(host.underlay, &route);
    next_hops_take(host.hops, host.underlay, inet_addr("192.0.2.1"), 0);
    next_hops_take(host.hops, host.underlay, inet_addr("192.0.2.2"), 0);
    next_hops_ask(host.hops, NULL, 1000);
    assert_int_equal(host.n_asked, 1);
    assert_int_equal(host.asked_last, inet_addr("10.0.0.254"));
}

static void endpoint_without_route_is_not_asked_for(void **state)
{
    next_hops_take(host.hops, host.underlay, inet_addr("192.0.2.1"), 0);
    assert_int_equal(next_hops_ask(host.hops, NULL, 1000), LLONG_MAX);
    assert_int_equal(host.n_asked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_create, host_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hop_is_shared_by_tunnels_to_one_endpoint), TEST(hop_follows_the_neighbour),
        TEST(hop_unchanged_is_not_published_again),     TEST(neighbour_missing_is_asked_for_once_a_second),
        TEST(neighbour_in_use_is_kept_fresh),           TEST(gateway_of_many_is_asked_for_once),
        TEST(endpoint_without_route_is_not_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
