// SPDX-License-Identifier: Apache-2.0
/* The VLAN matrix: every mode against every kind of frame, in and out, as ovs-vswitchd.conf.db(5) has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dataplane/core/packet.h"
#include "dataplane/vlan.h"

#define TAGGED(ID) ((ID) | PACKET_VLAN_PRESENT)
#define REFUSED    (-1)

static struct vlan_config config_of(enum vlan_mode mode, uint16_t tag, int trunk)
{
    struct vlan_config config = {.mode = mode, .tag = tag, .all_trunks = trunk < 0};

    if (trunk >= 0)
        config.trunks[trunk / 64] |= 1ULL << (trunk % 64);
    return config;
}

static void ingress_matrix(void **state)
{
    static const struct {
        enum vlan_mode mode;
        uint16_t tag;
        int trunk; /* -1: all */
        uint16_t vlan;
        int id;
    } rows[] = {
        {VLAN_ACCESS, 10, -1, 0, 10},
        {VLAN_ACCESS, 10, -1, TAGGED(0), 10},
        {VLAN_ACCESS, 10, -1, TAGGED(10), REFUSED},
        {VLAN_ACCESS, 10, -1, TAGGED(20), REFUSED},
        {VLAN_TRUNK, 0, -1, 0, 0},
        {VLAN_TRUNK, 0, -1, TAGGED(20), 20},
        {VLAN_TRUNK, 0, -1, TAGGED(0), 0},
        {VLAN_TRUNK, 0, 20, TAGGED(20), 20},
        {VLAN_TRUNK, 0, 20, TAGGED(21), REFUSED},
        {VLAN_TRUNK, 0, 20, 0, REFUSED},
        {VLAN_TRUNK, 0, 0, 0, 0},
        {VLAN_NATIVE_TAGGED, 10, 20, 0, 10},
        {VLAN_NATIVE_TAGGED, 10, 20, TAGGED(10), 10},
        {VLAN_NATIVE_TAGGED, 10, 20, TAGGED(20), 20},
        {VLAN_NATIVE_TAGGED, 10, 20, TAGGED(30), REFUSED},
        {VLAN_NATIVE_UNTAGGED, 10, 20, 0, 10},
        {VLAN_NATIVE_UNTAGGED, 10, 20, TAGGED(0), 10},
        {VLAN_NATIVE_UNTAGGED, 10, 20, TAGGED(10), 10},
        {VLAN_NATIVE_UNTAGGED, 10, 20, TAGGED(30), REFUSED},
        {VLAN_NATIVE_UNTAGGED, 10, -1, TAGGED(4095), 4095},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vlan_config config = config_of(rows[i].mode, rows[i].tag, rows[i].trunk);
        uint16_t id = 0;
        bool taken = vlan_ingress(&config, rows[i].vlan, &id);

        if (taken != (rows[i].id != REFUSED) || (taken && id != rows[i].id))
            fail_msg("ingress row %zu: taken %d, id %d", i, taken, id);
    }
}

static void egress_matrix(void **state)
{
    enum { NO = -1, UNTAGGED, WITH_TAG };
    static const struct {
        enum vlan_mode mode;
        uint16_t tag;
        int trunk;
        uint16_t id;
        int leaves;
    } rows[] = {
        {VLAN_ACCESS, 10, -1, 10, UNTAGGED},
        {VLAN_ACCESS, 10, -1, 20, NO},
        {VLAN_ACCESS, 10, -1, 0, NO},
        {VLAN_TRUNK, 0, -1, 0, UNTAGGED},
        {VLAN_TRUNK, 0, -1, 20, WITH_TAG},
        {VLAN_TRUNK, 0, 20, 20, WITH_TAG},
        {VLAN_TRUNK, 0, 20, 21, NO},
        {VLAN_TRUNK, 0, 20, 0, NO},
        {VLAN_NATIVE_TAGGED, 10, 20, 10, WITH_TAG},
        {VLAN_NATIVE_TAGGED, 10, 20, 20, WITH_TAG},
        {VLAN_NATIVE_TAGGED, 10, 20, 30, NO},
        {VLAN_NATIVE_UNTAGGED, 10, 20, 10, UNTAGGED},
        {VLAN_NATIVE_UNTAGGED, 10, 20, 20, WITH_TAG},
        {VLAN_NATIVE_UNTAGGED, 10, 20, 30, NO},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vlan_config config = config_of(rows[i].mode, rows[i].tag, rows[i].trunk);
        bool tagged = false;
        bool leaves = vlan_egress(&config, rows[i].id, &tagged);

        if (leaves != (rows[i].leaves != NO) || (leaves && tagged != (rows[i].leaves == WITH_TAG)))
            fail_msg("egress row %zu: leaves %d, tagged %d", i, leaves, tagged);
    }
}

static void blocked_port_takes_and_gives_nothing(void **state)
{
    struct vlan_config config = config_of(VLAN_TRUNK, 4095, 4095);
    bool tagged;
    uint16_t id;

    config.blocked = true;
    assert_false(vlan_ingress(&config, TAGGED(4095), &id));
    assert_false(vlan_ingress(&config, 0, &id));
    assert_false(vlan_egress(&config, 4095, &tagged));
}

static void change_follows_from_both_ends(void **state)
{
    assert_int_equal(vlan_change(0, 10, true), VLAN_PUSH);
    assert_int_equal(vlan_change(0, 10, false), VLAN_KEEP);
    assert_int_equal(vlan_change(TAGGED(10), 10, true), VLAN_KEEP);
    assert_int_equal(vlan_change(TAGGED(10), 10, false), VLAN_POP);
    assert_int_equal(vlan_change(TAGGED(0), 10, true), VLAN_SET);
    assert_int_equal(vlan_change(TAGGED(0), 0, false), VLAN_POP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingress_matrix),
        cmocka_unit_test(egress_matrix),
        cmocka_unit_test(blocked_port_takes_and_gives_nothing),
        cmocka_unit_test(change_follows_from_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
