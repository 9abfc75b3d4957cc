// SPDX-License-Identifier: Apache-2.0
#include "control/networks.h"

#include "tests/unit/control/tunnels_fixture.h"

#define ROWS_MAX 4

static struct networks *networks;
static struct network_row rows[ROWS_MAX];
static size_t n_rows;
static uint16_t br_tenant; /* index, 0: there is no such bridge */

static char *both[] = {"10.0.0.2", "10.0.0.3"};
static char *with_own[] = {"10.0.0.1", "10.0.0.2"};
static char *with_bad[] = {"10.0.0.2", "fd00::1", "nonsense"};

static uint16_t bridge_index(void *aux, const char *name)
{
    return strcmp(name, "br-tenant") == 0 ? br_tenant : 0;
}

static struct network_row *add_network(const char *name, int64_t vni, int64_t tag)
{
    struct network_row *row = &rows[n_rows];

    *row = (struct network_row){
        .id = {.parts = {(uint32_t)++n_rows}},
        .name = name,
        .bridge = "br-tenant",
        .has_vni = true,
        .vni = vni,
        .tag = tag,
        .learning = true,
        .vteps = both,
        .n_vteps = 2,
    };
    return row;
}

static void apply(void)
{
    networks_apply(networks, rows, n_rows, bridge_index, NULL);
    assert_int_equal(networks_publish(networks, NULL), 0);
    publish_tunnels();
    assert_int_equal(networks_publish_removed(networks, NULL), 0);
}

static const char *error_of(size_t row)
{
    return networks_find(networks, &rows[row].id)->error;
}

static int setup(void **state)
{
    n_rows = 0;
    br_tenant = 3;
    host_create(state);
    networks = networks_create(host.attachments, &host.endpoints);
    return 0;
}

static int teardown(void **state)
{
    networks_destroy(networks);
    return host_destroy(state);
}

static void network_has_an_attachment_for_each_vtep(void **state)
{
    add_network("blue", 5001, 101);
    apply();

    const struct attachment *attachment = attached_to("10.0.0.2", 5001);

    assert_int_equal(count_attached(), 2);
    assert_int_equal(attachment->kind, ATTACHMENT_TUNNEL);
    assert_int_equal(attachment->bridge, 3);
    assert_int_equal(attachment->vlan.mode, VLAN_ACCESS);
    assert_int_equal(attachment->vlan.tag, 101);
    assert_true(attachment->network_bound);
    assert_int_equal(attachment->tunnel.type, TUNNEL_VXLAN);
    assert_int_equal(attachment->tunnel.dst_port, 4789);
    assert_int_equal(attachment->port, attached_to("10.0.0.3", 5001)->port);
    assert_string_equal(host.ports[attachment->port]->name, "blue");
    assert_true(host.has_next_hop[attachment->next_hop]);
    assert_null(error_of(0));
}

static void network_without_vni_or_bridge_stays_here(void **state)
{
    add_network("local", 0, 1)->has_vni = false;
    add_network("elsewhere", 5001, 2)->bridge = NULL;
    apply();
    assert_int_equal(count_attached(), 0);
    assert_null(error_of(0));
    assert_null(error_of(1));
}

static void learning_is_switched_off_in_place(void **state)
{
    struct network_row *row = add_network("blue", 5001, 101);
    uint32_t id;

    apply();
    id = attached_to("10.0.0.2", 5001)->id;
    assert_false(attached_to("10.0.0.2", 5001)->no_learning);
    row->learning = false;
    apply();
    assert_true(attached_to("10.0.0.2", 5001)->no_learning);
    assert_int_equal(attached_to("10.0.0.2", 5001)->id, id);
}

static void network_waits_for_its_bridge(void **state)
{
    br_tenant = 0;
    add_network("blue", 5001, 101);
    apply();
    assert_int_equal(count_attached(), 0);
    assert_false(networks_update_bridges(networks, bridge_index, NULL));
    br_tenant = 4;
    assert_true(networks_update_bridges(networks, bridge_index, NULL));
    apply();
    assert_int_equal(attached_to("10.0.0.2", 5001)->bridge, 4);
}

static void network_removed_leaves_nothing(void **state)
{
    add_network("blue", 5001, 101);
    apply();

    uint16_t port = attached_to("10.0.0.2", 5001)->port;
    uint32_t next_hop = attached_to("10.0.0.2", 5001)->next_hop;

    n_rows = 0;
    apply();
    assert_int_equal(count_attached(), 0);
    assert_null(host.ports[port]);
    assert_false(host.has_next_hop[next_hop]);
    assert_false(networks_is_dirty(networks));
}

static void vtep_of_our_own_is_left_out(void **state)
{
    add_network("blue", 5001, 101)->vteps = with_own;
    apply();
    assert_int_equal(count_attached(), 1);
    assert_null(error_of(0));

    underlay_add_address(host.underlay, 7, inet_addr("10.0.0.2"), 24);
    assert_true(endpoints_update(&host.endpoints, host.underlay));
    networks_decide(networks);
    publish_tunnels();
    assert_int_equal(count_attached(), 0);
}

static void vtep_that_is_bad_is_refused_alone(void **state)
{
    add_network("blue", 5001, 101)->vteps = with_bad;
    rows[0].n_vteps = 3;
    apply();
    assert_int_equal(count_attached(), 1);
    assert_string_equal(error_of(0), "VTEP 'fd00::1' is not the IPv4 address of a host");
}

static void vtep_list_change_keeps_the_others(void **state)
{
    add_network("blue", 5001, 101);
    apply();

    uint32_t id = attached_to("10.0.0.2", 5001)->id;

    rows[0].n_vteps = 1;
    apply();
    assert_int_equal(count_attached(), 1);
    assert_int_equal(attached_to("10.0.0.2", 5001)->id, id);
}

static void row_out_of_range_is_refused_alone(void **state)
{
    add_network("vni", 16777216, 101);
    add_network("tag", 5001, 4095);
    add_network("mtu", 5002, 102)->mtu = 20;
    add_network("good", 5003, 103);
    apply();
    assert_int_equal(count_attached(), 2);
    assert_string_equal(error_of(0), "vni 16777216 is not from 0 to 16777215");
    assert_string_equal(error_of(1), "tag 4095 is not from 1 to 4094");
    assert_string_equal(error_of(2), "mtu 20 is not from 68 to 9702");
    assert_null(error_of(3));
}

static void newcomer_on_the_same_vlan_is_refused(void **state)
{
    add_network("blue", 5001, 101);
    apply();
    add_network("aqua", 5002, 101);
    apply();
    assert_null(error_of(0));
    assert_string_equal(error_of(1), "bridge/tag br-tenant/101 is that of network blue");
    assert_int_equal(count_attached(), 2);
}

static void newcomer_with_the_same_vni_is_refused(void **state)
{
    add_network("blue", 5001, 101);
    apply();
    add_network("aqua", 5001, 102);
    add_network("other", 5001, 103)->encap = "geneve";
    apply();
    assert_string_equal(error_of(1), "encap:vni vxlan:5001 is that of network blue");
    assert_null(error_of(2));
    rows[0].vni = 5009;
    apply();
    assert_null(error_of(1));
}

static void encap_change_makes_new_attachments(void **state)
{
    add_network("blue", 5001, 101);
    apply();

    uint32_t id = attached_to("10.0.0.2", 5001)->id;

    rows[0].encap = "geneve";
    apply();
    assert_int_equal(count_attached(), 2);
    assert_true(attached_to("10.0.0.2", 5001)->id != id);
    assert_int_equal(attached_to("10.0.0.2", 5001)->tunnel.type, TUNNEL_GENEVE);
    assert_int_equal(attached_to("10.0.0.2", 5001)->tunnel.dst_port, 6081);
}

static void tag_change_keeps_attachments(void **state)
{
    add_network("blue", 5001, 101);
    apply();

    uint32_t id = attached_to("10.0.0.2", 5001)->id;

    rows[0].tag = 0;
    apply();
    assert_int_equal(attached_to("10.0.0.2", 5001)->id, id);
    assert_int_equal(attached_to("10.0.0.2", 5001)->vlan.tag, 0);
}

static void networks_may_swap_vnis(void **state)
{
    add_network("blue", 5001, 101);
    add_network("red", 5002, 102);
    apply();
    rows[0].vni = 5002;
    rows[1].vni = 5001;
    apply();
    assert_null(error_of(0));
    assert_null(error_of(1));
    assert_int_equal(count_attached(), 4);
    assert_int_equal(attached_to("10.0.0.2", 5002)->vlan.tag, 101);
}

static void tunnel_port_in_the_way_is_reported(void **state)
{
    struct attachment spec = tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5001, 4789);
    struct tunnel_attachment *port;

    assert_int_equal(tunnel_attachments_add(host.attachments, &spec, &port, NULL), 0);
    add_network("blue", 5001, 101);
    apply();
    assert_string_equal(error_of(0), "VTEP 10.0.0.2: there is a tunnel to the same address with the same key");
    assert_non_null(attached_to("10.0.0.3", 5001));

    tunnel_attachments_remove(host.attachments, port);
    networks_decide(networks);
    publish_tunnels();
    assert_null(error_of(0));
    assert_int_equal(attached_to("10.0.0.2", 5001)->bridge, 3);
}

static void rows_unchanged_change_nothing(void **state)
{
    add_network("blue", 5001, 101);
    apply();
    networks_apply(networks, rows, n_rows, bridge_index, NULL);
    assert_false(networks_is_dirty(networks));
    assert_false(tunnel_attachments_is_dirty(host.attachments));
    assert_false(next_hops_is_dirty(host.hops));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(network_has_an_attachment_for_each_vtep),
        TEST(network_without_vni_or_bridge_stays_here),
        TEST(learning_is_switched_off_in_place),
        TEST(network_waits_for_its_bridge),
        TEST(network_removed_leaves_nothing),
        TEST(vtep_of_our_own_is_left_out),
        TEST(vtep_that_is_bad_is_refused_alone),
        TEST(vtep_list_change_keeps_the_others),
        TEST(row_out_of_range_is_refused_alone),
        TEST(newcomer_on_the_same_vlan_is_refused),
        TEST(newcomer_with_the_same_vni_is_refused),
        TEST(encap_change_makes_new_attachments),
        TEST(tag_change_keeps_attachments),
        TEST(networks_may_swap_vnis),
        TEST(tunnel_port_in_the_way_is_reported),
        TEST(rows_unchanged_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
