// SPDX-License-Identifier: Apache-2.0
#include "control/hugepages.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long read_number(const char *folder, const char *name)
{
    unsigned long n = 0;
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%lu", &n) != 1)
            n = 0;
        fclose(file);
    }
    return n;
}

/* The number in ".../hugepages-2048kB". */
static unsigned long page_size(const char *folder)
{
    const char *number = strrchr(folder, '-');

    return number != NULL ? strtoul(number + 1, NULL, 10) : 0;
}

static int compare(const void *a, const void *b)
{
    const struct hugepages *x = a, *y = b;

    return x->page_kib < y->page_kib ? -1 : x->page_kib > y->page_kib;
}

size_t hugepages_read(int node, struct hugepages sizes[HUGEPAGES_SIZES_MAX])
{
    char pattern[128];
    glob_t paths;
    size_t n = 0;

    snprintf(pattern, sizeof pattern, "/sys/devices/system/node/node%d/hugepages/hugepages-*", node);
    if (glob(pattern, 0, NULL, &paths) != 0)
        return 0;
    for (; n < paths.gl_pathc && n < HUGEPAGES_SIZES_MAX; n++) {
        const char *folder = paths.gl_pathv[n];

        sizes[n] = (struct hugepages){
            .page_kib = page_size(folder),
            .total = read_number(folder, "nr_hugepages"),
            .free = read_number(folder, "free_hugepages"),
        };
    }
    globfree(&paths);
    qsort(sizes, n, sizeof *sizes, compare);
    return n;
}

unsigned long hugepages_free_kib(void)
{
    unsigned long kib = 0;
    glob_t paths;

    if (glob("/sys/kernel/mm/hugepages/hugepages-*", 0, NULL, &paths) != 0)
        return 0;
    for (size_t i = 0; i < paths.gl_pathc; i++)
        kib += page_size(paths.gl_pathv[i]) * read_number(paths.gl_pathv[i], "free_hugepages");
    globfree(&paths);
    return kib;
}
