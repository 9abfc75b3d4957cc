// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "dataplane/worker_account.h"

struct ds;
struct vswitch;

/* What the dpif-netdev/pmd-* commands have in common. Control thread. */

struct pmd_options {
    bool one; /* -pmd was given ... */
    unsigned int cpu;
    unsigned int seconds; /* -secs, 0: not given */
};

/* Reads "[-pmd core] [-secs secs] [dp]" and whatever else ovs-vswitchd takes. Like it, ignores what it does not know and
 * what is no number. */
void pmd_options_read(int argc, const char *argv[], struct pmd_options *options);

/* The workers that the command is about, in the order of their CPUs; none while there is no data plane. */
size_t pmd_options_workers(const struct vswitch *vswitch, const struct pmd_options *options,
                           struct worker_facts workers[WORKERS_MAX]);

/* "pmd thread numa_id 0 core_id 1:" */
void pmd_options_put_heading(struct ds *out, const struct worker_facts *worker);
