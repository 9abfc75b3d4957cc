// SPDX-License-Identifier: Apache-2.0
#include "control/eal_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <smap.h>

#include <cmocka.h>

static const struct eal_machine with_hugepages = {.hugepages_free = true, .cpu = 3};
static const struct eal_machine without_hugepages = {.hugepages_free = false, .cpu = 3};

/* The line of arguments for one or two keys of other_config. */
static void assert_args(const struct eal_machine *machine, const char *config[][2], size_t n, const char *expected)
{
    struct smap other_config = SMAP_INITIALIZER(&other_config);
    struct eal_args args;
    char *line;

    for (size_t i = 0; i < n; i++)
        smap_add(&other_config, config[i][0], config[i][1]);
    eal_args_build(&args, &other_config, machine);
    line = eal_args_format(&args);
    assert_string_equal(line, expected);
    assert_null(args.argv[args.argc]);
    free(line);
    eal_args_destroy(&args);
    smap_destroy(&other_config);
}

#define DEFAULTS "-a 0000:00:00.0 --no-telemetry -l 3"

static void eal_args_defaults(void **state)
{
    assert_args(&with_hugepages, NULL, 0, "--in-memory " DEFAULTS);
}

static void eal_args_no_hugepages_fall_back(void **state)
{
    assert_args(&without_hugepages, NULL, 0, "--no-huge -m 1024 --no-shconf " DEFAULTS);
}

static void eal_args_no_huge_asked_for_works_alone(void **state)
{
    const char *config[][2] = {{"dpdk-extra", "--no-huge"}};

    assert_args(&with_hugepages, config, 1, "--no-huge -m 1024 --no-shconf " DEFAULTS);
}

static void eal_args_no_huge_drops_in_memory(void **state)
{
    const char *config[][2] = {{"dpdk-extra", "--in-memory  --no-huge -m 512"}};

    assert_args(&with_hugepages, config, 1, "--no-huge -m 512 --no-shconf " DEFAULTS);
}

static void eal_args_keys_become_options(void **state)
{
    const char *config[][2] = {{"dpdk-socket-mem", "512,0"}, {"dpdk-lcore-mask", "0x1"}};

    assert_args(&with_hugepages, config, 2, "-c 0x1 --socket-mem 512,0 --in-memory -a 0000:00:00.0 --no-telemetry");
}

static void eal_args_extra_wins_over_keys(void **state)
{
    const char *config[][2] = {{"dpdk-socket-mem", "512"}, {"dpdk-extra", "--socket-mem=256 --no-pci -l 1"}};

    assert_args(&with_hugepages, config, 2, "--socket-mem=256 --no-pci -l 1 --in-memory --no-telemetry");
}

static void eal_args_hugepage_keys_do_not_survive_fallback(void **state)
{
    const char *config[][2] = {{"dpdk-socket-mem", "512"}, {"dpdk-hugepage-dir", "/dev/hugepages"}};

    assert_args(&without_hugepages, config, 2, "--no-huge -m 1024 --no-shconf " DEFAULTS);
}

static void eal_args_too_many_are_cut(void **state)
{
    struct smap other_config = SMAP_INITIALIZER(&other_config);
    struct eal_args args;
    char extra[4001];

    for (size_t i = 0; i < sizeof extra - 1; i += 2)
        memcpy(&extra[i], "x ", 2);
    extra[sizeof extra - 1] = '\0';
    smap_add(&other_config, "dpdk-extra", extra);
    eal_args_build(&args, &other_config, &with_hugepages);
    assert_int_equal(args.argc, EAL_ARGS_MAX);
    assert_null(args.argv[EAL_ARGS_MAX]);
    eal_args_destroy(&args);
    smap_destroy(&other_config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eal_args_defaults),
        cmocka_unit_test(eal_args_no_hugepages_fall_back),
        cmocka_unit_test(eal_args_no_huge_asked_for_works_alone),
        cmocka_unit_test(eal_args_no_huge_drops_in_memory),
        cmocka_unit_test(eal_args_keys_become_options),
        cmocka_unit_test(eal_args_extra_wins_over_keys),
        cmocka_unit_test(eal_args_hugepage_keys_do_not_survive_fallback),
        cmocka_unit_test(eal_args_too_many_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
