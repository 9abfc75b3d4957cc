// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/world_fixture.h"

static struct world w;

static int start(void **state)
{
    world_start(&w);
    return 0;
}

static int stop(void **state)
{
    world_stop(&w);
    return 0;
}

static struct attachment access_port(uint16_t tag)
{
    return (struct attachment){.vlan = {.mode = VLAN_ACCESS, .tag = tag}};
}

static struct attachment tunnel(uint32_t next_hop, bool network_bound)
{
    return (struct attachment){.kind = ATTACHMENT_TUNNEL, .next_hop = next_hop, .network_bound = network_bound};
}

static void set_next_hop(uint32_t index, enum next_hop_state state)
{
    struct next_hop hop = {.state = state, .remote = 1, .local = 2, .bridge = 2, .dst_mac = {{2, 0, 0, 0, 0, 0x77}}};

    assert_int_equal(snapshot_set_next_hop(world_edit(&w), index, &hop), 0);
}

/* Bridge 1: guests 1 and 2, tunnels 3 and 4. Bridge 2, the underlay: internal port 5, uplink 6. */
static void overlay_world(enum next_hop_state state)
{
    world_guests(&w, 2);
    world_bridge(&w, 2, false);
    world_attach(&w, 3, tunnel(1, false));
    world_attach(&w, 4, tunnel(1, false));
    world_attach(&w, 5, (struct attachment){.bridge = 2, .internal = true, .mac = {{2, 0, 0, 0, 0, 5}}});
    world_attach(&w, 6, (struct attachment){.bridge = 2});
    set_next_hop(1, state);
    world_publish(&w);
}

static void broadcast_goes_to_all_but_the_sender(void **state)
{
    world_guests(&w, 4);
    assert_int_equal(world_udp(&w, 2, 0xff, 1, 2), DROP_NONE);
    assert_int_equal(w.resolution.n_outputs, 3);
    assert_false(world_goes_to(&w, 2));
    assert_true(w.resolution.flood && w.resolution.cacheable);
}

static void unknown_unicast_floods_until_learned(void **state)
{
    world_guests(&w, 3);
    assert_int_equal(world_udp(&w, 1, 2, 1, 2), DROP_NONE);
    assert_int_equal(w.resolution.n_outputs, 2);
    world_udp(&w, 2, 0xff, 1, 2);
    assert_int_equal(world_udp(&w, 1, 2, 1, 2), DROP_NONE);
    assert_true(world_goes_only_to(&w, 2));
    assert_false(w.resolution.flood);
}

static void attachment_without_learning_teaches_nothing(void **state)
{
    world_guests(&w, 3);
    world_attach(&w, 2, (struct attachment){.no_learning = true});
    world_publish(&w);
    world_udp(&w, 2, 0xff, 1, 2);
    assert_int_equal(world_udp(&w, 1, 2, 1, 2), DROP_NONE);
    assert_true(w.resolution.flood);
    assert_int_equal(w.resolution.n_outputs, 2);
}

static void mac_that_moved_leads_to_its_new_port(void **state)
{
    world_guests(&w, 3);
    world_learn(&w, 3);
    w.pipeline.now += 10;
    world_send(&w, 3, (struct packet_spec){.src = 2, .dst = 0xff, .protocol = IPPROTO_UDP});
    assert_true(w.pipeline.moved);
    world_udp(&w, 1, 2, 1, 2);
    assert_true(world_goes_only_to(&w, 3));
}

static void destination_behind_the_same_port_is_dropped(void **state)
{
    world_guests(&w, 2);
    world_learn(&w, 2);
    assert_int_equal(world_send(&w, 2, (struct packet_spec){.src = 9, .dst = 2, .protocol = IPPROTO_UDP}),
                     DROP_SAME_PORT);
}

static void lone_port_has_no_destination(void **state)
{
    world_guests(&w, 1);
    assert_int_equal(world_udp(&w, 1, 0xff, 1, 2), DROP_NO_DESTINATION);
}

static void vlans_keep_apart_and_change_tags(void **state)
{
    world_bridge(&w, 1, false);
    world_attach(&w, 1, access_port(10));
    world_attach(&w, 2, access_port(10));
    world_attach(&w, 3, access_port(20));
    world_attach(&w, 4, (struct attachment){0});
    world_publish(&w);
    world_udp(&w, 1, 0xff, 1, 2);
    assert_int_equal(w.resolution.n_outputs, 2);
    assert_false(world_goes_to(&w, 3));
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(w.resolution.outputs[i].change,
                         w.resolution.outputs[i].attachment == 4 ? VLAN_PUSH : VLAN_KEEP);
    world_send(&w, 4, (struct packet_spec){.src = 4, .dst = 0xff, .protocol = 17, .tagged = true, .tci = 20});
    assert_true(world_goes_only_to(&w, 3));
    assert_int_equal(w.resolution.outputs[0].change, VLAN_POP);
}

static void tagged_frame_on_an_access_port_is_dropped(void **state)
{
    world_bridge(&w, 1, false);
    world_attach(&w, 1, access_port(10));
    world_attach(&w, 2, access_port(10));
    world_publish(&w);
    assert_int_equal(
        world_send(&w, 1, (struct packet_spec){.src = 1, .dst = 2, .protocol = 17, .tagged = true, .tci = 10}),
        DROP_VLAN_INGRESS);
}

static void secure_bridge_forwards_only_for_policed_ports(void **state)
{
    world_bridge(&w, 1, true);
    world_attach(&w, 1, (struct attachment){0});
    world_attach(&w, 2, (struct attachment){.has_policy = true});
    world_attach(&w, 3, (struct attachment){.has_policy = true});
    world_publish(&w);
    assert_int_equal(world_udp(&w, 1, 0xff, 1, 2), DROP_BRIDGE_SECURE);
    world_udp(&w, 2, 0xff, 1, 2);
    assert_true(world_goes_only_to(&w, 3));
}

static void disabled_and_broken_ports_take_no_part(void **state)
{
    world_guests(&w, 5);
    world_learn(&w, 5);
    world_attach(&w, 2, (struct attachment){.disabled = true});
    world_attach(&w, 3, (struct attachment){.has_policy = true, .policy = {.broken = true}});
    world_attach(&w, 4, (struct attachment){.has_policy = true, .policy = {.disabled = true}});
    world_publish(&w);
    assert_int_equal(world_udp(&w, 1, 2, 1, 2), DROP_PORT_DISABLED);
    assert_int_equal(world_udp(&w, 1, 3, 1, 2), DROP_POLICY_BROKEN);
    assert_int_equal(world_udp(&w, 4, 1, 1, 2), DROP_PORT_DISABLED);
    assert_int_equal(world_udp(&w, 3, 1, 1, 2), DROP_POLICY_BROKEN);
    world_udp(&w, 1, 0xff, 1, 2);
    assert_true(world_goes_only_to(&w, 5));
}

static void internal_mac_cannot_be_taken_over(void **state)
{
    world_guests(&w, 2);
    world_attach(&w, 3, (struct attachment){.internal = true, .mac = {{2, 0, 0, 0, 0, 3}}});
    world_publish(&w);
    world_send(&w, 2, (struct packet_spec){.src = 3, .dst = 0xff, .protocol = 17});
    world_udp(&w, 1, 3, 1, 2);
    assert_true(world_goes_only_to(&w, 3));
}

static void reserved_mac_is_not_forwarded(void **state)
{
    world_guests(&w, 2);
    assert_int_equal(world_send(&w, 1, (struct packet_spec){.src = 1, .dst_mac = "01:80:c2:00:00:0e", .protocol = 17}),
                     DROP_RESERVED_MAC);
}

static void unknown_attachment_is_dropped(void **state)
{
    world_guests(&w, 2);
    assert_int_equal(world_send(&w, 0, (struct packet_spec){.src = 1, .dst = 2, .protocol = 17}), DROP_PORT_GONE);
    assert_int_equal(world_send(&w, 1u << 19, (struct packet_spec){.src = 1, .dst = 2, .protocol = 17}),
                     DROP_PORT_GONE);
}

/* An FDB may still name what has gone to another bridge meanwhile: tenants must not leak into each other. */
static void fdb_entry_of_an_attachment_of_another_bridge_floods(void **state)
{
    world_guests(&w, 3);
    world_learn(&w, 3);
    world_bridge(&w, 2, false);
    world_attach(&w, 2, (struct attachment){.bridge = 2});
    world_publish(&w);
    assert_int_equal(world_udp(&w, 1, 2, 1, 2), DROP_NONE);
    assert_true(world_goes_only_to(&w, 3));
}

static void tunnel_that_is_ready_leaves_by_the_uplink(void **state)
{
    struct mac_addr guest = {{2, 0, 0, 0, 0, 9}}, gateway = {{2, 0, 0, 0, 0, 0x77}};

    overlay_world(NEXT_HOP_READY);
    fdb_learn(w.snapshot->bridges[1]->fdb, 0, &guest, 3, 100);
    fdb_learn(w.snapshot->bridges[2]->fdb, 0, &gateway, 6, 100);
    world_udp(&w, 1, 9, 1, 2);
    assert_true(world_goes_only_to(&w, 3));
    assert_int_equal(w.resolution.outputs[0].underlay, 6);
}

static void tunnel_without_way_says_why(void **state)
{
    struct mac_addr guest = {{2, 0, 0, 0, 0, 9}};

    overlay_world(NEXT_HOP_NO_ROUTE);
    fdb_learn(w.snapshot->bridges[1]->fdb, 0, &guest, 3, 100);
    assert_int_equal(world_udp(&w, 1, 9, 1, 2), DROP_TUNNEL_NO_ROUTE);
    set_next_hop(1, NEXT_HOP_NO_NEIGHBOUR);
    world_publish(&w);
    assert_int_equal(world_udp(&w, 1, 9, 1, 2), DROP_TUNNEL_NO_NEIGHBOUR);
}

static void tunnel_whose_next_hop_is_the_host_itself_is_a_loop(void **state)
{
    struct mac_addr guest = {{2, 0, 0, 0, 0, 9}}, gateway = {{2, 0, 0, 0, 0, 0x77}};

    overlay_world(NEXT_HOP_READY);
    fdb_learn(w.snapshot->bridges[1]->fdb, 0, &guest, 3, 100);
    fdb_learn(w.snapshot->bridges[2]->fdb, 0, &gateway, 5, 100);
    assert_int_equal(world_udp(&w, 1, 9, 1, 2), DROP_TUNNEL_LOOP);
}

static void flood_from_a_tunnel_never_enters_another(void **state)
{
    overlay_world(NEXT_HOP_READY);
    assert_int_equal(world_send(&w, 3, (struct packet_spec){.src = 9, .dst = 0xff, .protocol = 17}), DROP_NONE);
    assert_int_equal(w.resolution.n_outputs, 2);
    assert_false(world_goes_to(&w, 4));
    world_udp(&w, 1, 0xff, 1, 2);
    assert_true(world_goes_to(&w, 3) && world_goes_to(&w, 4) && world_goes_to(&w, 2));
}

/* Its receivers change with what the underlay learns, which the flow's own bridge does not tell. */
static void flood_that_misses_a_tunnel_is_brief(void **state)
{
    overlay_world(NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(world_udp(&w, 1, 0xff, 1, 2), DROP_NONE);
    assert_true(world_goes_only_to(&w, 2));
    assert_true(w.resolution.brief);
    assert_int_equal(w.resolution.n_refused, 2);
    assert_int_equal(w.resolution.refused, DROP_TUNNEL_NO_NEIGHBOUR);
}

static void refused_flood_to_one_address_is_not_cached(void **state)
{
    world_guests(&w, 1);
    assert_int_equal(world_udp(&w, 1, 7, 1, 2), DROP_NO_DESTINATION);
    assert_false(w.resolution.cacheable);
}

static void bridge_replaced_and_removed_in_one_edit_frees_its_fdb_once(void **state)
{
    world_guests(&w, 1);
    world_bridge(&w, 1, true);
    snapshot_set_attachment(world_edit(&w), 1, NULL);
    snapshot_set_bridge(world_edit(&w), 1, NULL);
    world_publish(&w);
    assert_null(snapshot_bridge(w.snapshot, 1));
}

static void discarded_edit_keeps_what_is_current(void **state)
{
    world_guests(&w, 2);
    world_attach(&w, 1, (struct attachment){.disabled = true});
    world_attach(&w, 1, (struct attachment){.disabled = true, .mtu = 9});
    world_attach(&w, 300, (struct attachment){.port = 2});
    snapshot_discard(w.edit, w.snapshot);
    w.edit = NULL;
    assert_false(snapshot_attachment(w.snapshot, 1)->disabled);
    assert_int_equal(world_udp(&w, 1, 0xff, 1, 2), DROP_NONE);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(broadcast_goes_to_all_but_the_sender),
        TEST(unknown_unicast_floods_until_learned),
        TEST(attachment_without_learning_teaches_nothing),
        TEST(mac_that_moved_leads_to_its_new_port),
        TEST(destination_behind_the_same_port_is_dropped),
        TEST(lone_port_has_no_destination),
        TEST(vlans_keep_apart_and_change_tags),
        TEST(tagged_frame_on_an_access_port_is_dropped),
        TEST(secure_bridge_forwards_only_for_policed_ports),
        TEST(disabled_and_broken_ports_take_no_part),
        TEST(internal_mac_cannot_be_taken_over),
        TEST(reserved_mac_is_not_forwarded),
        TEST(unknown_attachment_is_dropped),
        TEST(fdb_entry_of_an_attachment_of_another_bridge_floods),
        TEST(tunnel_that_is_ready_leaves_by_the_uplink),
        TEST(tunnel_without_way_says_why),
        TEST(tunnel_whose_next_hop_is_the_host_itself_is_a_loop),
        TEST(flood_from_a_tunnel_never_enters_another),
        TEST(flood_that_misses_a_tunnel_is_brief),
        TEST(refused_flood_to_one_address_is_not_cached),
        TEST(bridge_replaced_and_removed_in_one_edit_frees_its_fdb_once),
        TEST(discarded_edit_keeps_what_is_current),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
