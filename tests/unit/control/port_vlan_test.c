// SPDX-License-Identifier: Apache-2.0
#include "control/vlan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <vswitch-idl.h>

#include <cmocka.h>

static int64_t tag_value;

/* A Port row with the given columns; 'tag' -1 is none. */
static struct ovsrec_port port(const char *mode, int64_t tag, int64_t *trunks, size_t n_trunks)
{
    struct ovsrec_port row;

    memset(&row, 0, sizeof row);
    tag_value = tag;
    row.vlan_mode = (char *)mode;
    row.tag = &tag_value;
    row.n_tag = tag >= 0 ? 1 : 0;
    row.trunks = trunks;
    row.n_trunks = n_trunks;
    return row;
}

static bool carries(const struct vlan_config *vlan, unsigned int id)
{
    return vlan->all_trunks || (vlan->trunks[id / 64] & (UINT64_C(1) << (id % 64)));
}

static void vlan_no_columns_is_trunk_of_all(void **state)
{
    struct ovsrec_port row = port(NULL, -1, NULL, 0);
    struct vlan_config vlan;

    assert_null(vlan_config_from_port(&row, &vlan));
    assert_int_equal(vlan.mode, VLAN_TRUNK);
    assert_true(vlan.all_trunks);
    assert_false(vlan.blocked);
}

static void vlan_tag_alone_is_access(void **state)
{
    struct ovsrec_port row = port(NULL, 10, NULL, 0);
    struct vlan_config vlan;

    assert_null(vlan_config_from_port(&row, &vlan));
    assert_int_equal(vlan.mode, VLAN_ACCESS);
    assert_int_equal(vlan.tag, 10);
    assert_false(vlan.blocked);
}

static void vlan_access_ignores_trunks_and_says_so(void **state)
{
    int64_t trunks[] = {20};
    struct ovsrec_port row = port(NULL, 10, trunks, 1);
    struct vlan_config vlan;

    assert_non_null(vlan_config_from_port(&row, &vlan));
    assert_int_equal(vlan.mode, VLAN_ACCESS);
    assert_false(carries(&vlan, 20));
}

static void vlan_trunk_carries_what_is_listed(void **state)
{
    int64_t trunks[] = {0, 5, 4095};
    struct ovsrec_port row = port("trunk", 10, trunks, 3);
    struct vlan_config vlan;

    assert_null(vlan_config_from_port(&row, &vlan));
    assert_int_equal(vlan.mode, VLAN_TRUNK);
    assert_int_equal(vlan.tag, 0);
    assert_true(carries(&vlan, 0) && carries(&vlan, 5) && carries(&vlan, 4095));
    assert_false(carries(&vlan, 10));
    assert_false(vlan.blocked);
}

static void vlan_native_is_among_its_trunks(void **state)
{
    int64_t trunks[] = {20};
    struct ovsrec_port row = port("native-untagged", 10, trunks, 1);
    struct vlan_config vlan;

    assert_null(vlan_config_from_port(&row, &vlan));
    assert_int_equal(vlan.mode, VLAN_NATIVE_UNTAGGED);
    assert_true(carries(&vlan, 10) && carries(&vlan, 20));
    row.vlan_mode = (char *)"native-tagged";
    vlan_config_from_port(&row, &vlan);
    assert_int_equal(vlan.mode, VLAN_NATIVE_TAGGED);
    assert_int_equal(vlan.tag, 10);
}

static void vlan_dead_triple_blocks(void **state)
{
    int64_t trunks[] = {4095};
    struct ovsrec_port row = port("trunk", 4095, trunks, 1);
    struct vlan_config vlan;

    vlan_config_from_port(&row, &vlan);
    assert_true(vlan.blocked);
    row = port(NULL, 4095, NULL, 0);
    vlan_config_from_port(&row, &vlan);
    assert_true(vlan.blocked);
}

static void vlan_unknown_mode_blocks_and_says_so(void **state)
{
    struct ovsrec_port row = port("dot1q-tunnel", 10, NULL, 0);
    struct vlan_config vlan;

    assert_non_null(vlan_config_from_port(&row, &vlan));
    assert_true(vlan.blocked);
}

static void vlan_numbers_out_of_range_do_no_harm(void **state)
{
    int64_t trunks[] = {-1, 4096, INT64_MAX};
    struct ovsrec_port row = port("trunk", 5000, trunks, 3);
    struct vlan_config vlan;

    vlan_config_from_port(&row, &vlan);
    assert_false(vlan.all_trunks);
    for (unsigned int id = 0; id < 4096; id++)
        assert_false(carries(&vlan, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vlan_no_columns_is_trunk_of_all),
        cmocka_unit_test(vlan_tag_alone_is_access),
        cmocka_unit_test(vlan_access_ignores_trunks_and_says_so),
        cmocka_unit_test(vlan_trunk_carries_what_is_listed),
        cmocka_unit_test(vlan_native_is_among_its_trunks),
        cmocka_unit_test(vlan_dead_triple_blocks),
        cmocka_unit_test(vlan_unknown_mode_blocks_and_says_so),
        cmocka_unit_test(vlan_numbers_out_of_range_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
