// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

/* The kernel's hugepages. Any thread. */

#define HUGEPAGES_SIZES_MAX 4
struct hugepages {
    unsigned long page_kib;
    unsigned long total;
    unsigned long free;
};
/* Those of one NUMA node, smallest pages first; returns how many sizes there are. */
size_t hugepages_read(int node, struct hugepages sizes[HUGEPAGES_SIZES_MAX]);

/* Free ones of all sizes and nodes together. */
unsigned long hugepages_free_kib(void);
