// SPDX-License-Identifier: Apache-2.0
#include "control/desired.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <vswitch-idl.h>

#include <cmocka.h>

/* A database of one bridge with one port with up to two interfaces. */
struct rows {
    struct ovsrec_open_vswitch root;
    struct ovsrec_bridge bridge;
    struct ovsrec_port port;
    struct ovsrec_interface interfaces[2];
    struct ovsrec_bridge *bridges[1];
    struct ovsrec_port *ports[1];
    struct ovsrec_interface *members[2];
    int64_t number;
};

static void rows_init(struct rows *rows, const char *bridge, const char *interface, const char *type)
{
    memset(rows, 0, sizeof *rows);
    smap_init(&rows->root.other_config);
    smap_init(&rows->bridge.other_config);
    rows->bridge.name = (char *)bridge;
    rows->bridge.datapath_type = (char *)"netdev";
    rows->port.name = (char *)interface;
    for (int i = 0; i < 2; i++) {
        rows->interfaces[i].name = i == 0 ? (char *)interface : (char *)"second";
        rows->interfaces[i].type = (char *)type;
        smap_init(&rows->interfaces[i].options);
        rows->members[i] = &rows->interfaces[i];
    }
    rows->port.interfaces = rows->members;
    rows->port.n_interfaces = 1;
    rows->ports[0] = &rows->port;
    rows->bridge.ports = rows->ports;
    rows->bridge.n_ports = 1;
    rows->bridges[0] = &rows->bridge;
    rows->root.bridges = rows->bridges;
    rows->root.n_bridges = 1;
}

static void rows_destroy(struct rows *rows)
{
    smap_destroy(&rows->bridge.other_config);
    for (int i = 0; i < 2; i++)
        smap_destroy(&rows->interfaces[i].options);
}

static void desired_bridge_has_its_own_port(void **state)
{
    const struct desired_interface *local;
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "br0", "eth0", "");
    desired_init(&desired, &rows.root);
    local = shash_find_data(&desired.interfaces, "br0");
    assert_non_null(local);
    assert_true(local->local);
    assert_null(local->row);
    assert_string_equal(local->settings->type, "internal");
    assert_int_equal(local->ofport_request, 65534);
    desired_destroy(&desired);
    rows_destroy(&rows);
}

static void desired_empty_type_is_system(void **state)
{
    const struct desired_interface *interface;
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "br0", "eth0", "");
    desired_init(&desired, &rows.root);
    interface = shash_find_data(&desired.interfaces, "eth0");
    assert_string_equal(interface->settings->type, "system");
    assert_null(interface->refused);
    assert_false(interface->local);
    desired_destroy(&desired);
    rows_destroy(&rows);
}

static void desired_bridge_name_with_slash_is_ignored(void **state)
{
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "../br0", "eth0", "");
    desired_init(&desired, &rows.root);
    assert_true(shash_is_empty(&desired.bridges));
    assert_true(shash_is_empty(&desired.interfaces));
    desired_destroy(&desired);
    rows_destroy(&rows);
}

static void desired_unknown_datapath_refuses_its_interfaces(void **state)
{
    const struct desired_interface *interface;
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "br0", "eth0", "");
    rows.bridge.datapath_type = (char *)"bogus";
    desired_init(&desired, &rows.root);
    interface = shash_find_data(&desired.interfaces, "eth0");
    assert_non_null(interface->refused);
    assert_null(shash_find(&desired.interfaces, "br0"));
    desired_destroy(&desired);
    rows_destroy(&rows);
}

static void desired_bond_is_refused_with_a_sentence(void **state)
{
    const struct desired_interface *interface;
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "br0", "first", "dpdk");
    rows.port.n_interfaces = 2;
    desired_init(&desired, &rows.root);
    interface = shash_find_data(&desired.interfaces, "second");
    assert_non_null(interface->refused);
    assert_non_null(((struct desired_interface *)shash_find_data(&desired.interfaces, "first"))->refused);
    desired_destroy(&desired);
    rows_destroy(&rows);
}

static void desired_mtu_out_of_range_is_a_complaint(void **state)
{
    static const int64_t bad[] = {-1, 0, 67, 9703, 1 << 20};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct desired_interface *interface;
        struct desired desired;
        struct rows rows;

        rows_init(&rows, "br0", "eth0", "");
        rows.number = bad[i];
        rows.interfaces[0].mtu_request = &rows.number;
        rows.interfaces[0].n_mtu_request = 1;
        desired_init(&desired, &rows.root);
        interface = shash_find_data(&desired.interfaces, "eth0");
        assert_non_null(interface->complaint);
        assert_null(interface->refused);
        assert_int_equal(interface->settings->mtu, 0);
        desired_destroy(&desired);
        rows_destroy(&rows);
    }
}

static void desired_bridge_options_out_of_range_fall_back(void **state)
{
    const struct desired_bridge *bridge;
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "br0", "eth0", "");
    smap_add(&rows.bridge.other_config, "mac-aging-time", "soon");
    smap_add(&rows.bridge.other_config, "mac-table-size", "99999999999999999999");
    smap_add(&rows.bridge.other_config, "hwaddr", "01:00:5e:00:00:01");
    desired_init(&desired, &rows.root);
    bridge = shash_find_data(&desired.bridges, "br0");
    assert_int_equal(bridge->aging_s, 300);
    assert_int_equal(bridge->table_size, 1000000);
    assert_false(bridge->has_mac);
    desired_destroy(&desired);
    rows_destroy(&rows);
}

static void desired_interface_on_two_ports_counts_once(void **state)
{
    struct ovsrec_port *ports[2];
    struct desired desired;
    struct rows rows;

    rows_init(&rows, "br0", "eth0", "");
    ports[0] = ports[1] = &rows.port;
    rows.bridge.ports = ports;
    rows.bridge.n_ports = 2;
    desired_init(&desired, &rows.root);
    assert_int_equal(shash_count(&desired.interfaces), 2); /* eth0 and br0 */
    desired_destroy(&desired);
    rows_destroy(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(desired_bridge_has_its_own_port),
        cmocka_unit_test(desired_empty_type_is_system),
        cmocka_unit_test(desired_bridge_name_with_slash_is_ignored),
        cmocka_unit_test(desired_unknown_datapath_refuses_its_interfaces),
        cmocka_unit_test(desired_bond_is_refused_with_a_sentence),
        cmocka_unit_test(desired_mtu_out_of_range_is_a_complaint),
        cmocka_unit_test(desired_bridge_options_out_of_range_fall_back),
        cmocka_unit_test(desired_interface_on_two_ports_counts_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
