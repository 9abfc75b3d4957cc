// SPDX-License-Identifier: Apache-2.0
#include "control/cpus.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cpu_set_t allowed;

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int cpus_from_mask(const char *mask, unsigned int *cpus, size_t max)
{
    size_t n = 0, len;

    if (mask[0] == '0' && (mask[1] == 'x' || mask[1] == 'X'))
        mask += 2;
    len = strlen(mask);
    if (len == 0 || len > CPUS_MAX / 4)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (hex_value(mask[i]) < 0)
            return -EINVAL;
    }
    for (unsigned int cpu = 0; cpu < len * 4 && n < max; cpu++) {
        if (hex_value(mask[len - 1 - cpu / 4]) & (1 << (cpu % 4)))
            cpus[n++] = cpu;
    }
    return (int)n;
}

#define NUMA_NODES_MAX 64

unsigned int cpus_numa_node(unsigned int cpu)
{
    for (unsigned int node = 0; node < NUMA_NODES_MAX; node++) {
        char path[64];

        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
        if (access(path, F_OK) == 0)
            return node;
    }
    return 0;
}

void cpus_remember(void)
{
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0 || CPU_COUNT(&allowed) == 0) {
        CPU_ZERO(&allowed);
        CPU_SET(0, &allowed);
    }
}

bool cpus_is_usable(unsigned int cpu)
{
    cpu_set_t present, there;
    bool usable;

    if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof present, &present) < 0)
        return false;
    CPU_ZERO(&there);
    CPU_SET(cpu, &there);
    usable = sched_setaffinity(0, sizeof there, &there) == 0;
    sched_setaffinity(0, sizeof present, &present);
    return usable;
}

unsigned int cpus_first(void)
{
    for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed))
            return cpu;
    }
    return 0;
}

unsigned int cpus_last(void)
{
    for (unsigned int cpu = CPU_SETSIZE; cpu-- > 0;) {
        if (CPU_ISSET(cpu, &allowed))
            return cpu;
    }
    return 0;
}

void cpus_restore(void)
{
    sched_setaffinity(0, sizeof allowed, &allowed);
}

/* Workers name themselves "worker0" and so on, and bind themselves. */
static bool is_worker(int task)
{
    char path[64], name[16] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", task);
    file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(name, sizeof name, file) == NULL)
            name[0] = '\0';
        fclose(file);
    }
    return strncmp(name, "worker", 6) == 0;
}

void cpus_leave_to_workers(const unsigned int *cpus, size_t n)
{
    cpu_set_t others = allowed;
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;

    for (size_t i = 0; i < n; i++)
        CPU_CLR(cpus[i], &others);
    if (CPU_COUNT(&others) == 0)
        others = allowed;
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        int task = atoi(entry->d_name);

        /* One that has ended meanwhile does not mind. */
        if (task > 0 && !is_worker(task))
            sched_setaffinity(task, sizeof others, &others);
    }
    if (tasks != NULL)
        closedir(tasks);
}
