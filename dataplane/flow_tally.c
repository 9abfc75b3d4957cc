// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_tally.h"

#include <unistd.h>

#include "dataplane/dataplane.h"
#include "dataplane/dataplane_private.h"
#include "dataplane/rule_counters.h"
#include "dataplane/validate.h"

/* Lines that one request to a worker looks at: some ten microseconds. */
#define SLICE_LINES 2048u

static void count(struct worker *worker, const struct flow_rules *rules, uint64_t packets, uint64_t bytes,
                  uint32_t last)
{
    rule_counters_add(worker->id, rules->egress, packets, bytes, last);
    rule_counters_add(worker->id, rules->ingress, packets, bytes, last);
    rule_counters_add(worker->id, rules->audit, packets, bytes, last);
}

static uint32_t refusing_rule(const struct flow_rules *rules)
{
    return rules->egress != 0 ? rules->egress : rules->ingress;
}

/* Only drops by policy have a rule to be told by. */
static bool is_of_policy(enum drop_reason drop)
{
    return drop == DROP_POLICY_EGRESS || drop == DROP_POLICY_INGRESS || drop == DROP_POLICY_CUT;
}

/* What policy let pass and something else then dropped, its session say, did not go by the rules that let it. */
static bool counts_for_rules(enum drop_reason drop)
{
    return drop == DROP_NONE || is_of_policy(drop);
}

void flow_tally_begin(struct worker *worker, const struct flow_entry *entry, const struct flow_rules *rules)
{
    struct flow_tally *tally = flow_cache_tally(&worker->cache, entry);

    tally->rules = *rules;
    tally->packets = entry->packets;
    tally->bytes = entry->bytes;
}

/* The tick of the entry's last packet. */
static uint32_t last_used(const struct worker *worker, const struct flow_entry *entry)
{
    uint32_t idle = flow_idle(worker, entry);

    return idle < worker->now ? worker->now - idle : worker->now;
}

void flow_tally_harvest(struct worker *worker, const struct flow_entry *entry)
{
    struct flow_tally *tally = flow_cache_tally(&worker->cache, entry);
    uint64_t packets = entry->packets - tally->packets;
    uint64_t bytes = entry->bytes - tally->bytes;
    enum drop_reason drop = entry->flags & FLOW_DROP ? (enum drop_reason)entry->action : DROP_NONE;

    if (packets == 0)
        return;
    tally->packets = entry->packets;
    tally->bytes = entry->bytes;
    if (counts_for_rules(drop))
        count(worker, &tally->rules, packets, bytes, last_used(worker, entry));
    if (is_of_policy(drop))
        rule_drops_add(worker->id, entry->port, drop, refusing_rule(&tally->rules), packets);
}

void flow_tally_packet(struct worker *worker, uint16_t port, enum drop_reason drop, const struct flow_rules *rules,
                       uint32_t bytes)
{
    if (counts_for_rules(drop))
        count(worker, rules, 1, bytes, worker->now);
    if (is_of_policy(drop))
        rule_drops_add(worker->id, port, drop, refusing_rule(rules), 1);
}

/* Harvests the living entries of the lines from 'first' up to before 'end'. */
static void harvest_lines(struct worker *worker, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        const struct flow_entry *entry = &worker->cache.lines[i];

        if (flow_line_kind(entry) < FLOW_LINE_EMPTY)
            flow_tally_harvest(worker, entry);
    }
}

void flow_tally_harvest_all(struct worker *worker)
{
    harvest_lines(worker, 0, flow_cache_line_count(&worker->cache));
}

/* Filled by control; the worker advances 'next'. */
struct harvest {
    uint32_t next;
    bool end;
};

static void harvest_slice(void *worker_, void *request)
{
    struct worker *worker = worker_;
    struct harvest *harvest = request;
    uint32_t lines = flow_cache_line_count(&worker->cache);
    uint32_t last = harvest->next + SLICE_LINES < lines ? harvest->next + SLICE_LINES : lines;

    harvest_lines(worker, harvest->next, last);
    harvest->next = last;
    harvest->end = last == lines;
}

void dataplane_harvest(void)
{
    for (unsigned int id = 0; id < WORKERS_MAX; id++) {
        struct worker *worker = dataplane_worker(id);
        struct harvest harvest = {.next = 0, .end = worker == NULL};

        while (!harvest.end) {
            mailbox_post(&worker->mailbox, harvest_slice, &harvest);
            while (!mailbox_is_done(&worker->mailbox))
                usleep(20);
        }
    }
}
