// SPDX-License-Identifier: Apache-2.0
#include "control/eal_args.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <smap.h>
#include <util.h>

/* Megabytes of ordinary memory when there are no hugepages: packet buffers, flow caches and sessions fit. */
#define NO_HUGE_MEMORY "1024"

static void add(struct eal_args *args, const char *text)
{
    if (args->argc < EAL_ARGS_MAX)
        args->argv[args->argc++] = xstrdup(text);
}

/* True when one of the space-separated 'options' is among the arguments, alone ("-m"), with its value attached
 * ("-m512") or after an equals sign ("--socket-mem=1"). */
static bool has_option(const struct eal_args *args, const char *options)
{
    char *copy = xstrdup(options), *save = NULL;
    bool found = false;

    for (char *option = strtok_r(copy, " ", &save); option != NULL; option = strtok_r(NULL, " ", &save)) {
        size_t len = strlen(option);

        for (int i = 1; i < args->argc; i++) {
            const char *arg = args->argv[i];

            if (strncmp(arg, option, len) == 0 && (option[1] != '-' || arg[len] == '\0' || arg[len] == '='))
                found = true;
        }
    }
    free(copy);
    return found;
}

static void add_extra(struct eal_args *args, const char *extra)
{
    char *copy = xstrdup(extra), *save = NULL;

    for (char *arg = strtok_r(copy, " \t", &save); arg != NULL; arg = strtok_r(NULL, " \t", &save)) {
        add(args, arg);
        args->from_user = true;
    }
    free(copy);
}

/* --in-memory is the default and widely written out, but EAL refuses it together with --no-huge. */
static void drop_in_memory(struct eal_args *args)
{
    int kept = 1;

    for (int i = 1; i < args->argc; i++) {
        if (strcmp(args->argv[i], "--in-memory") == 0)
            free(args->argv[i]);
        else
            args->argv[kept++] = args->argv[i];
    }
    args->argc = kept;
    args->argv[kept] = NULL;
}

/* Keys with an argument of their own. 'excludes': arguments in dpdk-extra that make the key moot. */
static const struct {
    const char *key;
    const char *option;
    const char *excludes;
    bool hugepages_only;
} keys[] = {
    {"dpdk-lcore-mask", "-c", "-c -l --lcores", false},
    {"dpdk-socket-mem", "--socket-mem", "--socket-mem -m", true},
    {"dpdk-socket-limit", "--socket-limit", "--socket-limit", true},
    {"dpdk-alloc-mem", "-m", "-m --socket-mem", false},
    {"dpdk-hugepage-dir", "--huge-dir", "--huge-dir", true},
};

static void add_keys(struct eal_args *args, const struct smap *other_config)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *value = smap_get(other_config, keys[i].key);

        if (value == NULL || value[0] == '\0' || has_option(args, keys[i].excludes))
            continue;
        if (args->no_huge && keys[i].hugepages_only)
            continue;
        add(args, keys[i].option);
        add(args, value);
        args->from_user = true;
    }
}

static void add_defaults(struct eal_args *args, const struct eal_machine *machine)
{
    if (args->no_huge) {
        if (!has_option(args, "--no-huge"))
            add(args, "--no-huge");
        if (!has_option(args, "-m --socket-mem")) {
            add(args, "-m");
            add(args, NO_HUGE_MEMORY);
        }
        /* This keeps processes apart in place of --in-memory. */
        if (!has_option(args, "--no-shconf --file-prefix"))
            add(args, "--no-shconf");
    } else if (!has_option(args, "--in-memory --legacy-mem")) {
        add(args, "--in-memory");
    }
    /* Only what a port names is probed: a NIC that nobody gave us stays the host's. (No driver takes a host bridge.) */
    if (!has_option(args, "--no-pci -a --allow -b --block")) {
        add(args, "-a");
        add(args, "0000:00:00.0");
    }
    if (!has_option(args, "--telemetry --no-telemetry"))
        add(args, "--no-telemetry");
    if (!has_option(args, "-c -l --lcores")) {
        char cpu[16];

        snprintf(cpu, sizeof cpu, "%u", machine->cpu);
        add(args, "-l");
        add(args, cpu);
    }
}

void eal_args_build(struct eal_args *args, const struct smap *other_config, const struct eal_machine *machine)
{
    const char *extra = other_config != NULL ? smap_get(other_config, "dpdk-extra") : NULL;

    memset(args, 0, sizeof *args);
    add(args, "sluice-vswitchd");
    if (extra != NULL)
        add_extra(args, extra);
    args->no_huge = has_option(args, "--no-huge");
    if (!args->no_huge && !machine->hugepages_free) {
        args->no_huge = true;
        args->fallback = true;
    }
    if (args->no_huge)
        drop_in_memory(args);
    if (other_config != NULL)
        add_keys(args, other_config);
    add_defaults(args, machine);
}

void eal_args_destroy(struct eal_args *args)
{
    for (int i = 0; i < args->argc; i++)
        free(args->argv[i]);
    args->argc = 0;
}

char *eal_args_format(const struct eal_args *args)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    for (int i = 1; i < args->argc; i++)
        ds_put_format(&out, "%s%s", i > 1 ? " " : "", args->argv[i]);
    return ds_steal_cstr(&out);
}
