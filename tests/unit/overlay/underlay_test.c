// SPDX-License-Identifier: Apache-2.0
#include "overlay/underlay.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* br-a (ifindex 10, bridge 1) has 10.1.0.1/16 and 10.2.0.1/16; br-b (ifindex 20, bridge 2, VLAN 100) has 10.1.0.2/16.
 * Tests add the routes they need. */
enum { BR_A = 10, BR_B = 20, STRANGER = 30 };
static const struct mac_addr mac_a = {{2, 0, 0, 0, 0, 0x0a}};
static const struct mac_addr mac_b = {{2, 0, 0, 0, 0, 0x0b}};
static const struct mac_addr mac_peer = {{2, 0, 0, 0, 0, 0x99}};

static struct underlay *underlay;
static struct next_hop hop;
static int ifindex;
static uint32_t neighbour;

static uint32_t ip(const char *text)
{
    return inet_addr(text);
}

static int set_up(void **state)
{
    const struct underlay_link a = {.ifindex = BR_A, .bridge = 1, .mac = mac_a, .up = true};
    const struct underlay_link b = {.ifindex = BR_B, .bridge = 2, .vlan = 100, .mac = mac_b, .up = true};

    underlay = underlay_create();
    if (underlay == NULL || underlay_set_link(underlay, &a) != 0 || underlay_set_link(underlay, &b) != 0)
        return -1;
    underlay_add_address(underlay, BR_A, ip("10.1.0.1"), 16);
    underlay_add_address(underlay, BR_A, ip("10.2.0.1"), 16);
    underlay_add_address(underlay, BR_B, ip("10.1.0.2"), 16);
    return 0;
}

static int tear_down(void **state)
{
    underlay_destroy(underlay);
    return 0;
}

static struct underlay_route route(const char *prefix, uint8_t len, int over, const char *gateway, uint32_t metric)
{
    return (struct underlay_route){.prefix = ip(prefix),
                                   .len = len,
                                   .ifindex = over,
                                   .gateway = gateway != NULL ? ip(gateway) : 0,
                                   .metric = metric};
}

static bool add(const char *prefix, uint8_t len, int over, const char *gateway, uint32_t metric)
{
    struct underlay_route r = route(prefix, len, over, gateway, metric);

    return underlay_add_route(underlay, &r);
}

static bool del(const char *prefix, uint8_t len, int over, const char *gateway, uint32_t metric)
{
    struct underlay_route r = route(prefix, len, over, gateway, metric);

    return underlay_remove_route(underlay, &r);
}

static enum next_hop_state resolve(const char *remote, const char *local)
{
    underlay_resolve(underlay, ip(remote), local != NULL ? ip(local) : 0, &hop, &ifindex, &neighbour);
    assert_int_equal(hop.remote, ip(remote));
    return hop.state;
}

static void underlay_without_route_has_no_next_hop(void **state)
{
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_ROUTE);
    assert_int_equal(ifindex, 0);
    assert_int_equal(neighbour, 0);
}

static void underlay_fills_the_next_hop(void **state)
{
    add("10.1.0.0", 16, BR_B, NULL, 0);
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(ifindex, BR_B);
    assert_int_equal(neighbour, ip("10.1.0.9"));

    assert_true(underlay_set_neighbour(underlay, BR_B, ip("10.1.0.9"), &mac_peer));
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_READY);
    assert_int_equal(hop.local, ip("10.1.0.2"));
    assert_int_equal(hop.bridge, 2);
    assert_int_equal(hop.vlan, 100);
    assert_memory_equal(&hop.src_mac, &mac_b, 6);
    assert_memory_equal(&hop.dst_mac, &mac_peer, 6);
}

static void underlay_resolve_keeps_changed(void **state)
{
    hop.changed = 1234;
    resolve("10.1.0.9", NULL);
    assert_int_equal(hop.changed, 1234);
}

static void underlay_neighbour_of_another_link_does_not_count(void **state)
{
    add("10.1.0.0", 16, BR_A, NULL, 0);
    underlay_set_neighbour(underlay, BR_B, ip("10.1.0.9"), &mac_peer);
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_NEIGHBOUR);
}

static void underlay_longest_prefix_wins_over_metric(void **state)
{
    add("0.0.0.0", 0, BR_A, "10.1.0.254", 0);
    add("10.1.0.0", 16, BR_A, NULL, 0);
    add("10.1.9.0", 24, BR_B, NULL, 500);
    resolve("10.1.9.1", NULL);
    assert_int_equal(ifindex, BR_B);
    resolve("10.1.8.1", NULL);
    assert_int_equal(ifindex, BR_A);
    assert_int_equal(neighbour, ip("10.1.8.1"));
    resolve("8.8.8.8", NULL);
    assert_int_equal(neighbour, ip("10.1.0.254"));
}

static void underlay_lowest_metric_wins_whatever_the_order(void **state)
{
    add("10.1.0.0", 16, BR_A, NULL, 200);
    add("10.1.0.0", 16, BR_B, NULL, 100);
    add("10.1.0.0", 16, BR_A, "10.1.0.254", 300);
    resolve("10.1.0.9", NULL);
    assert_int_equal(ifindex, BR_B);
    assert_true(del("10.1.0.0", 16, BR_B, NULL, 100));
    resolve("10.1.0.9", NULL);
    assert_int_equal(ifindex, BR_A);
    assert_int_equal(neighbour, ip("10.1.0.9"));
}

static void underlay_gateway_is_the_neighbour(void **state)
{
    add("192.0.2.0", 24, BR_A, "10.2.0.254", 0);
    underlay_set_neighbour(underlay, BR_A, ip("10.2.0.254"), &mac_peer);
    assert_int_equal(resolve("192.0.2.1", NULL), NEXT_HOP_READY);
    assert_memory_equal(&hop.dst_mac, &mac_peer, 6);
    assert_int_equal(hop.local, ip("10.2.0.1")); /* of the gateway's subnet, not the first */
}

static void underlay_source_of_the_route_is_used(void **state)
{
    struct underlay_route r = route("10.1.0.0", 16, BR_A, NULL, 0);

    r.source = ip("10.2.0.1");
    underlay_add_route(underlay, &r);
    resolve("10.1.0.9", NULL);
    assert_int_equal(hop.local, ip("10.2.0.1"));
}

static void underlay_link_down_falls_back(void **state)
{
    struct underlay_link b = {.ifindex = BR_B, .bridge = 2, .mac = mac_b, .up = false};

    add("10.1.0.0", 16, BR_A, NULL, 0);
    add("10.1.0.0", 24, BR_B, NULL, 0);
    assert_int_equal(underlay_set_link(underlay, &b), 0);
    resolve("10.1.0.9", NULL);
    assert_int_equal(ifindex, BR_A);
    underlay_remove_link(underlay, BR_A);
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_ROUTE);
}

static void underlay_local_chooses_the_link(void **state)
{
    add("10.1.0.0", 16, BR_A, NULL, 0);
    add("10.1.0.0", 16, BR_B, NULL, 100);
    resolve("10.1.0.9", "10.1.0.2");
    assert_int_equal(ifindex, BR_B);
    assert_int_equal(hop.local, ip("10.1.0.2"));
    resolve("10.1.0.9", "10.2.0.1");
    assert_int_equal(ifindex, BR_A);
    assert_int_equal(hop.local, ip("10.2.0.1"));
    assert_int_equal(resolve("10.1.0.9", "10.9.9.9"), NEXT_HOP_NO_ROUTE);
}

static void underlay_ignores_routes_over_strangers(void **state)
{
    const struct underlay_link late = {.ifindex = STRANGER, .bridge = 7, .mac = mac_a, .up = true};

    add("10.1.0.0", 24, STRANGER, NULL, 0);
    underlay_add_address(underlay, STRANGER, ip("10.1.0.77"), 24);
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_ROUTE);
    underlay_set_link(underlay, &late); /* announced after its routes */
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(hop.bridge, 7);
    assert_int_equal(hop.local, ip("10.1.0.77"));
}

static void underlay_link_without_address_has_no_route(void **state)
{
    add("10.1.0.0", 16, BR_B, NULL, 0);
    assert_true(underlay_remove_address(underlay, BR_B, ip("10.1.0.2"), 16));
    assert_false(underlay_remove_address(underlay, BR_B, ip("10.1.0.2"), 16));
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_ROUTE);
}

static void underlay_replaced_route_leads_elsewhere(void **state)
{
    struct underlay_route r = route("10.1.0.0", 16, BR_B, NULL, 0);

    add("10.1.0.0", 16, BR_A, NULL, 0);
    assert_true(underlay_replace_route(underlay, &r));
    assert_false(underlay_replace_route(underlay, &r));
    resolve("10.1.0.9", NULL);
    assert_int_equal(ifindex, BR_B);
    assert_false(del("10.1.0.0", 16, BR_A, NULL, 0));
}

static void underlay_says_whether_something_changed(void **state)
{
    assert_true(add("10.1.0.0", 16, BR_A, NULL, 0));
    assert_false(add("10.1.0.0", 16, BR_A, NULL, 0));
    assert_true(del("10.1.0.0", 16, BR_A, NULL, 0));
    assert_false(del("10.1.0.0", 16, BR_A, NULL, 0));
    assert_false(add("10.1.0.0", 33, BR_A, NULL, 0));
    assert_false(underlay_add_address(underlay, BR_A, ip("10.1.0.1"), 16));
    assert_true(underlay_set_neighbour(underlay, BR_A, ip("10.1.0.9"), &mac_peer));
    assert_false(underlay_set_neighbour(underlay, BR_A, ip("10.1.0.9"), &mac_peer));
    assert_true(underlay_set_neighbour(underlay, BR_A, ip("10.1.0.9"), &mac_a));
    assert_true(underlay_remove_neighbour(underlay, BR_A, ip("10.1.0.9")));
    assert_false(underlay_remove_neighbour(underlay, BR_A, ip("10.1.0.9")));
}

static void collect(void *aux, const struct underlay_link *link, uint32_t addr)
{
    char *text = aux;
    struct in_addr in = {addr};

    snprintf(text + strlen(text), 200 - strlen(text), "%d:%s ", link->bridge, inet_ntoa(in));
}

static void underlay_endpoints_are_addresses_of_links(void **state)
{
    char text[200] = "";

    underlay_add_address(underlay, STRANGER, ip("10.3.0.1"), 16);
    underlay_for_each_endpoint(underlay, collect, text);
    assert_string_equal(text, "1:10.1.0.1 1:10.2.0.1 2:10.1.0.2 ");
}

static void underlay_clear_keeps_links(void **state)
{
    add("10.1.0.0", 16, BR_A, NULL, 0);
    underlay_set_neighbour(underlay, BR_A, ip("10.1.0.9"), &mac_peer);
    underlay_clear(underlay);
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_ROUTE);
    add("10.1.0.0", 16, BR_A, NULL, 0);
    underlay_add_address(underlay, BR_A, ip("10.1.0.1"), 16);
    assert_int_equal(resolve("10.1.0.9", NULL), NEXT_HOP_NO_NEIGHBOUR);
}

#define N_ROUTES 300

/* The best of 'routes' by one pass over all of them. */
static const struct underlay_route *naive_best(const struct underlay_route *routes, const bool *present,
                                               uint32_t remote)
{
    const struct underlay_route *best = NULL;

    for (int i = 0; i < N_ROUTES; i++) {
        const struct underlay_route *r = &routes[i];
        uint32_t mask = r->len == 0 ? 0 : ~0u << (32 - r->len);

        if (present[i] && ((ntohl(r->prefix) ^ ntohl(remote)) & mask) == 0 &&
            (best == NULL || r->len > best->len || (r->len == best->len && r->metric < best->metric)))
            best = r;
    }
    return best;
}

/* Distinct gateways tell the routes apart; distinct metrics make the best one unique. */
static void underlay_finds_what_a_naive_search_finds(void **state)
{
    struct underlay_route routes[N_ROUTES];
    bool present[N_ROUTES] = {false};

    srandom(40);
    print_message("seed 40\n");
    for (uint32_t i = 0; i < N_ROUTES; i++) {
        uint8_t len = (uint8_t)(random() % 33);
        uint32_t mask = len == 0 ? 0 : ~0u << (32 - len);

        routes[i] = (struct underlay_route){.prefix = htonl((uint32_t)random() & 0xff000003u & mask),
                                            .len = len,
                                            .ifindex = BR_A,
                                            .gateway = htonl(0x0a010000u + i + 10),
                                            .metric = i * 7919 % 1009};
    }
    for (int step = 0; step < 20000; step++) {
        int i = (int)(random() % N_ROUTES);
        uint32_t remote = htonl((uint32_t)random() & 0xff000003u);
        const struct underlay_route *best;

        assert_true(present[i] ? underlay_remove_route(underlay, &routes[i])
                               : underlay_add_route(underlay, &routes[i]));
        present[i] = !present[i];
        best = naive_best(routes, present, remote);
        underlay_resolve(underlay, remote, 0, &hop, &ifindex, &neighbour);
        assert_int_equal(neighbour, best != NULL ? best->gateway : 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(underlay_without_route_has_no_next_hop),
        TEST(underlay_fills_the_next_hop),
        TEST(underlay_resolve_keeps_changed),
        TEST(underlay_neighbour_of_another_link_does_not_count),
        TEST(underlay_longest_prefix_wins_over_metric),
        TEST(underlay_lowest_metric_wins_whatever_the_order),
        TEST(underlay_gateway_is_the_neighbour),
        TEST(underlay_source_of_the_route_is_used),
        TEST(underlay_link_down_falls_back),
        TEST(underlay_local_chooses_the_link),
        TEST(underlay_ignores_routes_over_strangers),
        TEST(underlay_link_without_address_has_no_route),
        TEST(underlay_replaced_route_leads_elsewhere),
        TEST(underlay_says_whether_something_changed),
        TEST(underlay_endpoints_are_addresses_of_links),
        TEST(underlay_clear_keeps_links),
        TEST(underlay_finds_what_a_naive_search_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
