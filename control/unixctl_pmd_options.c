// SPDX-License-Identifier: Apache-2.0
#include "control/unixctl_pmd_options.h"

#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <util.h>

#include "control/cpus.h"
#include "control/vswitch.h"

void pmd_options_read(int argc, const char *argv[], struct pmd_options *options)
{
    *options = (struct pmd_options){0};
    for (int i = 1; i + 1 < argc; i++) {
        unsigned int value;

        if (argv[i][0] != '-' || !str_to_uint(argv[i + 1], 10, &value))
            continue;
        if (strcmp(argv[i], "-pmd") == 0) {
            options->one = true;
            options->cpu = value;
        } else if (strcmp(argv[i], "-secs") == 0) {
            options->seconds = value;
        }
        i++;
    }
}

size_t pmd_options_workers(const struct vswitch *vswitch, const struct pmd_options *options,
                           struct worker_facts workers[WORKERS_MAX])
{
    size_t n = vswitch_has_data_plane(vswitch) ? worker_list(workers) : 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (!options->one || workers[i].cpu == options->cpu)
            workers[kept++] = workers[i];
    }
    return kept;
}

void pmd_options_put_heading(struct ds *out, const struct worker_facts *worker)
{
    ds_put_format(out, "pmd thread numa_id %u core_id %u:\n", cpus_numa_node(worker->cpu), worker->cpu);
}
