// SPDX-License-Identifier: Apache-2.0
#include "control/rxq_affinity.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/vlog.h>
#include <util.h>

#include "control/applied.h"
#include "control/cpus.h"
#include "dataplane/worker_account.h"

VLOG_DEFINE_THIS_MODULE(rxq_affinity);

static bool parse_pair(char *pair, uint16_t cpus[PORT_QUEUES_MAX])
{
    char *colon = strchr(pair, ':');
    unsigned int queue, cpu;

    if (colon == NULL)
        return false;
    *colon = '\0';
    if (!str_to_uint(pair, 10, &queue) || !str_to_uint(colon + 1, 10, &cpu) || queue >= PORT_QUEUES_MAX ||
        cpu >= CPUS_MAX)
        return false;
    cpus[queue] = (uint16_t)(cpu + 1);
    return true;
}

bool rxq_affinity_parse(const char *text, uint16_t cpus[PORT_QUEUES_MAX])
{
    char *copy = nullable_xstrdup(text);
    char *rest = copy, *pair;
    bool good = true;

    memset(cpus, 0, PORT_QUEUES_MAX * sizeof cpus[0]);
    while (rest != NULL && (pair = strsep(&rest, ", ")) != NULL) {
        if (pair[0] != '\0' && !parse_pair(pair, cpus))
            good = false;
    }
    free(copy);
    return good;
}

void rxq_affinity_read(struct interface *interface, const char *text)
{
    if (nullable_string_is_equal(text, interface->rxq_affinity))
        return;
    free(interface->rxq_affinity);
    interface->rxq_affinity = nullable_xstrdup(text);
    if (!rxq_affinity_parse(text, interface->rxq_cpus))
        VLOG_WARN(
            "interface %s: other_config:pmd-rxq-affinity \"%s\" is not a list of QUEUE:CPU; what of it is none is "
            "ignored",
            interface->settings->name, text);
}

void rxq_affinity_forget(struct interface *interface)
{
    free(interface->rxq_affinity);
    interface->rxq_affinity = NULL;
}

static bool has_worker(const struct worker_facts *workers, size_t n, unsigned int cpu)
{
    for (size_t i = 0; i < n; i++) {
        if (workers[i].cpu == cpu)
            return true;
    }
    return false;
}

/* Says it once for each queue, and again when the worker has been there meanwhile. */
static void warn_of_missing(struct interface *interface, const struct worker_facts *workers, size_t n)
{
    uint32_t missing = 0;

    for (unsigned int q = 0; q < PORT_QUEUES_MAX; q++) {
        if (interface->rxq_cpus[q] == 0 || has_worker(workers, n, interface->rxq_cpus[q] - 1u))
            continue;
        missing |= 1u << q;
        if ((interface->rxq_homeless & 1u << q) == 0)
            VLOG_WARN("interface %s: queue %u cannot be bound to CPU %d: pmd-cpu-mask has no worker there; any worker "
                      "polls it",
                      interface->settings->name, q, interface->rxq_cpus[q] - 1);
    }
    interface->rxq_homeless = missing;
}

void rxq_affinity_apply(struct applied *applied)
{
    struct worker_facts workers[WORKERS_MAX];
    size_t n = worker_list(workers);
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->state != INTERFACE_OPEN || interface->is_tunnel)
            continue;
        for (unsigned int q = 0; q < PORT_QUEUES_MAX; q++) {
            struct rxq_place *place = &interface->port->rxq_places[q];

            if (place->cpu != interface->rxq_cpus[q] && applied_edit(applied) != NULL)
                place->cpu = interface->rxq_cpus[q];
        }
        warn_of_missing(interface, workers, n);
    }
}
