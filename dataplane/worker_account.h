// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/port.h"
#include "dataplane/cycles.h"

/* What the workers are and what they have done, as plain values for the control side. Control thread. */

struct worker_facts {
    unsigned int id;
    unsigned int cpu;
    bool isolated; /* polls only queues that are bound to its CPU */
};

/* The running workers in the order of their CPUs. Returns how many. */
size_t worker_list(struct worker_facts facts[WORKERS_MAX]);

struct worker_account {
    uint64_t counts[COUNT_N];
    uint64_t tx_bursts;
    uint64_t tx_packets;
    uint64_t hits;
    uint64_t misses;
    uint64_t lost;
    uint64_t stage_clocks[CYCLES_N];
    uint64_t stage_packets[CYCLES_N];
};

/* Since the worker was started; all zero when there is no worker of that id. */
void worker_account_read(unsigned int id, struct worker_account *account);
/* Takes from 'account' what 'base' has; what has become less (the worker was started anew) stays. */
void worker_account_subtract(struct worker_account *account, const struct worker_account *base);

/* The account by stage (other_config:pmd-perf-metrics); off at the start. */
void worker_account_by_stage(bool on);
/* "rx", "decap", ... */
const char *cycle_stage_name(enum cycle_stage stage);
