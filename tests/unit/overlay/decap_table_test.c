// SPDX-License-Identifier: Apache-2.0
#include "overlay/decap_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_ENTRIES   400
#define N_ENDPOINTS 20

static struct decap_entry random_entry(void)
{
    return (struct decap_entry){.type = (enum tunnel_type)(random() % 2),
                                .remote = 1 + (uint32_t)random() % 8,
                                .local = (uint32_t)random() % 4,
                                .vni = (uint32_t)random() % 16,
                                .dst_port = (uint16_t)(1 + random() % 3),
                                .attachment = (uint32_t)random()};
}

/* The rule as the header words it: a local address before none, else the first. */
static const struct decap_entry *naive_entry(const struct decap_entry *entries, size_t n,
                                             const struct decap_entry *packet)
{
    const struct decap_entry *any = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct decap_entry *e = &entries[i];

        if (e->type != packet->type || e->remote != packet->remote || e->vni != packet->vni ||
            e->dst_port != packet->dst_port)
            continue;
        if (e->local == packet->local)
            return e;
        if (e->local == 0 && any == NULL)
            any = e;
    }
    return any;
}

static void decap_table_finds_what_a_naive_search_finds(void **state)
{
    struct decap_entry entries[N_ENTRIES];

    srandom(30);
    print_message("seed 30\n");
    for (int round = 0; round < 50; round++) {
        size_t n = (size_t)random() % (N_ENTRIES + 1);
        struct decap_table *table;

        for (size_t i = 0; i < n; i++)
            entries[i] = random_entry();
        table = decap_table_create(NULL, 0, entries, n);
        assert_non_null(table);
        for (int i = 0; i < 2000; i++) {
            struct decap_entry packet = random_entry();
            const struct decap_entry *expected;
            const struct decap_entry_slot *found;

            packet.local = 1 + packet.local % 3;
            expected = naive_entry(entries, n, &packet);
            found = decap_table_entry(table, packet.type, packet.remote, packet.local, packet.vni, packet.dst_port);
            assert_int_equal(found != NULL, expected != NULL);
            if (found != NULL)
                assert_int_equal(found->attachment, expected->attachment);
        }
        decap_table_destroy(table);
    }
}

static void decap_table_knows_remotes_of_entries_only(void **state)
{
    struct decap_entry entries[N_ENTRIES];
    struct decap_table *table;

    for (uint32_t i = 0; i < N_ENTRIES; i++)
        entries[i] = (struct decap_entry){.type = TUNNEL_VXLAN, .remote = (i * 7919) % N_ENTRIES * 2 + 1, .vni = i};
    table = decap_table_create(NULL, 0, entries, N_ENTRIES);
    for (uint32_t addr = 0; addr < 2 * N_ENTRIES + 2; addr++)
        assert_int_equal(decap_table_knows_remote(table, addr), addr % 2 == 1 && addr < 2 * N_ENTRIES);
    decap_table_destroy(table);
}

static void decap_table_endpoint_is_address_bridge_and_vlan(void **state)
{
    struct decap_endpoint endpoints[N_ENDPOINTS];
    struct decap_table *table;

    for (uint16_t i = 0; i < N_ENDPOINTS; i++)
        endpoints[i] = (struct decap_endpoint){
            .addr = 1 + i % 3u, .bridge = i % 2, .vlan = i, .mac = {{2, 0, 0, 0, 0, (uint8_t)i}}};
    table = decap_table_create(endpoints, N_ENDPOINTS, NULL, 0);
    for (uint32_t n = 0; n < 5 * 3 * (N_ENDPOINTS + 1); n++) {
        uint32_t addr = n % 5;
        uint16_t bridge = (uint16_t)(n / 5 % 3);
        uint16_t vlan = (uint16_t)(n / 15);
        const struct decap_endpoint_slot *slot = decap_table_endpoint(table, addr, bridge, vlan);
        bool expected = vlan < N_ENDPOINTS && addr == 1u + vlan % 3 && bridge == vlan % 2;

        assert_int_equal(slot != NULL, expected);
        if (slot != NULL)
            assert_int_equal(slot->mac.bytes[5], vlan);
    }
    decap_table_destroy(table);
}

static void decap_table_port_has_one_type(void **state)
{
    const struct decap_entry entries[] = {
        {.type = TUNNEL_GENEVE, .remote = 1, .dst_port = 6081},
        {.type = TUNNEL_VXLAN, .remote = 1, .dst_port = 6081},
        {.type = TUNNEL_VXLAN, .remote = 1, .dst_port = 65535},
    };
    struct decap_table *table = decap_table_create(NULL, 0, entries, 3);

    assert_int_equal(table->port_types[6081], TUNNEL_GENEVE);
    assert_int_equal(table->port_types[65535], TUNNEL_VXLAN);
    assert_int_equal(table->port_types[0], DECAP_NO_TYPE);
    assert_int_equal(table->port_types[4789], DECAP_NO_TYPE);
    decap_table_destroy(table);
}

static void decap_table_without_endpoint_or_entry_is_empty(void **state)
{
    const struct decap_endpoint endpoint = {.addr = 1};
    const struct decap_entry entry = {.remote = 1, .dst_port = 4789};

    for (size_t n = 0; n < 4; n++) {
        struct decap_table *table = decap_table_create(&endpoint, n & 1, &entry, n >> 1);

        assert_int_equal(decap_table_is_empty(table), n != 3);
        decap_table_destroy(table);
    }
    decap_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decap_table_finds_what_a_naive_search_finds),
        cmocka_unit_test(decap_table_knows_remotes_of_entries_only),
        cmocka_unit_test(decap_table_endpoint_is_address_bridge_and_vlan),
        cmocka_unit_test(decap_table_port_has_one_type),
        cmocka_unit_test(decap_table_without_endpoint_or_entry_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
