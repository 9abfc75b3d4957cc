// SPDX-License-Identifier: Apache-2.0
/* What a worker does besides: first packets of flows, validation of flows that something may have changed, transmission. */
#include "tests/bench/stages_station.h"

#include "tests/bench/many_rules.h"

#define ROUNDS_MAX 1024u /* of batches that open a session for each packet: half of the station's table */
#define FLOWS_MAX  (2 * STAGE_BATCH)

static struct flow_entry *entries[FLOWS_MAX];
static uint32_t n_entries;
static bool valid[STAGE_BATCH];
static uint32_t batches;

static void start_first_packets(uint32_t n_rules)
{
    struct packet_spec request = {1, 2, NULL, IPPROTO_UDP, false, 0, 2000, 0, 0, false, 18};
    struct ct_limits limits = {.max = UINT32_MAX};
    struct world *w = &stage_station.s.w;

    stage_station_start();
    for (uint32_t id = 1; id <= 2; id++) {
        struct attachment a = {.account = conntrack_account_open(w->ct, &limits)};

        if (n_rules > 0) {
            a.has_policy = true;
            a.policy = (struct port_policy){.ingress = many_rules(n_rules, RULE_INGRESS),
                                            .egress = many_rules(n_rules, RULE_EGRESS)};
        }
        world_attach(w, id, a);
    }
    station_settle(&stage_station.s);
    stage_guests_learn(0);
    stage_station.request = spec_frame(&request);
    batches = 0;
}

static void next_flows(uint32_t round)
{
    stage_requests_fill(round * STAGE_BATCH);
    batches++;
}

static void run_first(void)
{
    stage_requests_forward();
}

static void all_were_new(void)
{
    stage_expect(stage_station.sent == batches * STAGE_BATCH, "packets to arrive");
    stage_expect(station_misses(&stage_station.s) == batches * STAGE_BATCH, "new flows");
    stage_station_stop();
}

static void note_entry(void *aux, struct flow_entry *entry)
{
    if (entry->port == stage_station.client)
        entries[n_entries++] = entry;
}

static void start_validation(uint32_t choice)
{
    struct flow_cache *cache;

    stage_guests_start(GUESTS_POLICED);
    stage_flows_establish();
    cache = &stage_station.s.worker->cache;
    n_entries = 0;
    flow_cache_sweep(cache, flow_cache_line_count(cache), note_entry, NULL);
    stage_expect(n_entries == STAGE_BATCH, "a flow for each packet");
}

static void pass_second(uint32_t round)
{
    stage_station.s.tick++;
    station_look_around(&stage_station.s);
}

static void change_something(uint32_t round)
{
    worker_take_stamp(stage_station.s.worker, stage_station.s.w.snapshot, round + 1, stage_station.s.tick);
}

static void run_validate(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        valid[i] = flow_revalidate(stage_station.s.worker, entries[i], 0);
}

static void all_were_valid(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(valid[i] && entries[i]->stamp == stage_station.s.worker->stamp, "valid flows");
    stage_station_stop();
}

static uint16_t ports[STAGE_BATCH];

/* One packet after the other goes to the next of 'n_ports' ports. */
static void start_transmission(uint32_t n_ports)
{
    stage_station_start();
    for (uint32_t id = 1; id <= n_ports; id++)
        world_attach(&stage_station.s.w, id, (struct attachment){0});
    station_settle(&stage_station.s);
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        ports[i] = (uint16_t)(1 + i % n_ports);
    stage_station.request = (struct frame){.len = 0};
    batches = 0;
}

static void count_batch(uint32_t round)
{
    batches++;
}

static void run_transmit(void)
{
    struct worker *worker = stage_station.s.worker;

    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        tx_add(&worker->tx, worker->snapshot, ports[i], stage_packets[i]);
    tx_flush(&worker->tx, worker->snapshot);
}

static void all_were_sent(void)
{
    stage_expect(stage_station.sent == batches * STAGE_BATCH, "packets to leave");
    stage_station_stop();
}

const struct stage stages_of_workers[] = {
    {"first_l2", "worker_forward(), new flows of UDP", run_first, start_first_packets, next_flows, all_were_new, 0,
     ROUNDS_MAX},
    {"first_1_rule", "new connections of UDP, a rule on both ports", run_first, start_first_packets, next_flows,
     all_were_new, 1, ROUNDS_MAX},
    {"first_1000_rules", "the same, a thousand rules", run_first, start_first_packets, next_flows, all_were_new, 1000,
     ROUNDS_MAX},
    {"validate_second", "flow_revalidate(), a second has passed", run_validate, start_validation, pass_second,
     all_were_valid, 0, 0},
    {"validate_changed", "flow_revalidate(), something has changed", run_validate, start_validation, change_something,
     all_were_valid, 0, 0},
    {"transmit", "tx_add() and tx_flush(), to one port", run_transmit, start_transmission, count_batch, all_were_sent,
     1, 0},
    {"transmit_8_ports", "the same, to eight ports in turn", run_transmit, start_transmission, count_batch,
     all_were_sent, 8, 0},
    {.name = NULL},
};
