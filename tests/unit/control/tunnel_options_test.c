// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openvswitch/vlog.h>
#include <smap.h>

#include "control/tunnels.h"

struct outcome {
    int result;
    bool carries;
    struct tunnel_config config;
    char *error;
};

/* Options as key, value, key, value ..., NULL. */
static struct outcome read_options(const char *type, ...)
{
    struct smap options = SMAP_INITIALIZER(&options);
    struct outcome outcome = {.error = NULL};
    const char *key;
    va_list args;

    va_start(args, type);
    while ((key = va_arg(args, const char *)) != NULL)
        smap_add(&options, key, va_arg(args, const char *));
    va_end(args);
    outcome.result =
        tunnel_config_from_options("tun0", type, &options, &outcome.config, &outcome.carries, &outcome.error);
    smap_destroy(&options);
    return outcome;
}

static void assert_refused(struct outcome outcome, const char *error)
{
    assert_int_equal(outcome.result, -EINVAL);
    assert_string_equal(outcome.error, error);
    free(outcome.error);
}

static struct tunnel_config assert_taken(struct outcome outcome)
{
    assert_null(outcome.error);
    assert_int_equal(outcome.result, 0);
    return outcome.config;
}

static void vxlan_remote_alone_has_defaults(void **state)
{
    struct outcome outcome = read_options("vxlan", "remote_ip", "10.0.0.2", NULL);
    struct tunnel_config config = assert_taken(outcome);

    assert_true(outcome.carries);
    assert_int_equal(config.type, TUNNEL_VXLAN);
    assert_int_equal(config.remote, inet_addr("10.0.0.2"));
    assert_int_equal(config.local, 0);
    assert_int_equal(config.vni, 0);
    assert_int_equal(config.dst_port, 4789);
    assert_int_equal(config.ttl, 64);
    assert_int_equal(config.tos, 0);
    assert_false(config.ttl_inherit || config.tos_inherit || config.csum);
    assert_true(config.df);
}

static void geneve_with_every_option_is_taken(void **state)
{
    struct tunnel_config config =
        assert_taken(read_options("geneve", "remote_ip", "10.0.0.2", "local_ip", "10.0.0.1", "key", "5000", "dst_port",
                                  "7000", "tos", "0x28", "ttl", "9", "csum", "true", "df_default", "false", NULL));

    assert_int_equal(config.type, TUNNEL_GENEVE);
    assert_int_equal(config.local, inet_addr("10.0.0.1"));
    assert_int_equal(config.vni, 5000);
    assert_int_equal(config.dst_port, 7000);
    assert_int_equal(config.tos, 0x28);
    assert_int_equal(config.ttl, 9);
    assert_true(config.csum);
    assert_false(config.df);
}

static void geneve_port_default_is_6081(void **state)
{
    assert_int_equal(assert_taken(read_options("geneve", "remote_ip", "10.0.0.2", NULL)).dst_port, 6081);
}

static void remote_missing_is_refused(void **state)
{
    assert_refused(read_options("geneve", NULL), "tun0: geneve type requires valid 'remote_ip' argument");
}

static void remote_bad_is_refused_in_two_lines(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "nonsense", NULL),
                   "tun0: bad vxlan 'remote_ip'\ntun0: vxlan type requires valid 'remote_ip' argument");
}

static void remote_host_name_is_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "localhost", NULL),
                   "tun0: bad vxlan 'remote_ip'\ntun0: vxlan type requires valid 'remote_ip' argument");
}

static void remote_ipv6_is_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "fd00::1", NULL),
                   "tun0: remote_ip=fd00::1: tunnels over IPv6 are not supported\n"
                   "tun0: vxlan type requires valid 'remote_ip' argument");
}

static void remote_multicast_is_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "224.0.0.1", NULL),
                   "tun0: multicast remote_ip=224.0.0.1 not allowed\n"
                   "tun0: vxlan type requires valid 'remote_ip' argument");
}

static void local_bad_is_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "10.0.0.2", "local_ip", "x", NULL), "tun0: bad vxlan 'local_ip'");
}

static void flow_port_is_taken_and_carries_nothing(void **state)
{
    struct outcome outcome =
        read_options("vxlan", "remote_ip", "flow", "local_ip", "flow", "in_key", "flow", "out_key", "flow", NULL);

    assert_taken(outcome);
    assert_false(outcome.carries);
    outcome = read_options("vxlan", "remote_ip", "10.0.0.2", "key", "flow", NULL);
    assert_taken(outcome);
    assert_false(outcome.carries);
}

static void local_flow_without_remote_flow_is_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "10.0.0.2", "local_ip", "flow", NULL),
                   "tun0: vxlan type requires 'remote_ip=flow' with 'local_ip=flow'");
}

static void key_decimal_or_hexadecimal_is_taken(void **state)
{
    assert_int_equal(assert_taken(read_options("vxlan", "remote_ip", "10.0.0.2", "key", "16777215", NULL)).vni,
                     0xffffff);
    assert_int_equal(assert_taken(read_options("vxlan", "remote_ip", "10.0.0.2", "key", "0x10", NULL)).vni, 16);
    assert_int_equal(
        assert_taken(read_options("vxlan", "remote_ip", "10.0.0.2", "in_key", "7", "out_key", "7", NULL)).vni, 7);
}

static void key_out_of_range_is_refused(void **state)
{
    static const char *const bad[] = {"16777216", "-1", "ten", "", "1x", "99999999999999999999999"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(read_options("vxlan", "remote_ip", "10.0.0.2", "key", bad[i], NULL),
                       "tun0: bad vxlan 'key': must be 'flow' or a number from 0 to 16777215");
}

static void keys_that_differ_are_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "10.0.0.2", "in_key", "1", "out_key", "2", NULL),
                   "tun0: vxlan with an 'in_key' that differs from its 'out_key' is not supported");
}

static void dst_port_out_of_range_is_refused(void **state)
{
    assert_refused(read_options("vxlan", "remote_ip", "10.0.0.2", "dst_port", "65536", NULL),
                   "tun0: bad vxlan 'dst_port'");
    assert_refused(read_options("vxlan", "remote_ip", "10.0.0.2", "dst_port", "0", NULL), "tun0: bad vxlan 'dst_port'");
}

static void tos_and_ttl_inherit_are_taken(void **state)
{
    struct tunnel_config config =
        assert_taken(read_options("vxlan", "remote_ip", "10.0.0.2", "tos", "inherit", "ttl", "inherit", NULL));

    assert_true(config.tos_inherit);
    assert_true(config.ttl_inherit);
}

static void tos_and_ttl_bad_leave_the_default(void **state)
{
    struct tunnel_config config =
        assert_taken(read_options("vxlan", "remote_ip", "10.0.0.2", "tos", "3", "ttl", "256", NULL));

    assert_int_equal(config.tos, 0);
    assert_int_equal(config.ttl, 64);
}

static void unknown_key_is_only_a_warning(void **state)
{
    assert_true(read_options("vxlan", "remote_ip", "10.0.0.2", "colour", "red", "exts", "gbp", NULL).carries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vxlan_remote_alone_has_defaults),
        cmocka_unit_test(geneve_with_every_option_is_taken),
        cmocka_unit_test(geneve_port_default_is_6081),
        cmocka_unit_test(remote_missing_is_refused),
        cmocka_unit_test(remote_bad_is_refused_in_two_lines),
        cmocka_unit_test(remote_host_name_is_refused),
        cmocka_unit_test(remote_ipv6_is_refused),
        cmocka_unit_test(remote_multicast_is_refused),
        cmocka_unit_test(local_bad_is_refused),
        cmocka_unit_test(flow_port_is_taken_and_carries_nothing),
        cmocka_unit_test(local_flow_without_remote_flow_is_refused),
        cmocka_unit_test(key_decimal_or_hexadecimal_is_taken),
        cmocka_unit_test(key_out_of_range_is_refused),
        cmocka_unit_test(keys_that_differ_are_refused),
        cmocka_unit_test(dst_port_out_of_range_is_refused),
        cmocka_unit_test(tos_and_ttl_inherit_are_taken),
        cmocka_unit_test(tos_and_ttl_bad_leave_the_default),
        cmocka_unit_test(unknown_key_is_only_a_warning),
    };

    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
