// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/dataplane.h"
#include "dataplane/dataplane_private.h"
#include "dataplane/validate.h"

/* Lines looked at and flows copied per turn of the worker's loop: some ten microseconds at most. */
#define SLICE_LINES 2048u
#define SLICE_FLOWS 256u

/* Filled by the worker: it is the only one that may look at its cache. */
struct slice {
    uint32_t first;
    uint32_t n;
    bool end;
    struct {
        struct flow_key key;
        struct flow_entry entry;
        uint32_t idle;
        uint32_t n_outputs;
        struct output head;
    } flows[SLICE_FLOWS];
};

static void copy_slice(void *worker_, void *request)
{
    struct worker *worker = worker_;
    struct slice *slice = request;
    uint32_t lines = flow_cache_line_count(&worker->cache);
    uint32_t last = slice->first + SLICE_LINES < lines ? slice->first + SLICE_LINES : lines;
    uint32_t i;

    slice->n = 0;
    for (i = slice->first; i < last && slice->n < SLICE_FLOWS; i++) {
        const struct flow_entry *entry = &worker->cache.lines[i];
        uint32_t idle;

        if (flow_line_kind(entry) >= FLOW_LINE_EMPTY || (idle = flow_idle(worker, entry)) >= SESSION_CACHE_IDLE)
            continue;
        flow_entry_key(entry, &slice->flows[slice->n].key);
        slice->flows[slice->n].entry = *entry;
        slice->flows[slice->n].idle = idle;
        slice->flows[slice->n].n_outputs = 0;
        if (entry->flags & FLOW_LIST) {
            slice->flows[slice->n].head = worker->outputs.outputs[entry->action];
            for (uint32_t o = entry->action; o != 0; o = worker->outputs.outputs[o].next)
                slice->flows[slice->n].n_outputs++;
        }
        slice->n++;
    }
    slice->first = i;
    slice->end = i == lines;
}

static const char *port_name(uint16_t index)
{
    const struct port *port = snapshot_port(dataplane_current(), index);

    return port ? port->name : "?";
}

static void format_action(const struct flow_entry *entry, const struct output *head, uint32_t n_outputs, char *buf,
                          size_t size)
{
    int n;

    if (entry->flags & FLOW_DROP) {
        snprintf(buf, size, "drop(%s)", drop_reason_name((enum drop_reason)entry->action));
        return;
    }
    n = snprintf(buf, size, "%s%s%s%s", entry->session ? (entry->flags & FLOW_REPLY ? "ct(rpl)," : "ct(orig),") : "",
                 entry->flags & FLOW_VLAN_PUSH ? "push_vlan," : "", entry->flags & FLOW_VLAN_POP ? "pop_vlan," : "",
                 entry->flags & FLOW_VLAN_SET ? "set_vlan," : "");
    if ((entry->flags & FLOW_LIST) == 0)
        snprintf(buf + n, size - (size_t)n, "%s", port_name(entry->out.port));
    else if (n_outputs > 1)
        snprintf(buf + n, size - (size_t)n, "flood(%u outputs)", n_outputs);
    else if (head->encapsulate)
        snprintf(buf + n, size - (size_t)n, "tnl_push(%s),%s", port_name(head->account), port_name(head->port));
    else
        snprintf(buf + n, size - (size_t)n, "%s", port_name(head->port));
}

static void visit_slice(const struct slice *slice, unsigned int worker,
                        void (*visit)(void *aux, const struct flow_copy *flow), void *aux)
{
    for (uint32_t i = 0; i < slice->n; i++) {
        struct flow_copy copy = {
            .worker = worker,
            .key = slice->flows[i].key,
            .packets = slice->flows[i].entry.packets,
            .bytes = slice->flows[i].entry.bytes,
            .idle = slice->flows[i].idle,
        };

        format_action(&slice->flows[i].entry, &slice->flows[i].head, slice->flows[i].n_outputs, copy.action,
                      sizeof copy.action);
        visit(aux, &copy);
    }
}

void dataplane_dump_flows(void (*visit)(void *aux, const struct flow_copy *flow), void *aux)
{
    struct slice *slice = malloc(sizeof *slice);

    for (unsigned int id = 0; slice != NULL && id < WORKERS_MAX; id++) {
        struct worker *worker = dataplane_worker(id);

        if (worker == NULL)
            continue;
        slice->first = 0;
        do {
            mailbox_post(&worker->mailbox, copy_slice, slice);
            while (!mailbox_is_done(&worker->mailbox))
                usleep(20);
            visit_slice(slice, id, visit, aux);
        } while (!slice->end);
    }
    free(slice);
}
