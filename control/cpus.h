// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The processors of this machine, as the database names them. Control thread. */

#define CPUS_MAX 1024

/* CPU numbers of a mask written in hexadecimal, with or without 0x ("0x6": 1 and 2), ascending. Returns how many (at
 * most 'max'), or -EINVAL when the text is no such mask. Zero bits set is 0. */
int cpus_from_mask(const char *mask, unsigned int *cpus, size_t max);

/* The NUMA node of a CPU; 0 when it is not known. */
unsigned int cpus_numa_node(unsigned int cpu);

/* Could a worker run there? Also on CPUs that this process does not run on by itself: those that the kernel keeps free of
 * everything (isolcpus=), or that a service manager left out, are just those that workers are given. Not when a cpuset forbids
 * it. */
bool cpus_is_usable(unsigned int cpu);

/* The CPUs that this process ran on when it started (cpus_remember() was called), ascending: where all but workers runs, and
 * a worker that nobody has chosen a CPU for. */
void cpus_remember(void);
unsigned int cpus_first(void);
unsigned int cpus_last(void);
/* Lets the calling thread run on all of them again. */
void cpus_restore(void);

/* Keeps all threads of the process but the workers off the CPUs that workers have, so that nothing the control side does
 * takes a worker's time; where no other CPU is left they may run anywhere. For every change of the workers; threads made
 * later follow their maker. */
void cpus_leave_to_workers(const unsigned int *cpus, size_t n);
