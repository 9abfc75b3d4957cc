// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct smap;

/* The arguments of DPDK's environment abstraction layer, made from Open_vSwitch.other_config. */
#define EAL_ARGS_MAX 128

struct eal_args {
    int argc;
    char *argv[EAL_ARGS_MAX + 1]; /* NULL-terminated; each allocated */
    bool from_user;               /* something in them was asked for by the database */
    bool no_huge;                 /* ordinary memory instead of hugepages */
    bool fallback;                /* ... because there is no free hugepage, not because the database says so */
};

/* What the machine offers. */
struct eal_machine {
    bool hugepages_free;
    unsigned int cpu; /* for the main lcore, which only ever runs the control thread */
};

/* Fills 'args' from the keys dpdk-extra, dpdk-lcore-mask, dpdk-socket-mem, dpdk-socket-limit, dpdk-alloc-mem and
 * dpdk-hugepage-dir; dpdk-extra wins over the others. 'other_config' NULL: defaults only. */
void eal_args_build(struct eal_args *args, const struct smap *other_config, const struct eal_machine *machine);
void eal_args_destroy(struct eal_args *args);
/* The arguments in one line for the log; the caller frees it. */
char *eal_args_format(const struct eal_args *args);
